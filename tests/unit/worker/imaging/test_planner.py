"""The planner's rewrites: the same image as the plain way, off where it would not be, and truly shorter."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support import sample_images
from support.image_similarity import compute_psnr

from shared.pipeline.pipeline import Grayscale, Operation, Pipeline, Resize
from worker.imaging import Limits, RenderResult, render
from worker.imaging.operations.geometry import compute_resize_box
from worker.imaging.planner import Plan, make_plan, make_unoptimized_plan
from worker.imaging.scaling import Scaling
from worker.imaging.stored_header import StoredHeader

PHOTOGRAPHS = sorted((Path(__file__).parents[4] / "safelight" / "demo_images").glob("*.jpg"))
LIMITS = Limits(max_bytes=10_000_000, max_pixels=20_000_000, max_side=5_000)
ENOUGH_DECIBELS = 45
JPEG = StoredHeader(
    format="JPEG", mode="RGB", stored_size=(4000, 3000), orientation=1, is_opaque=True, is_srgb=True, is_still=True
)
SMALL = Resize(width=400, height=400)
PIPELINES = {
    "default": [{"op": "resize", "width": 1024, "height": 1024}, {"op": "grayscale"}],
    "small": [{"op": "resize", "width": 320, "height": 320}, {"op": "grayscale"}],
    "gray first": [{"op": "grayscale"}, {"op": "resize", "width": 200}],
    "color": [{"op": "resize", "width": 500, "height": 500}],
    "thumbnail": [{"op": "resize", "width": 256, "height": 256, "fit": "cover"}],
    "squeezed": [{"op": "resize", "width": 300, "height": 90, "fit": "exact"}],
    "twice": [{"op": "resize", "width": 400}, {"op": "resize", "width": 150}, {"op": "grayscale"}],
    "as it is": [{"op": "grayscale"}],
}


def both_ways(data: bytes, operations: list[dict[str, Any]]) -> tuple[RenderResult, RenderResult]:
    """Render by the plan and the plain way."""
    pipeline = Pipeline.model_validate({"operations": operations})
    return render(data, pipeline, LIMITS), render(data, pipeline, LIMITS, planner=make_unoptimized_plan)


def likeness(data: bytes, operations: list[dict[str, Any]]) -> float:
    """Return how alike the two ways' results are, decibels, once their facts agree."""
    planned, expected = both_ways(data, operations)
    assert (planned.width, planned.height, planned.warnings) == (expected.width, expected.height, expected.warnings)
    images = [sample_images.decode(rendered.outputs[0][1].data) for rendered in (planned, expected)]
    return compute_psnr(*images)


def with_header(**facts: Any) -> StoredHeader:
    """Return the header of a large plain JPEG, except for some facts."""
    return StoredHeader(**{name: getattr(JPEG, name) for name in JPEG.__dataclass_fields__} | facts)


@pytest.mark.parametrize("operations", PIPELINES.values(), ids=PIPELINES)
@pytest.mark.parametrize("photograph", PHOTOGRAPHS, ids=lambda path: path.stem)
def test_a_photograph_looks_as_it_would_the_plain_way(photograph: Path, operations: list[dict[str, Any]]) -> None:
    """On each bundled photograph the planned way is at least 45 dB from the plain one."""
    assert likeness(photograph.read_bytes(), operations) >= ENOUGH_DECIBELS


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("operations", PIPELINES.values(), ids=PIPELINES)
def test_other_formats_look_as_they_would_the_plain_way(kind: str, operations: list[dict[str, Any]]) -> None:
    """What is no JPEG is decoded whole, and yet reduced and turned gray the cheaper way."""
    options = {"lossless": True} if kind == "WEBP" else {}
    with Image.open(PHOTOGRAPHS[0]) as photograph:
        data = sample_images.encode(photograph.convert("RGB"), kind, **options)
    assert likeness(data, operations) >= ENOUGH_DECIBELS


