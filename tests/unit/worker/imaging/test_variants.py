"""Variants: the same images as jobs of their own, from one decode."""

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support import sample_images
from support.image_similarity import compute_psnr

from shared.errors import ByteCeilingUnreachable, OutsideImage, ResourceLimit
from shared.pipeline.operations import Grayscale, Resize
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging import Limits, RenderResult, render
from worker.imaging.planner import Plan, make_plan, make_unoptimized_plan
from worker.imaging.stored_header import StoredHeader
from worker.imaging.variants import ScaledImage, arrange, group_outputs, plan_variants

PHOTOGRAPH = (Path(__file__).parents[4] / "safelight" / "demo_images" / "astronaut.jpg").read_bytes()
render_module: Any = sys.modules["worker.imaging.render"]
LIMITS = Limits(max_bytes=10_000_000, max_pixels=20_000_000, max_side=20_000)
MIN_PSNR = 45
WIDTHS = [40, 64, 100, 128, 200, 256, 400]
JPEG = StoredHeader(
    format="JPEG", mode="RGB", stored_size=(4000, 3000), orientation=1, is_opaque=True, is_srgb=True, is_still=True
)


def render_images(data: bytes, pipeline: dict[str, Any], **options: Any) -> dict[str, Image.Image]:
    """Return the image of each output."""
    rendered = render(data, Pipeline.model_validate(pipeline), LIMITS, **options)
    return {output.name: sample_images.decode(encoded.data) for output, encoded in rendered.outputs}


def render_alone(data: bytes, pipeline: dict[str, Any], width: int) -> Image.Image:
    """Return the image of one width, from a job of its own without shortcuts."""
    alone = pipeline | {"responsive": pipeline["responsive"] | {"widths": [width]}}
    (image,) = render_images(data, alone, planner=make_unoptimized_plan).values()
    return image


