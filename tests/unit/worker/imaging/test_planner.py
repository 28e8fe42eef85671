"""The planner: same images as the unoptimized plan, and the conditions of each rule."""

import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw
from support import sample_images
from support.image_similarity import compute_psnr
from support.thorough import every

from shared.pipeline.pipeline import Grayscale, Operation, Pipeline, Resize
from worker.imaging import Limits, RenderResult, render
from worker.imaging.operations.geometry import compute_resize_box
from worker.imaging.planner import Plan, make_plan, make_unoptimized_plan
from worker.imaging.scaling import Scaling
from worker.imaging.stored_header import StoredHeader

PHOTOGRAPHS = sorted((Path(__file__).parents[4] / "safelight" / "demo_images").glob("*.jpg"))
#: The largest photograph takes most of the time, and shows the same as the others.
PARAMETERS = [
    pytest.param(each, marks=[pytest.mark.thorough] if each.stem == "contact-sheet" else []) for each in PHOTOGRAPHS
]
LIMITS = Limits(max_bytes=10_000_000, max_pixels=20_000_000, max_side=5_000)
MIN_PSNR = 45
JPEG = StoredHeader(
    format="JPEG", mode="RGB", stored_size=(4000, 3000), orientation=1, is_opaque=True, is_srgb=True, is_still=True
)
SMALL = Resize(width=400, height=400)
PIPELINES = {
    "default": [{"op": "resize", "width": 1024, "height": 1024}, {"op": "grayscale"}],
    "small": [{"op": "resize", "width": 320, "height": 320}, {"op": "grayscale"}],
    "grayscale first": [{"op": "grayscale"}, {"op": "resize", "width": 200}],
    "color": [{"op": "resize", "width": 500, "height": 500}],
    "thumbnail": [{"op": "resize", "width": 256, "height": 256, "fit": "cover"}],
    "squeezed": [{"op": "resize", "width": 300, "height": 90, "fit": "exact"}],
    "twice": [{"op": "resize", "width": 400}, {"op": "resize", "width": 150}, {"op": "grayscale"}],
    "grayscale only": [{"op": "grayscale"}],
}


def render_with_and_without_plan(data: bytes, operations: list[dict[str, Any]]) -> tuple[RenderResult, RenderResult]:
    """Render with the plan and with the unoptimized plan."""
    pipeline = Pipeline.model_validate({"operations": operations})
    return render(data, pipeline, LIMITS), render(data, pipeline, LIMITS, planner=make_unoptimized_plan)


def compute_planned_psnr(data: bytes, operations: list[dict[str, Any]]) -> float:
    """Return the PSNR in decibels of both results. Fail if their sizes or warnings differ."""
    planned, expected = render_with_and_without_plan(data, operations)
    assert (planned.width, planned.height, planned.warnings) == (expected.width, expected.height, expected.warnings)
    images = [sample_images.decode(rendered.outputs[0][1].data) for rendered in (planned, expected)]
    return compute_psnr(*images)


def make_header(**facts: Any) -> StoredHeader:
    """Return the header of a large JPEG with some fields replaced."""
    return StoredHeader(**{name: getattr(JPEG, name) for name in JPEG.__dataclass_fields__} | facts)