@pytest.mark.parametrize("fit", ["inside", "cover", "exact"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_after_the_resize_is_turning_before_it(orientation: int, fit: str) -> None:
    """An image stored in any of the eight ways comes out the same, cut at the same edges."""
    data = sample_images.make_rotated_jpeg(801, 602, orientation)
    assert likeness(data, [{"op": "resize", "width": 90, "height": 120, "fit": fit}]) >= ENOUGH_DECIBELS


@given(
    stored=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    orientation=st.integers(1, 8),
    box=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    fit=st.sampled_from(["inside", "cover", "exact"]),
)
@settings(max_examples=300)
def test_a_stored_scaling_stays_inside_and_keeps_its_area(
    stored: tuple[int, int], orientation: int, box: tuple[int, int], fit: str
) -> None:
    """Seen from the stored image, a scaling's part is as large as it was, and inside."""
    header = with_header(stored_size=stored, orientation=orientation)
    params = Resize.model_validate({"width": box[0], "height": box[1], "fit": fit})
    upright = Scaling(size=compute_resize_box(header.size, params)[0], box=compute_resize_box(header.size, params)[1])
    turned = upright.to_stored_orientation(stored, orientation)
    assert sorted(turned.shrink_factors) == pytest.approx(sorted(upright.shrink_factors))
    left, upper, right, lower = turned.box
    assert -1e-6 <= left < right <= stored[0] + 1e-6
    assert -1e-6 <= upper < lower <= stored[1] + 1e-6


def test_the_default_job_on_a_large_photograph_takes_every_short_way() -> None:
    """Only luma, shrunk while decoding, scaled as stored: nothing is left for the plain way."""
    made = make_plan(with_header(orientation=6), (Resize(width=600, height=600), Grayscale()))
    assert made.decoding.luma_only
    assert made.decoding.shrink == 2
    assert not made.decoding.apply_orientation
    assert made.convert_to_gray
    assert made.scaling is not None
    assert made.scaling.size == (600, 450)
    assert made.orientation == 6
    assert made.operations == ()


@pytest.mark.parametrize(("side", "shrink"), [(2001, 1), (2000, 1), (1000, 2), (501, 2), (500, 4), (252, 4), (248, 8)])
def test_shrinking_leaves_two_pixels_for_each_of_the_result(side: int, shrink: int) -> None:
    """The longer side of 4,000 pixels is never decoded to fewer than twice what is asked for."""
    assert make_plan(JPEG, (Resize(width=side),)).decoding.shrink == shrink


@pytest.mark.parametrize(
    "facts",
    [{"format": "PNG"}, {"mode": "CMYK"}, {"mode": "L"}, {"is_srgb": False}, {"is_still": False}],
    ids=str,
)
def test_luma_is_decoded_only_where_it_is_the_gray_picture(facts: dict[str, Any]) -> None:
    """Another format, CMYK, gray already, a color profile or an animation: no luma."""
    assert not make_plan(with_header(**facts), (SMALL, Grayscale())).decoding.luma_only


@pytest.mark.parametrize("facts", [{"format": "PNG"}, {"mode": "CMYK"}, {"is_srgb": False}, {"is_still": False}], ids=str)
def test_nothing_is_shrunk_that_would_differ(facts: dict[str, Any]) -> None:
    """Another format, CMYK, a color profile or an animation: decoded whole."""
    assert make_plan(with_header(**facts), (SMALL,)).decoding.shrink == 1


def test_colors_are_kept_without_grayscale() -> None:
    """A pipeline that never turns gray decodes colors."""
    made = make_plan(JPEG, (SMALL,))
    assert not made.convert_to_gray
    assert not made.decoding.luma_only


def test_transparency_is_resized_in_color() -> None:
    """Alpha weighs colors at edges: the order of operations stays, unless gray was asked first."""
    clear = with_header(format="PNG", mode="RGBA", is_opaque=False)
    assert not make_plan(clear, (SMALL, Grayscale())).convert_to_gray
    assert make_plan(clear, (SMALL, Grayscale())).operations == (Grayscale(),)
    assert make_plan(clear, (Grayscale(), SMALL)).convert_to_gray


@pytest.mark.parametrize(
    "operations",
    [(), (Resize(width=8000, enlarge=True),), (Resize(width=400, height=8000, fit="exact", enlarge=True),)],
    ids=str,
)
def test_what_does_not_shrink_is_left_alone(operations: tuple[Operation, ...]) -> None:
    """Nothing to do, or an image that grows in either direction: the plain way."""
    assert make_plan(JPEG, operations) == Plan(operations=operations)


def test_an_animation_is_left_alone() -> None:
    """More than one image in a file: the plain way."""
    operations = (SMALL, Grayscale())
    assert make_plan(with_header(is_still=False), operations) == Plan(operations=operations)


def test_a_profile_keeps_its_colors() -> None:
    """A photograph with a foreign profile comes out identical, gray by its true colors."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp.").replace(b"gXYZ", b"rXYZ").replace(b"tmp.", b"gXYZ")
    foreign = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    data = sample_images.make_jpeg(1600, 1200, icc_profile=foreign)
    assert likeness(data, [{"op": "resize", "width": 200}, {"op": "grayscale"}]) >= ENOUGH_DECIBELS


@pytest.mark.parametrize(
    "options",
    [{"progressive": True}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:0"}, {"keep_rgb": True}],
    ids=str,
)
@pytest.mark.parametrize("operations", [PIPELINES["small"], PIPELINES["thumbnail"]], ids=["small", "thumbnail"])
def test_every_kind_of_jpeg_can_be_shrunk(options: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    """Progressive, any chroma subsampling, RGB instead of YCbCr: the same image."""
    with Image.open(PHOTOGRAPHS[0]) as photograph:
        data = sample_images.encode(photograph.convert("RGB").resize((1501, 997)), "JPEG", quality=92, **options)
    assert likeness(data, operations) >= ENOUGH_DECIBELS
