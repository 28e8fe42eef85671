"""Rendering: orientation, colors, sizes, metadata and refusals."""

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from support import sample_images
from support.image_kinds import store_in_each_orientation

from shared.errors import (
    CorruptImage,
    ImageError,
    NotAnImage,
    SideTooLong,
    TooManyBytes,
    TooManyPixels,
    TruncatedImage,
)
from shared.pipeline.operations import AnyOperation
from shared.pipeline.pipeline import Fit, Grayscale, Pipeline, Resize
from shared.pipeline.sizes import compute_size_after
from worker.imaging import Limits, RenderResult, render
from worker.imaging.operations import RESOLVED, build_function_table
from worker.imaging.operations.geometry import resize
from worker.imaging.pipeline import refuse_assets

LIMITS = Limits(max_bytes=10_000_000, max_pixels=4_000_000, max_side=4_000)
EMPTY_PIPELINE = Pipeline.model_validate({})


def make_pipeline(*operations: dict[str, Any], **output: Any) -> Pipeline:
    """Return a pipeline with one output."""
    return Pipeline.model_validate({"operations": operations, "output": output})


def decode_output(rendered: RenderResult) -> Image.Image:
    """Decode the first output."""
    return sample_images.decode(rendered.outputs[0][1].data)


def test_default_pipeline_resizes_and_converts_to_gray() -> None:
    """A large color image becomes a gray PNG with a longer side of 1024 pixels."""
    result = render(
        sample_images.make_jpeg(2000, 1500), Pipeline(operations=(Resize(width=1024, height=1024), Grayscale())), LIMITS
    )
    image = decode_output(result)
    assert (image.format, image.mode, image.size) == ("PNG", "L", (1024, 768))
    assert (result.width, result.height, result.format) == (2000, 1500, "JPEG")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_becomes_upright(orientation: int) -> None:
    """The red corner is at the top left for each EXIF orientation."""
    stored = store_in_each_orientation(sample_images.draw_scene(64, 48))[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode_output(render(sample_images.encode(stored, "JPEG", quality=95, exif=exif), EMPTY_PIPELINE, LIMITS))
    assert image.size == (64, 48)
    red, green, _ = image.getpixel((8, 8))  # type: ignore[misc] # an RGB pixel
    assert red > 200
    assert green < 60


@pytest.mark.parametrize("output", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_each_input_gives_each_output_without_metadata(source: str, output: str) -> None:
    """Every accepted format can be read, and every output contains only pixels."""
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    options: dict[str, Any] = {"comment": b"secret place"} if source in {"JPEG", "GIF"} else {}
    if source not in {"GIF", "BMP"}:
        options["exif"] = exif
    data = sample_images.encode(sample_images.draw_scene(), source, **options)
    result = render(data, make_pipeline(format=output), LIMITS)
    assert result.format == source
    encoded = result.outputs[0][1]
    assert b"secret" not in encoded.data
    image = sample_images.decode(encoded.data)
    assert image.format == encoded.image_format.name == output.upper()
    assert not image.getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_is_converted_to_eight_bits(mode: str) -> None:
    """Palette, 1-bit, 16-bit and CMYK images become gray or RGB, neither black nor clipped."""
    scene = sample_images.draw_scene()
    image = Image.new("I;16", (64, 48), 32_768) if mode == "I;16" else scene.convert(mode)
    result = decode_output(
        render(sample_images.encode(image, "TIFF" if mode == "CMYK" else "PNG"), EMPTY_PIPELINE, LIMITS)
    )
    assert result.mode in {"L", "LA", "RGB", "RGBA"}
    if mode == "I;16":
        assert result.getpixel((0, 0)) == 128


def test_transparency_is_flattened_on_the_background_in_jpeg() -> None:
    """A transparent pixel gets the background color of the output."""
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    result = decode_output(
        render(sample_images.encode(clear, "PNG"), make_pipeline(format="jpeg", background="#00ff00"), LIMITS)
    )
    red, green, blue = result.getpixel((4, 4))  # type: ignore[misc] # an RGB pixel
    assert green > 250
    assert max(red, blue) < 8


@pytest.mark.parametrize("output", ["png", "webp"])
def test_transparency_is_kept_after_resize_and_grayscale(output: str) -> None:
    """In formats with alpha."""
    data = sample_images.make_png(mode="RGBA")
    result = decode_output(
        render(data, make_pipeline({"op": "resize", "width": 32}, {"op": "grayscale"}, format=output), LIMITS)
    )
    assert result.has_transparency_data
    assert result.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def test_colors_are_converted_to_srgb() -> None:
    """Pixels with a foreign profile get sRGB values, and the profile is removed."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"tmp.").replace(b"gXYZ", b"rXYZ").replace(b"tmp.", b"gXYZ")
    renamed = swapped.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))
    data = sample_images.encode(Image.new("RGB", (8, 8), (200, 30, 30)), "PNG", icc_profile=renamed)
    result = decode_output(render(data, EMPTY_PIPELINE, LIMITS))
    red, green, _ = result.getpixel((0, 0))  # type: ignore[misc] # an RGB pixel
    assert green > 190
    assert red < 60
    assert "icc_profile" not in result.info


def test_broken_profile_gives_a_warning() -> None:
    """An unusable profile is ignored."""
    result = render(sample_images.make_jpeg(icc_profile=b"no profile at all"), EMPTY_PIPELINE, LIMITS)
    assert result.warnings == ("The color profile can't be used and was ignored.",)


def test_one_run_gives_several_outputs() -> None:
    """Each output has its own format."""
    pipeline = Pipeline.model_validate({"outputs": [{"name": "a"}, {"name": "b", "format": "webp"}]})
    result = render(sample_images.make_jpeg(), pipeline, LIMITS)
    assert [(output.name, each.image_format.name) for output, each in result.outputs] == [("a", "PNG"), ("b", "WEBP")]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\x89PNG\r\n\x1a\n and then only words", NotAnImage),
        (b"words only", NotAnImage),
        (sample_images.make_jpeg(400, 300)[:3000], TruncatedImage),
        (sample_images.make_png(400, 300)[:-200], TruncatedImage),
        (sample_images.encode(sample_images.draw_scene(400, 300), "WEBP")[:-100], TruncatedImage),
        (sample_images.make_png(5000, 10), SideTooLong),
        (sample_images.encode(Image.new("1", (3000, 3000)), "PNG"), TooManyPixels),
        (bytes(10_000_001), TooManyBytes),
    ],
)
def test_bad_files_raise_specific_errors(data: bytes, error: type[ImageError]) -> None:
    """Damaged and oversized files are refused."""
    with pytest.raises(error):
        render(data, EMPTY_PIPELINE, LIMITS)


def test_bomb_is_refused_before_decoding() -> None:
    """A small file that claims a huge image is refused by its header."""
    header = bytearray(sample_images.make_png())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises((NotAnImage, CorruptImage, TooManyPixels, SideTooLong)):
        render(bytes(header), EMPTY_PIPELINE, LIMITS)


def test_limits_apply_to_results() -> None:
    """Enlarging beyond the limit is refused before resizing."""
    with pytest.raises(TooManyPixels):
        render(
            sample_images.make_jpeg(),
            make_pipeline({"op": "resize", "width": 3999, "height": 3999, "enlarge": True, "fit": "exact"}),
            LIMITS,
        )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damaged_file_gives_an_image_or_an_image_error(data: st.DataObject) -> None:
    """Flipped and missing bytes raise nothing but ImageError."""
    name = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]))
    file = bytearray(sample_images.encode(sample_images.draw_scene(), name))
    for at in data.draw(st.lists(st.integers(0, len(file) - 1), max_size=20)):
        file[at] = data.draw(st.integers(0, 255))
    del file[data.draw(st.integers(0, len(file))) :]
    try:
        result = render(bytes(file), EMPTY_PIPELINE, LIMITS)
    except ImageError:
        return
    assert result.outputs[0][1].data


@pytest.mark.parametrize(
    ("size", "params", "expected"),
    [
        ((2000, 1000), {"width": 1024, "height": 1024}, (1024, 512)),
        ((100, 50), {"width": 1024, "height": 1024}, (100, 50)),
        ((100, 50), {"width": 1024, "height": 1024, "enlarge": True}, (1024, 512)),
        ((1000, 1), {"width": 10, "height": 10}, (10, 1)),
        ((2000, 1000), {"width": 500}, (500, 250)),
        ((2000, 1000), {"height": 500}, (1000, 500)),
        ((2000, 1000), {"width": 256, "height": 256, "fit": "cover"}, (256, 256)),
        ((300, 200), {"width": 256, "height": 256, "fit": "cover"}, (256, 200)),
        ((300, 200), {"width": 600, "height": 600, "fit": "cover", "enlarge": True}, (600, 600)),
        ((300, 200), {"width": 100, "height": 200, "fit": "exact"}, (100, 200)),
    ],
)
def test_resize_gives_the_computed_size(
    size: tuple[int, int],
    params: dict[str, Any],
    expected: tuple[int, int],
) -> None:
    """The computed size equals the size of the result."""
    operation = Resize.model_validate(params)
    assert compute_size_after(size, operation) == expected
    assert resize(Image.new("L", size), operation).size == expected


def test_cover_keeps_the_center_and_the_aspect_ratio() -> None:
    """A square crop of a wide image is its center, not squeezed."""
    wide = Image.new("L", (300, 100))
    wide.paste(255, (100, 0, 200, 100))
    square = resize(wide, Resize(width=50, height=50, fit=Fit.COVER))
    assert square.getextrema()[0] > 230  # type: ignore[operator] # one band; squeezing would include black


def test_every_operation_has_a_function() -> None:
    """No operation of the schema is unimplemented."""
    assert {*build_function_table(refuse_assets), *RESOLVED} == set(get_args(AnyOperation))