@pytest.mark.parametrize("operations", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("photograph", PARAMETERS, ids=lambda path: path.stem)
def test_planned_photograph_matches_the_unoptimized_plan(photograph: Path, operations: list[dict[str, Any]]) -> None:
    """The PSNR is at least 45 dB on each demo image."""
    assert compute_planned_psnr(photograph.read_bytes(), operations) >= MIN_PSNR


@pytest.mark.parametrize("kind", every(2, ["PNG", "WEBP", "TIFF", "AVIF"]))
@pytest.mark.parametrize("operations", PIPELINES.values(), ids=PIPELINES)
def test_other_formats_match_the_unoptimized_plan(kind: str, operations: list[dict[str, Any]]) -> None:
    """They are decoded in full, but reduced and converted to gray in the cheaper order."""
    assert compute_planned_psnr(encode_photograph(kind), operations) >= MIN_PSNR


@cache
def encode_photograph(kind: str) -> bytes:
    """Return a photograph in a lossless or nearly lossless format."""
    options = {"lossless": True} if kind == "WEBP" else {}
    with Image.open(PHOTOGRAPHS[0]) as photograph:
        return sample_images.encode(photograph.convert("RGB"), kind, **options)


@pytest.mark.parametrize("fit", ["inside", "cover", "exact"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_after_the_resize_gives_the_same_image(orientation: int, fit: str) -> None:
    """For each EXIF orientation, with the same crop."""
    data = sample_images.make_rotated_jpeg(801, 602, orientation)
    assert compute_planned_psnr(data, [{"op": "resize", "width": 90, "height": 120, "fit": fit}]) >= MIN_PSNR


@given(
    stored=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    orientation=st.integers(1, 8),
    box=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    fit=st.sampled_from(["inside", "cover", "exact"]),
)
@settings(max_examples=300)
def test_scaling_in_stored_orientation_keeps_its_area(
    stored: tuple[int, int], orientation: int, box: tuple[int, int], fit: str
) -> None:
    """The box stays inside the stored image."""
    header = make_header(stored_size=stored, orientation=orientation)
    params = Resize.model_validate({"width": box[0], "height": box[1], "fit": fit})
    upright = Scaling(size=compute_resize_box(header.size, params)[0], box=compute_resize_box(header.size, params)[1])
    stored_scaling = upright.to_stored_orientation(stored, orientation)
    assert sorted(stored_scaling.shrink_factors) == pytest.approx(sorted(upright.shrink_factors))
    left, upper, right, lower = stored_scaling.box
    assert -1e-6 <= left < right <= stored[0] + 1e-6
    assert -1e-6 <= upper < lower <= stored[1] + 1e-6


def test_default_pipeline_uses_every_optimization() -> None:
    """Luma only, shrunk while decoding, scaled as stored; no operations remain."""
    result = make_plan(make_header(orientation=6), (Resize(width=600, height=600), Grayscale()))
    assert result.decoding.luma_only
    assert result.decoding.shrink == 2
    assert not result.decoding.apply_orientation
    assert result.convert_to_gray
    assert result.scaling is not None
    assert result.scaling.size == (600, 450)
    assert result.orientation == 6
    assert result.operations == ()


@pytest.mark.parametrize(("side", "shrink"), [(2001, 1), (2000, 1), (1000, 2), (401, 2), (400, 4), (201, 4), (200, 8)])
def test_shrinking_leaves_at_least_two_pixels_per_result_pixel(side: int, shrink: int) -> None:
    """The longer side of 4,000 pixels is decoded to at least twice, at 1/4 and 1/8 2.5 times, the requested side."""
    assert make_plan(JPEG, (Resize(width=side),)).decoding.shrink == shrink


@pytest.mark.parametrize("factor", [8, 16])
def test_shrinking_keeps_the_quality_of_sharp_edges(factor: int) -> None:
    """An image of circles with sharp edges loses most if high frequencies are left out."""
    dice = random.Random(1)
    image = Image.new("RGB", (1920, 960))
    draw = ImageDraw.Draw(image)
    for _ in range(4000):
        left, upper, side = dice.randrange(1920), dice.randrange(960), dice.randrange(4, 40)
        draw.ellipse((left, upper, left + side, upper + side), fill=tuple(dice.randbytes(3)))
    data = sample_images.encode(image, "JPEG", quality=92, subsampling=0)
    assert compute_planned_psnr(data, [{"op": "resize", "width": 1920 // factor}]) >= MIN_PSNR


@pytest.mark.parametrize(
    "facts",
    [{"format": "PNG"}, {"mode": "CMYK"}, {"mode": "L"}, {"is_srgb": False}, {"is_still": False}],
    ids=str,
)
def test_luma_is_decoded_only_if_it_equals_gray(facts: dict[str, Any]) -> None:
    """Not for another format, CMYK, gray, a color profile or an animation."""
    assert not make_plan(make_header(**facts), (SMALL, Grayscale())).decoding.luma_only


@pytest.mark.parametrize(
    "facts", [{"format": "PNG"}, {"mode": "CMYK"}, {"is_srgb": False}, {"is_still": False}], ids=str
)
def test_shrinking_is_off_where_the_result_would_differ(facts: dict[str, Any]) -> None:
    """Another format, CMYK, a color profile or an animation is decoded in full."""
    assert make_plan(make_header(**facts), (SMALL,)).decoding.shrink == 1


def test_colors_are_decoded_without_grayscale() -> None:
    """A pipeline in color decodes colors."""
    result = make_plan(JPEG, (SMALL,))
    assert not result.convert_to_gray
    assert not result.decoding.luma_only


def test_transparent_image_is_resized_in_color() -> None:
    """Resizing weights colors by alpha, so the order stays unless grayscale comes first."""
    transparent = make_header(format="PNG", mode="RGBA", is_opaque=False)
    assert not make_plan(transparent, (SMALL, Grayscale())).convert_to_gray
    assert make_plan(transparent, (SMALL, Grayscale())).operations == (Grayscale(),)
    assert make_plan(transparent, (Grayscale(), SMALL)).convert_to_gray


@pytest.mark.parametrize(
    "operations",
    [(), (Resize(width=8000, enlarge=True),), (Resize(width=400, height=8000, fit="exact", enlarge=True),)],
    ids=str,
)
def test_enlarging_pipeline_is_not_optimized(operations: tuple[Operation, ...]) -> None:
    """Nor is one without operations."""
    assert make_plan(JPEG, operations) == Plan(operations=operations)


def test_animation_is_not_optimized() -> None:
    """A file with several frames gets the unoptimized plan."""
    operations = (SMALL, Grayscale())
    assert make_plan(make_header(is_still=False), operations) == Plan(operations=operations)


def test_colors_of_a_profile_are_kept() -> None:
    """A photograph with a foreign profile becomes gray by its true colors."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp.").replace(b"gXYZ", b"rXYZ").replace(b"tmp.", b"gXYZ")
    foreign = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    data = sample_images.make_jpeg(1600, 1200, icc_profile=foreign)
    assert compute_planned_psnr(data, [{"op": "resize", "width": 200}, {"op": "grayscale"}]) >= MIN_PSNR


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:0"}, {"keep_rgb": True}],
    ids=str,
)
@pytest.mark.parametrize("operations", [PIPELINES["small"], PIPELINES["thumbnail"]], ids=["small", "thumbnail"])
def test_every_kind_of_jpeg_can_be_shrunk(options: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    """Progressive, with any chroma subsampling, and RGB instead of YCbCr."""
    with Image.open(PHOTOGRAPHS[0]) as photograph:
        data = sample_images.encode(photograph.convert("RGB").resize((1501, 997)), "JPEG", quality=92, **options)
    assert compute_planned_psnr(data, operations) >= MIN_PSNR
