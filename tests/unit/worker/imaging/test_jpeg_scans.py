"""Scans of progressive JPEGs that an image does not need, and are not decoded."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support import sample_images
from support.image_similarity import compute_psnr

from shared.errors import ImageError
from shared.pipeline.operations import Adjust, Grayscale, Operation, Resize, Sharpen
from shared.pipeline.output import Output
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, render
from worker.imaging.containers.jpeg import read_jpeg
from worker.imaging.containers.jpeg_scans import skip_scans
from worker.imaging.containers.slices import SlicedFile
from worker.imaging.planner import can_skip_refinements, make_plan, make_unoptimized_plan
from worker.imaging.stored_header import StoredHeader

PHOTOGRAPHS = sorted((Path(__file__).parents[4] / "safelight" / "demo_images").glob("*.jpg"))
#: The largest photograph takes most of the time, and shows the same as the others.
PARAMETERS = [
    pytest.param(each, marks=[pytest.mark.thorough] if each.stem == "contact-sheet" else []) for each in PHOTOGRAPHS
]
LIMITS = Limits(max_bytes=10_000_000, max_pixels=20_000_000, max_side=5_000)
HEADER = StoredHeader(
    format="JPEG", mode="RGB", stored_size=(4000, 3000), orientation=1, is_opaque=True, is_srgb=True, is_still=True
)
JPEG = Output.model_validate({"format": "jpeg"})
GRAY = [{"op": "resize", "width": 200, "height": 200}, {"op": "grayscale"}]


def make_progressive(photograph: Path = PHOTOGRAPHS[0], **options: Any) -> bytes:
    """Return a photograph as a progressive JPEG."""
    with Image.open(photograph) as image:
        return sample_images.encode(image.convert("RGB"), "JPEG", progressive=True, **options)


def skip(data: bytes, *, chroma: bool = False, refinements: bool = False) -> bytes | None:
    """Return the file without the scans, or None if no scan can be skipped."""
    rest = skip_scans(data, read_jpeg(data).pixels, chroma=chroma, refinements=refinements)
    return SlicedFile(rest).read() if rest else None


def decode_luma(data: bytes) -> bytes:
    """Return the luma that libjpeg decodes."""
    with Image.open(BytesIO(data)) as image:
        image.draft("L", image.size)
        return image.convert("L").tobytes()


@pytest.mark.parametrize(
    "options", [{}, {"quality": 95}, {"subsampling": "4:4:4"}, {"restart_marker_rows": 1}], ids=str
)
@pytest.mark.parametrize("photograph", PARAMETERS, ids=lambda path: path.stem)
def test_luma_does_not_change_without_chroma(photograph: Path, options: dict[str, Any]) -> None:
    """Every value is equal, and a part of the file is not read."""
    data = make_progressive(photograph, **options)
    rest = skip(data, chroma=True)
    assert rest is not None
    assert len(rest) < len(data)
    assert decode_luma(rest) == decode_luma(data)


@pytest.mark.parametrize("orientation", [1, 6])
def test_gray_jobs_are_equal_with_and_without_chroma(orientation: int) -> None:
    """The planner's result for a progressive JPEG is that for the same pixels in a baseline JPEG."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    pipeline = Pipeline.model_validate({"operations": GRAY})
    outputs = [
        render(make_file(progressive, exif), pipeline, LIMITS).outputs[0][1].data for progressive in (True, False)
    ]
    assert outputs[0] == outputs[1]


def make_file(progressive: bool, exif: Image.Exif) -> bytes:
    """Return the same photograph as progressive or as baseline JPEG."""
    with Image.open(PHOTOGRAPHS[0]) as image:
        return sample_images.encode(image.convert("RGB"), "JPEG", progressive=progressive, exif=exif)


@pytest.mark.parametrize(
    "data",
    [
        sample_images.make_jpeg(64, 48),
        make_progressive(keep_rgb=True),
        make_progressive()[:-2],
        make_progressive()[:-500],
        sample_images.encode(Image.effect_noise((64, 64), 50), "JPEG", progressive=True),
        sample_images.encode(Image.effect_noise((64, 64), 50).convert("CMYK"), "JPEG", progressive=True),
        make_progressive().replace(b"\xff\xda", b"\xff\xc0", 3).replace(b"\xff\xc0", b"\xff\xda", 1),
    ],
    ids=["baseline", "RGB", "without end", "truncated", "gray", "CMYK", "second frame"],
)
def test_other_files_are_read_as_a_whole(data: bytes) -> None:
    """Scans are skipped only if the file is complete, and its first channel is luma."""
    assert skip(data, chroma=True, refinements=True) is None


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_damaged_file_never_fails_otherwise(cut: int) -> None:
    """A truncated progressive JPEG gives the error of the plain way."""
    data = make_progressive()
    data = data[: len(data) * cut // 12]
    pipeline = Pipeline.model_validate({"operations": GRAY})
    codes = []
    for planner in (make_plan, make_unoptimized_plan):
        with pytest.raises(ImageError) as raised:
            render(data, pipeline, LIMITS, planner=planner)
        codes.append(raised.value.code)
    assert codes[0] == codes[1]


@pytest.mark.parametrize("quality", [75, 90, 98])
@pytest.mark.parametrize("photograph", PARAMETERS, ids=lambda path: path.stem)
def test_the_error_of_skipped_details_is_lower_than_that_of_the_encoder(photograph: Path, quality: int) -> None:
    """By at least 6 dB, for a lossy output of an eighth of the size."""
    data = make_progressive(photograph, quality=quality)
    with Image.open(BytesIO(data)) as image:
        size = {"width": image.width // 8, "height": image.height // 8}
    operations = [{"op": "resize", **size}]
    lossy = Pipeline.model_validate({"operations": operations, "output": {"format": "jpeg"}})
    exact = Pipeline.model_validate({"operations": operations})
    expected = sample_images.decode(render(data, exact, LIMITS, planner=make_unoptimized_plan).outputs[0][1].data)
    rest = skip(data, refinements=True)
    assert rest is not None
    assert len(rest) < 0.75 * len(data)
    coarse = sample_images.decode(render(rest, exact, LIMITS).outputs[0][1].data)
    own = sample_images.decode(render(data, lossy, LIMITS, planner=make_unoptimized_plan).outputs[0][1].data)
    assert compute_psnr(coarse, expected) >= compute_psnr(own, expected) + 6


@pytest.mark.parametrize(
    ("operations", "outputs", "expected"),
    [
        ((Resize(width=400),), [JPEG], True),
        ((Resize(width=400), Grayscale()), [JPEG], True),
        ((Resize(width=501),), [JPEG], False),
        ((Resize(width=400),), [JPEG, Output(name="exact")], False),
        ((Resize(width=400),), [Output.model_validate({"format": "jpeg", "quality": 90})], False),
        ((Resize(width=400),), [Output.model_validate({"format": "gif"})], False),
        ((Resize(width=400), Sharpen()), [JPEG], False),
        ((Resize(width=400), Adjust(contrast=2)), [JPEG], False),
        ((), [JPEG], False),
    ],
)
def test_details_are_skipped_only_for_small_lossy_outputs(
    operations: tuple[Operation, ...], outputs: list[Output], expected: bool
) -> None:
    """With the default quality or a lower one, and without operations that amplify errors."""
    assert can_skip_refinements(HEADER, make_plan(HEADER, operations), outputs) is expected
    assert not can_skip_refinements(
        replace(HEADER, is_srgb=False), make_plan(replace(HEADER, is_srgb=False), operations), outputs
    )
