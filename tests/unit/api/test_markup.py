"""HTML for the outputs of a job."""

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from support.sample_jobs import NOW, make_processing_job

from api.jobs.markup import MarkupView
from shared.jobs.job import Job, ProcessedImage
from shared.pipeline.facts import ImageFacts
from shared.pipeline.image_formats import BY_NAME
from shared.pipeline.pipeline import Pipeline

RESPONSIVE = {"widths": [320, 640], "formats": ["jpeg", "avif", "webp"]}


def make_job(pipeline: dict[str, Any], *images: tuple[str, str, int, int], filename: str = "a cat.jpg") -> Job:
    """Return a completed job whose outputs have these names, formats and sizes."""
    outputs = tuple(
        ProcessedImage(
            name=name,
            key=f"processed/{name}",
            size=9,
            width=width,
            height=height,
            format=image_format,
            media_type=BY_NAME[image_format].media_type,
            digest="00" * 32,
        )
        for name, image_format, width, height in images
    )
    job = replace(make_processing_job(), pipeline=Pipeline.model_validate(pipeline), filename=filename)
    return job.complete(raw=job.raw, outputs=outputs, warnings=(), now=NOW, full_width=1000)


def make_responsive_job(**more: Any) -> Job:
    """Return a job with two widths in three formats."""
    images = [
        (f"w{width}-{name.lower()}", name, width, width * 3 // 4)
        for width in (320, 640)
        for name in ("JPEG", "AVIF", "WEBP")
    ]
    return make_job({"responsive": RESPONSIVE}, *images, **more)


def describe(job: Job, facts: ImageFacts | None = None) -> MarkupView | None:
    """Return the markup with short URLs that need escaping."""
    return MarkupView.of(job, lambda output: f"https://host/{output.name}?a=1&b=2", facts)


class Elements(HTMLParser):
    """Collects the elements of a text as a browser reads them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the element."""
        self.found.append((tag, dict(attrs)))


def read_elements(job: Job, facts: ImageFacts | None = None) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements of the markup with their attributes."""
    markup = describe(job, facts)
    assert markup is not None
    return Elements(markup.picture).found


def test_each_format_has_a_srcset() -> None:
    """Smallest width first, with the URL as it is."""
    markup = describe(make_responsive_job())
    assert markup is not None
    assert list(markup.srcset) == ["avif", "webp", "jpeg"]
    assert markup.srcset["webp"] == ("https://host/w320-webp?a=1&b=2 320w, https://host/w640-webp?a=1&b=2 640w")


def test_picture_offers_the_best_format_first() -> None:
    """JPEG is for browsers without the others, and its largest image gives the size."""
    (picture, _), (_, avif), (_, webp), (tag, image) = read_elements(make_responsive_job())
    assert (picture, tag) == ("picture", "img")
    assert (avif["type"], webp["type"]) == ("image/avif", "image/webp")
    assert image["src"] == "https://host/w640-jpeg?a=1&b=2"
    assert (image["width"], image["height"], image["alt"]) == ("640", "480", "a cat")
    assert image["srcset"] == "https://host/w320-jpeg?a=1&b=2 320w, https://host/w640-jpeg?a=1&b=2 640w"


@pytest.mark.parametrize(
    "filename",
    ['"><script>alert(1)</script>.jpg', "' onerror='alert(1).jpg", "a&quot;b<!--.jpg", "</picture><iframe>.png"],
)
def test_names_can_not_add_markup(filename: str) -> None:
    """A browser reads the name as text, and no further element or attribute."""
    elements = read_elements(make_responsive_job(filename=filename))
    assert [tag for tag, _ in elements] == ["picture", "source", "source", "img"]
    *_, (_, image) = elements
    assert image["alt"] == filename.rpartition("/")[2].rpartition(".")[0]
    assert set(image) == {"src", "srcset", "sizes", "width", "height", "alt", "loading", "decoding"}


def test_single_output_has_markup() -> None:
    """A PNG of the default job."""
    markup = describe(make_job({}, ("image", "PNG", 100, 50)))
    assert markup is not None
    assert markup.srcset == {"png": "https://host/image?a=1&b=2 100w"}
    assert markup.picture.startswith("<picture><img ")


def test_outputs_of_another_image_are_left_out() -> None:
    """Another crop, or an output with an effect, is not a size of the same image."""
    small = {"op": "resize", "width": 100}
    pipeline = {
        "outputs": [
            {"name": "large", "format": "webp"},
            {"name": "small", "format": "webp", "operations": [small]},
            {"name": "square", "format": "webp", "operations": [small | {"height": 100, "fit": "cover"}]},
            {"name": "blurred", "format": "webp", "operations": [small, {"op": "blur", "radius": 2}]},
        ]
    }
    images = [("large", "WEBP", 400, 300), ("small", "WEBP", 100, 75), ("square", "WEBP", 100, 100)]
    markup = describe(make_job(pipeline, *images, ("blurred", "WEBP", 100, 75)))
    assert markup is not None
    assert markup.srcset == {"webp": "https://host/small?a=1&b=2 100w, https://host/large?a=1&b=2 400w"}


def test_format_that_browsers_do_not_show_has_no_markup() -> None:
    """TIFF alone."""
    assert describe(make_job({"output": {"format": "tiff"}}, ("image", "TIFF", 10, 10))) is None


def make_facts(**changes: Any) -> ImageFacts:
    """Return facts about a raw image of 1000 × 750 pixels."""
    facts = ImageFacts(
        width=1000,
        height=750,
        orientation=1,
        frames=1,
        has_alpha=False,
        bit_depth=8,
        color_space="sRGB",
        dominant_color="#8a9bb0",
        palette=("#8a9bb0",),
        thumbhash="3OcRJYB4d3h/iIeHeEh3eIhw+j2w",
        perceptual_hash="0" * 16,
        has_c2pa=False,
    )
    return facts.model_copy(update=changes)


def test_facts_give_a_placeholder() -> None:
    """The page can show it before the image is loaded."""
    *_, (_, attributes) = read_elements(make_responsive_job(), make_facts())
    assert attributes["style"] == "background:#8a9bb0"
    assert attributes["data-thumbhash"] == "3OcRJYB4d3h/iIeHeEh3eIhw+j2w"


@pytest.mark.parametrize("changes", [{"has_alpha": True}, {"dominant_color": None}])
def test_placeholder_of_some_images_has_no_background(changes: dict[str, Any]) -> None:
    """It would stay visible behind a transparent image."""
    *_, (_, attributes) = read_elements(make_responsive_job(), make_facts(**changes))
    assert "style" not in attributes
    assert "data-thumbhash" in attributes


@pytest.mark.parametrize("operations", [[{"op": "grayscale"}], [{"op": "trim"}]])
def test_image_that_differs_from_the_raw_image_has_no_placeholder(operations: list[dict[str, Any]]) -> None:
    """The facts are about the raw image."""
    job = make_job({"operations": operations}, ("image", "PNG", 320, 240))
    *_, (_, attributes) = read_elements(job, make_facts())
    assert not {"style", "data-thumbhash"} & attributes.keys()


def test_cropped_image_has_no_placeholder() -> None:
    """Its proportions differ from those of the raw image."""
    operations = [{"op": "resize", "width": 240, "height": 240, "fit": "cover"}]
    job = make_job({"operations": operations}, ("image", "PNG", 240, 240))
    *_, (_, attributes) = read_elements(job, make_facts())
    assert not {"style", "data-thumbhash"} & attributes.keys()