@pytest.mark.parametrize(
    "shared",
    [
        [],
        [{"op": "grayscale"}],
        [{"op": "crop", "unit": "relative", "width": 0.8, "height": 0.9}],
        [{"op": "resize", "width": 420}, {"op": "adjust", "contrast": 1.2}],
        [{"op": "trim"}],
        [{"op": "rotate", "angle": 90}],
    ],
    ids=lambda operations: "+".join(each["op"] for each in operations) or "none",
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_variants_equal_jobs_of_their_own(shared: list[dict[str, Any]], orientation: int) -> None:
    """Each width, within the quality floor."""
    with Image.open(Path(__file__).parents[4] / "safelight" / "demo_images" / "astronaut.jpg") as image:
        exif = image.getexif()
        exif[274] = orientation
        data = sample_images.encode(image, "JPEG", quality=95, exif=exif)
    pipeline = {"operations": shared, "responsive": {"widths": WIDTHS, "formats": ["png"]}}
    images = render_images(data, pipeline)
    assert list(images) == [f"w{width}-png" for width in WIDTHS]
    for width in WIDTHS:
        assert compute_psnr(images[f"w{width}-png"], render_alone(data, pipeline, width)) >= MIN_PSNR


def test_transparent_variants_equal_jobs_of_their_own() -> None:
    """Pixels as a viewer shows them on a background."""
    data = (Path(__file__).parents[4] / "safelight" / "demo_images" / "horse-transparent.png").read_bytes()
    pipeline = {"responsive": {"widths": [50, 100, 200, 300], "formats": ["png"]}}
    for name, image in render_images(data, pipeline).items():
        alone = render_alone(data, pipeline, int(name[1:].partition("-")[0]))
        flat = [Image.alpha_composite(Image.new("RGBA", each.size, "#808080"), each) for each in (image, alone)]
        assert compute_psnr(*(each.convert("RGB") for each in flat)) >= MIN_PSNR


def test_own_operations_run_after_the_shared_ones() -> None:
    """Two sizes of one crop; the second output is cropped again."""
    pipeline = {
        "operations": [{"op": "crop", "x": 10, "y": 0, "width": 300, "height": 200}],
        "outputs": [
            {"name": "card", "operations": [{"op": "resize", "width": 40, "height": 40, "fit": "cover"}]},
            {"name": "full"},
            {"name": "gray", "operations": [{"op": "grayscale"}]},
        ],
    }
    images = render_images(PHOTOGRAPH, pipeline)
    assert {name: (image.size, image.mode) for name, image in images.items()} == {
        "card": ((40, 40), "RGB"),
        "full": ((300, 200), "RGB"),
        "gray": ((300, 200), "L"),
    }


def test_all_variants_come_from_one_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the number of outputs."""
    loads = 0
    decode = render_module.decode

    def count(*arguments: Any) -> Any:
        nonlocal loads
        loads += 1
        return decode(*arguments)

    monkeypatch.setattr(render_module, "decode", count)
    render(PHOTOGRAPH, Pipeline.model_validate({"responsive": {"widths": WIDTHS, "formats": ["webp"]}}), LIMITS)
    assert loads == 1


def list_chains(images: list[ScaledImage], *larger: int) -> Iterator[tuple[int, ...]]:
    """Yield the widths from the decoded image to each variant."""
    for image in images:
        width = image.plan.scaling.size[0] if image.plan.scaling else 0
        yield (*larger, width)
        yield from list_chains(image.smaller, *larger, width)


def arrange_widths(*widths: int, header: StoredHeader = JPEG, gray: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Return the chains of images of some widths."""
    outputs = [
        Output(name=f"a{width}", operations=(Resize(width=width), *((Grayscale(),) if width in gray else ())))
        for width in widths
    ]
    variants = plan_variants(header, (), group_outputs(outputs), make_plan)
    return sorted(list_chains(arrange(variants, header.stored_size)))


def test_small_variants_are_made_from_larger_ones() -> None:
    """The smallest variant that is at least twice as wide."""
    assert arrange_widths(320, 640, 1280, 1920) == [(1280,), (1280, 640), (1280, 640, 320), (1920,)]
    assert arrange_widths(1000, 501, 500) == [(501,), (1000,), (1000, 500)]


def test_gray_image_is_not_made_into_a_colored_one() -> None:
    """The other way round is possible."""
    assert arrange_widths(400, 800, gray=(800,)) == [(400,), (800,)]
    assert arrange_widths(400, 800, gray=(400,)) == [(800,), (800, 400)]


def test_number_of_variants_does_not_change_the_memory() -> None:
    """At most a chain of images is in memory, each with a quarter of the pixels of the one before."""
    chains = arrange_widths(*range(100, 2100, 50))
    for chain in chains:
        assert all(larger >= 2 * smaller for larger, smaller in pairwise(chain))


def test_largest_variant_decides_how_the_file_is_decoded() -> None:
    """At half size for 900 of 4,000 pixels, although 200 pixels alone would need an eighth."""
    outputs = [Output(name=f"a{width}", operations=(Resize(width=width),)) for width in (200, 900)]
    plans: list[Plan] = [each.plan for each in plan_variants(JPEG, (), group_outputs(outputs), make_plan)]
    assert {plan.decoding.shrink for plan in plans} == {2}


def test_luma_is_decoded_only_if_all_variants_are_gray() -> None:
    """One variant in color needs the colors."""
    outputs = [
        Output(name="gray", operations=(Resize(width=200), Grayscale())),
        Output(name="color", operations=(Resize(width=200),)),
    ]
    variants = plan_variants(JPEG, (), group_outputs(outputs), make_plan)
    assert {each.plan.decoding.luma_only for each in variants} == {False}
    assert {
        each.plan.decoding.luma_only for each in plan_variants(JPEG, (), group_outputs(outputs[:1]), make_plan)
    } == {True}


def test_full_size_and_small_output_are_upright() -> None:
    """If one output is not scaled, the orientation is still applied to both."""
    data = sample_images.make_rotated_jpeg(80, 60, 6)
    pipeline = {"outputs": [{"name": "full"}, {"name": "small", "operations": [{"op": "resize", "width": 20}]}]}
    images = render_images(data, pipeline)
    (alone,) = render_images(data, {"operations": [{"op": "resize", "width": 20}]}).values()
    assert (images["full"].size, images["small"].size) == ((60, 80), alone.size)
    assert compute_psnr(images["small"], alone) >= MIN_PSNR


def test_shared_result_may_be_larger_than_an_output() -> None:
    """Only outputs have a longest side."""
    data = sample_images.make_png(10_500, 4)
    pipeline = {"operations": [{"op": "flip"}], "responsive": {"widths": [100], "formats": ["png"]}}
    assert {image.size for image in render_images(data, pipeline).values()} == {(100, 1)}


def render_all(pipeline: dict[str, Any], **options: Any) -> RenderResult:
    """Render a photograph."""
    return render(PHOTOGRAPH, Pipeline.model_validate(pipeline), LIMITS, **options)


def test_failure_names_its_output() -> None:
    """Before decoding, while encoding, and for the sum of the outputs."""
    outside = {"op": "crop", "x": 9000, "y": 0, "width": 5, "height": 5}
    with pytest.raises(OutsideImage, match=r"^Output card: The crop starts at 9000"):
        render_all({"outputs": [{"name": "full"}, {"name": "card", "operations": [outside]}]})
    with pytest.raises(ByteCeilingUnreachable, match=r"^Output tiny: "):
        render_all({"outputs": [{"name": "full"}, {"name": "tiny", "format": "jpeg", "max_bytes": 256}]})
    with pytest.raises(ResourceLimit, match=r"^Output w[0-9]+-png: The outputs have [0-9,]+ bytes in total; at most"):
        render_all({"responsive": {"widths": WIDTHS, "formats": ["png"]}}, max_result_bytes=100_000)
    with pytest.raises(OutsideImage, match=r"^The crop starts"):
        render_all({"output": {"operations": [outside]}})
