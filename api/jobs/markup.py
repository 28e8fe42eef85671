"""HTML for the outputs of a job: ``srcset`` values and a ``<picture>`` element.

Every value is escaped, because a file name can contain markup. Of several formats, browsers take the first that they
support, so the formats with the smallest files come first (HTML Living Standard, 4.8.1).
"""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import PurePosixPath
from typing import Final, Self

from pydantic import Field

from api.http.schemas import View
from shared.jobs.job import Job, ProcessedImage
from shared.pipeline.facts import ImageFacts
from shared.pipeline.image_formats import AVIF, BY_NAME, GIF, JPEG, PNG, WEBP
from shared.pipeline.operations import Resize

#: Formats that browsers show, best first. The last one that a job has is for browsers without the others.
_FORMATS: Final = (AVIF, WEBP, PNG, GIF, JPEG)
#: Width of the image on the page. Without it, browsers assume this value too.
_SIZES: Final = "100vw"


class MarkupView(View):
    """HTML for the outputs that show the whole image in different sizes and formats."""

    srcset: dict[str, str] = Field(description="Value of the attribute `srcset` by format, such as `avif`.")
    picture: str = Field(
        title="HTML element",
        description="A `<picture>` element with width and height. Adapt `sizes` and `alt`, which has the file name. As"
        " placeholder, it can have the main color as background and the ThumbHash in `data-thumbhash`.",
    )

    @classmethod
    def of(cls, job: Job, get_url: Callable[[ProcessedImage], str], facts: ImageFacts | None = None) -> Self | None:
        """Return the markup of a completed job, or None if a browser can't show any output.

        ``facts`` are about the raw image. They give a placeholder if the outputs look like the raw image.
        """
        outputs = _select(job)
        by_format = {
            name: sorted((each for each in outputs if each.format == name), key=lambda each: each.width)
            for name in (each.name for each in _FORMATS)
        }
        srcsets = {
            name: ", ".join(f"{get_url(each)} {each.width}w" for each in images)
            for name, images in by_format.items()
            if images
        }
        if not srcsets:
            return None
        *better, fallback = srcsets
        sources = "".join(
            f'<source type="{BY_NAME[name].media_type}" srcset="{escape(srcsets[name])}" sizes="{_SIZES}">'
            for name in better
        )
        largest = by_format[fallback][-1]
        image = (
            f'<img src="{escape(get_url(largest))}" srcset="{escape(srcsets[fallback])}" sizes="{_SIZES}"'
            f' width="{largest.width}" height="{largest.height}" alt="{escape(PurePosixPath(job.filename).stem)}"'
            f' loading="lazy" decoding="async"{_describe_placeholder(job, largest, facts)}>'
        )
        return cls(
            srcset={name.lower(): srcset for name, srcset in srcsets.items()},
            picture=f"<picture>{sources}{image}</picture>",
        )


def _describe_placeholder(job: Job, image: ProcessedImage, facts: ImageFacts | None) -> str:
    """Return attributes for the time before an image is loaded, or no text if it differs from the raw image.

    A transparent image has no background, which would stay visible. The values of facts need no escaping.
    """
    is_whole = job.pipeline is not None and all(isinstance(each, Resize) for each in job.pipeline.operations)
    if facts is None or not is_whole or abs(facts.height * image.width / facts.width - image.height) > 1:
        return ""
    color = "" if facts.has_alpha or facts.dominant_color is None else f' style="background:{facts.dominant_color}"'
    return f'{color} data-thumbhash="{facts.thumbhash}"'


def _select(job: Job) -> Sequence[ProcessedImage]:
    """Return the outputs that show the same image: responsive ones, or else those that are only resized.

    Of each width and format, only the first is returned. All have the proportions of the largest one.
    """
    pipeline = job.pipeline
    if pipeline is None:
        return ()
    if pipeline.responsive is not None:
        own = {output.name for output in pipeline.outputs}
        images = [each for each in job.outputs if each.name not in own]
    else:
        resized = {
            output.name
            for output in pipeline.outputs
            if all(isinstance(operation, Resize) for operation in output.operations)
        }
        images = [each for each in job.outputs if each.name in resized]
    if not images:
        return ()
    largest = max(images, key=lambda each: each.width)
    unique = {(each.format, each.width): each for each in reversed(images) if _has_shape_of(each, largest)}
    return list(unique.values())


def _has_shape_of(image: ProcessedImage, largest: ProcessedImage) -> bool:
    """Return True if two images have the same proportions, up to a rounded pixel."""
    return abs(largest.height * image.width / largest.width - image.height) <= 1
