"""Operations: their effect on the pixels of small images with known content."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat
from pydantic import ValidationError
from support import pipeline_strategies, sample_images

from shared.errors import AssetUnusable, ImageError, OutsideImage, SideTooLong, TooManyPixels
from shared.pipeline.operations import AnyOperation, Trim
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.sizes import compute_size_after, is_size_exact
from worker.imaging import Limits, render
from worker.imaging.assets import make_asset_loader
from worker.imaging.fonts import find_missing_characters, find_text_warnings
from worker.imaging.pipeline import refuse_assets, run_pipeline, run_pipeline_on_frames

LIMITS = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=20_000)
RED, BLUE = (255, 0, 0), (0, 0, 255)
LOGO = sample_images.encode(Image.new("RGBA", (20, 10), (0, 255, 0, 255)), "PNG")
load_logo = make_asset_loader({"logo": LOGO}, LIMITS)


def run_operations(image: Image.Image, *operations: dict[str, Any]) -> Image.Image:
    """Run operations given as JSON."""
    return run_pipeline(
        image, [pipeline_strategies.READ.validate_python(each) for each in operations], LIMITS, load_logo
    )


def draw_halves(mode: str = "RGB") -> Image.Image:
    """Return an image of 40 × 20 pixels, red on the left and blue on the right."""
    image = Image.new("RGB", (40, 20), RED)
    image.paste(BLUE, (20, 0, 40, 20))
    return image.convert(mode)


def are_identical(one: Image.Image, other: Image.Image) -> bool:
    """Return True if two images have the same mode, size and pixels."""
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def compute_brightness(image: Image.Image, box: tuple[int, int, int, int]) -> float:
    """Return the mean brightness of a part, 0 to 255."""
    return ImageStat.Stat(image.convert("RGB").crop(box).convert("L")).mean[0]


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(
    operations=st.lists(pipeline_strategies.operations, max_size=4),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    data=st.data(),
)
def test_any_pipeline_has_the_computed_size(
    operations: list[AnyOperation], size: tuple[int, int], mode: str, data: st.DataObject
) -> None:
    """Any valid operations give the computed size, a plain mode and any output, or raise ImageError."""
    image = sample_images.draw_scene(*size, mode) if mode == "RGBA" else sample_images.draw_scene(*size).convert(mode)
    before = image.tobytes()
    try:
        for operation in operations:
            predicted = compute_size_after(image.size, operation)
            result = run_pipeline(image, [operation], LIMITS, load_logo)
            assert result.mode in {"L", "LA", "RGB", "RGBA"}
            if is_size_exact([operation]):
                assert result.size == predicted
            else:
                assert result.width <= predicted[0]
                assert result.height <= predicted[1]
            assert image.tobytes() == before, "an operation must not change its input"
            image, before = result, result.tobytes()
    except ImageError:
        return
    output = data.draw(pipeline_strategies.outputs)
    pipeline = Pipeline(operations=(), outputs=(output,))
    encoded = render(sample_images.encode(image, "PNG"), pipeline, LIMITS).outputs[0][1]
    assert sample_images.decode(encoded.data).size == image.size == (encoded.width, encoded.height)


def test_resize_cover_keeps_the_side_of_the_gravity() -> None:
    """A square crop of a wide image keeps its left or right part."""
    square = {"op": "resize", "width": 20, "height": 20, "fit": "cover"}
    assert run_operations(draw_halves(), square | {"gravity": "left"}).getpixel((15, 10)) == RED
    assert run_operations(draw_halves(), square | {"gravity": "right"}).getpixel((5, 10)) == BLUE


@pytest.mark.parametrize(("background", "mode"), [("#00000000", "RGBA"), ("#00ff00", "RGB"), ("#00ff0080", "RGBA")])
def test_resize_contain_fills_the_box_with_the_background(background: str, mode: str) -> None:
    """The whole image is in the box."""
    result = run_operations(
        draw_halves(), {"op": "resize", "width": 20, "height": 20, "fit": "contain", "background": background}
    )
    assert (result.mode, result.size) == (mode, (20, 20))
    assert result.getpixel((2, 10))[:3] == RED  # type: ignore[index] # a color pixel
    opacity = {"RGB": None, "RGBA": int(background[7:] or "ff", 16)}[mode]
    assert result.getpixel((2, 2)) == ((0, 255, 0) if opacity is None else (0, 255 if opacity else 0, 0, opacity))


def test_crop_uses_pixels_of_the_current_image() -> None:
    """Coordinates refer to the image after the previous operation, and the box is clamped to it."""
    result = run_operations(draw_halves(), {"op": "crop", "x": 15, "y": 5, "width": 10, "height": 100})
    assert are_identical(result, draw_halves().crop((15, 5, 25, 20)))
    after_resize = run_operations(
        draw_halves(), {"op": "resize", "width": 20}, {"op": "crop", "x": 12, "y": 0, "width": 8, "height": 8}
    )
    assert after_resize.getpixel((2, 2)) == BLUE


def test_crop_outside_the_image_fails() -> None:
    """It raises OutsideImage instead of giving an empty image."""
    with pytest.raises(OutsideImage):
        run_operations(draw_halves(), {"op": "crop", "x": 40, "y": 0, "width": 5, "height": 5})


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("corner", [(0, 0), (150, 0), (0, 70), (150, 70), (75, 35)])
def test_entropy_crop_keeps_the_detail(corner: tuple[int, int], mode: str) -> None:
    """The crop contains the only detailed patch of a flat image."""
    image = Image.new("RGB", (200, 100), (90, 90, 90))
    patch = Image.effect_noise((50, 30), 90)
    image.paste(patch, corner)
    result = run_operations(image.convert(mode), {"op": "crop", "width": 60, "height": 40, "gravity": "entropy"})
    assert result.size == (60, 40)
    found = ImageChops.difference(result.convert("L"), Image.new("L", (60, 40), 90)).getbbox()
    assert found is not None
    assert (found[2] - found[0]) * (found[3] - found[1]) >= 0.9 * 50 * 30


def test_entropy_crop_of_a_flat_image_is_centered() -> None:
    """Without detail, the crop is the same as with gravity center."""
    ramp = Image.new("L", (90, 30), 77)
    ramp.putpixel((45, 15), 78)
    result = run_operations(ramp, {"op": "crop", "width": 30, "height": 30, "gravity": "entropy"})
    assert ImageChops.difference(result, Image.new("L", (30, 30), 77)).getbbox() is not None


@pytest.mark.parametrize("angle", [90, 180, 270, 360, -90, -180])
def test_right_angles_are_lossless(angle: float) -> None:
    """Rotating by a right angle and back restores every pixel."""
    image = sample_images.draw_scene(31, 17, "RGBA")
    result = run_operations(image, {"op": "rotate", "angle": angle})
    assert are_identical(run_operations(result, {"op": "rotate", "angle": -angle}), image)
    if angle == 90:
        assert result.convert("RGB").getpixel((result.width - 2, 1)) == RED, (
            "the top left corner moves to the top right"
        )


def test_rotate_expands_the_canvas() -> None:
    """At 45°, nothing is cropped and the corners show the background."""
    result = run_operations(Image.new("RGB", (40, 40), RED), {"op": "rotate", "angle": 45, "background": "#0000ff"})
    assert (result.mode, result.size) == ("RGB", (57, 57))
    assert result.getpixel((0, 0)) == BLUE
    assert result.getpixel((28, 28)) == RED
    clear = run_operations(Image.new("L", (40, 40), 200), {"op": "rotate", "angle": 45})
    assert clear.mode == "LA"
    opaque = ImageStat.Stat(clear.getchannel("A")).sum[0] / 255
    assert opaque == pytest.approx(1600, rel=0.01), "the area stays the same"


@pytest.mark.parametrize("angle", [1, 7.5, 33, 123, -200])
def test_rotate_is_clockwise(angle: float) -> None:
    """A mark at the top moves to the right."""
    image = Image.new("L", (41, 41))
    image.paste(255, (18, 2, 23, 7))
    result = run_operations(image, {"op": "rotate", "angle": angle, "expand": False, "background": "#000000"})
    expected = image.rotate(-angle, Image.Resampling.BICUBIC)
    assert ImageStat.Stat(ImageChops.difference(result, expected)).rms[0] < 4


@pytest.mark.parametrize(
    ("direction", "transpose"),
    [
        ("horizontal", Image.Transpose.FLIP_LEFT_RIGHT),
        ("vertical", Image.Transpose.FLIP_TOP_BOTTOM),
        ("both", Image.Transpose.ROTATE_180),
    ],
)
def test_flip_mirrors_in_each_direction(direction: str, transpose: Image.Transpose) -> None:
    """Horizontal, vertical or both."""
    assert are_identical(
        run_operations(sample_images.draw_scene(), {"op": "flip", "direction": direction}),
        sample_images.draw_scene().transpose(transpose),
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_trim_removes_the_border(mode: str) -> None:
    """Noise below the tolerance belongs to the border."""
    image = Image.new("RGB", (50, 40), (250, 250, 250))
    image.putpixel((3, 3), (245, 247, 250))
    image.paste((10, 40, 90), (12, 8, 30, 33))
    result = run_operations(image.convert(mode), {"op": "trim"})
    assert result.size == (18, 25)
    assert result.mode == mode


def test_trim_removes_transparent_borders() -> None:
    """Transparent pixels are equal whatever their color."""
    image = Image.new("RGBA", (30, 30), (255, 0, 0, 0))
    image.paste((0, 255, 0, 0), (0, 0, 15, 30))
    image.paste((9, 9, 9, 255), (10, 12, 20, 18))
    assert run_operations(image, {"op": "trim"}).size == (10, 6)


def test_trim_keeps_a_flat_image() -> None:
    """An image that is all border is not cropped to nothing."""
    assert run_operations(Image.new("L", (7, 9), 3), {"op": "trim"}).size == (7, 9)


def test_pad_enlarges_each_side() -> None:
    """Each side grows by its parameter."""
    result = run_operations(draw_halves(), {"op": "pad", "left": 3, "top": 2, "right": 1, "background": "#00ff00"})
    assert result.size == (44, 22)
    assert (result.getpixel((2, 10)), result.getpixel((3, 2)), result.getpixel((5, 1))) == (
        (0, 255, 0),
        RED,
        (0, 255, 0),
    )


def test_gray_image_stays_gray_if_possible() -> None:
    """It gets three channels only for a background or watermark in color."""
    gray = Image.new("L", (8, 8), 50)
    assert run_operations(gray, {"op": "pad", "left": 2, "background": "#808080"}).mode == "L"
    assert run_operations(gray, {"op": "pad", "left": 2}).mode == "LA"
    assert run_operations(gray, {"op": "pad", "left": 2, "background": "#ff0000"}).mode == "RGB"
    assert run_operations(gray, {"op": "watermark", "text": "x"}).mode == "L"
    assert run_operations(gray, {"op": "watermark", "text": "x", "color": "#ff0000"}).mode == "RGB"


def test_background_fills_transparent_pixels() -> None:
    """Half transparent white on black is gray; opaque images don't change."""
    half = Image.new("RGBA", (4, 4), (255, 255, 255, 128))
    assert run_operations(half, {"op": "background", "color": "#000000"}).getpixel((1, 1)) == (128, 128, 128)
    assert are_identical(run_operations(draw_halves(), {"op": "background"}), draw_halves())


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, (200, 100, 50)),
        ({"brightness": 0.5}, (100, 50, 25)),
        ({"brightness": 4}, (255, 255, 200)),
        ({"contrast": 0}, (128, 128, 128)),
        ({"contrast": 2}, (255, 72, 0)),
        ({"saturation": 0}, (124, 124, 124)),
        ({"brightness": 0.5, "contrast": 2}, (72, 0, 0)),
    ],
)
def test_adjust_follows_its_formula(parameters: dict[str, float], expected: tuple[int, int, int]) -> None:
    """Brightness multiplies, contrast has the fixed point 128, saturation 0 is BT.601 gray; alpha stays."""
    result = run_operations(Image.new("RGBA", (2, 2), (200, 100, 50, 77)), {"op": "adjust", **parameters})
    assert result.getpixel((0, 0)) == (*expected, 77)


def test_blur_keeps_the_total_brightness() -> None:
    """A dot becomes a soft spot, and hidden colors of transparent pixels don't appear."""
    dot = Image.new("L", (41, 41))
    dot.paste(255, (18, 18, 23, 23))
    result = run_operations(dot, {"op": "blur", "radius": 3})
    assert ImageStat.Stat(result).sum[0] == pytest.approx(ImageStat.Stat(dot).sum[0], rel=0.1)
    assert 0 < result.getextrema()[1] < 255  # type: ignore[operator] # one band
    hidden = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    hidden.paste((0, 0, 255, 255), (10, 10, 30, 30))
    red, *_, alpha = run_operations(hidden, {"op": "blur", "radius": 4}).getpixel((9, 20))  # type: ignore[misc] # an RGBA pixel
    assert alpha > 0
    assert red < 10


def test_sharpen_increases_edge_contrast() -> None:
    """Flat parts and alpha don't change."""
    edge = Image.new("LA", (40, 10), (100, 200))
    edge.paste((150, 200), (20, 0, 40, 10))
    result = run_operations(edge, {"op": "sharpen", "radius": 2, "amount": 1})
    assert result.getpixel((19, 5))[0] < 100  # type: ignore[index] # an LA pixel
    assert result.getpixel((20, 5))[0] > 150  # type: ignore[index] # an LA pixel
    assert result.getpixel((2, 5)) == (100, 200)


@pytest.mark.parametrize("size", [(40, 40), (40, 20), (1, 1), (2, 9)])
@pytest.mark.parametrize("parameters", [{"radius": 8}, {"radius": 9999}, {"unit": "relative", "radius": 0.5}])
def test_round_corners_makes_only_corners_transparent(size: tuple[int, int], parameters: dict[str, Any]) -> None:
    """The mask is symmetric, and the center stays opaque."""
    result = run_operations(Image.new("RGB", size, RED), {"op": "round_corners", **parameters})
    alpha = result.convert("RGBA").getchannel("A")
    for transpose in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM):
        assert are_identical(alpha.transpose(transpose), alpha)
    assert alpha.getpixel((size[0] // 2, size[1] // 2)) > 180  # type: ignore[operator] # one band
    if min(size) == 40:
        assert alpha.getpixel((0, 0)) == 0


def test_relative_radius_of_one_half_gives_a_circle() -> None:
    """A square keeps π/4 of its area."""
    result = run_operations(Image.new("L", (200, 200), 9), {"op": "round_corners", "unit": "relative", "radius": 0.5})
    assert ImageStat.Stat(result.getchannel("A")).mean[0] / 255 == pytest.approx(0.7854, abs=0.004)


@pytest.mark.parametrize(
    ("gravity", "box"),
    [
        ("top-left", (0, 0, 100, 50)),
        ("top-right", (100, 0, 200, 50)),
        ("bottom-left", (0, 50, 100, 100)),
        ("bottom-right", (100, 50, 200, 100)),
    ],
)
@pytest.mark.parametrize("mark", [{"text": "Ägypten © Москва"}, {"image": "logo"}])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_watermark_changes_only_its_corner(
    gravity: str, box: tuple[int, int, int, int], mark: dict[str, str], mode: str
) -> None:
    """The mark is within its corner and margin."""
    image = Image.new("RGB", (200, 100), (60, 60, 60)).convert(mode)
    result = run_operations(
        image, {"op": "watermark", "gravity": gravity, "margin": 0.05, "opacity": 1, "scale": 0.4, **mark}
    )
    found = ImageChops.difference(result.convert("RGB"), image.convert("RGB")).getbbox()
    assert found is not None
    assert box[0] + 5 <= found[0] <= found[2] <= box[2] - 5 or gravity.endswith("right")
    assert box[0] <= found[0] <= found[2] <= box[2]
    assert box[1] <= found[1] <= found[3] <= box[3]
    assert found[2] - found[0] >= 30


def test_watermark_scales_with_the_image() -> None:
    """Its share of the width is the same on a small and a large image."""
    shares = []
    for side in (100, 1000):
        image = Image.new("L", (side, side))
        found = run_operations(image, {"op": "watermark", "text": "Safelight", "opacity": 1, "scale": 0.5}).getbbox()
        assert found is not None
        shares.append((found[2] - found[0]) / side)
    assert shares == pytest.approx([0.5, 0.5], abs=0.04)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_watermark_is_blended_by_opacity(mode: str) -> None:
    """White at 0.5 on black is mid gray; at 0 nothing changes."""
    image = Image.new("RGB", (40, 20)).convert(mode)
    logo = {"op": "watermark", "image": "logo", "scale": 1, "margin": 0}
    green = run_operations(image, logo | {"opacity": 0.5}).convert("RGB").getpixel((20, 10))[1]  # type: ignore[index] # RGB
    assert green == pytest.approx(128, abs=1)
    assert are_identical(run_operations(image, logo | {"opacity": 0}).convert("RGB"), image.convert("RGB"))


def test_tiles_cover_the_whole_image() -> None:
    """Every part of the image has a similar share of marks."""
    image = Image.new("L", (400, 300))
    result = run_operations(image, {"op": "watermark", "text": "copy", "tile": True, "opacity": 1, "scale": 0.1})
    parts = [
        compute_brightness(result, (x, y, x + 100, y + 100)) for x in range(0, 400, 100) for y in range(0, 300, 100)
    ]
    assert min(parts) > 0.5 * max(parts) > 0


def test_tiny_tiles_on_a_large_image_are_cheap() -> None:
    """Tiles are doubled, not pasted one by one."""
    result = run_operations(
        Image.new("L", (2000, 400)),
        {"op": "watermark", "text": ".", "tile": True, "scale": 0.01, "margin": 0, "opacity": 1},
    )
    assert result.getextrema()[1] == 255


def test_watermark_with_an_unusable_asset_fails() -> None:
    """A missing or unreadable asset raises AssetUnusable."""
    operation = pipeline_strategies.READ.validate_python({"op": "watermark", "image": "logo"})
    for assets in ({}, {"logo": b"not an image"}):
        with pytest.raises(AssetUnusable):
            run_pipeline(draw_halves(), [operation], LIMITS, make_asset_loader(assets, LIMITS))
    with pytest.raises(AssetUnusable):
        run_pipeline(draw_halves(), [operation], LIMITS, refuse_assets)


def test_missing_characters_give_a_warning() -> None:
    """The warning lists the characters that the font lacks."""
    assert find_missing_characters("Grüße, Ωμέγα, Юг, שלום ©", "dejavu-sans") == []
    assert find_missing_characters("中a中文", "dejavu-sans") == ["中", "文"]
    assert "U+4E2D" in find_text_warnings("中", "dejavu-sans")[0]
    pipeline = Pipeline.model_validate({"operations": [{"op": "watermark", "text": "中"}]})
    assert any("U+4E2D" in warning for warning in render(sample_images.make_png(), pipeline, LIMITS).warnings)


@pytest.mark.parametrize("can_shape", [True, False])
def test_invisible_characters_of_a_watermark_are_accepted_and_not_drawn(
    can_shape: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Persian, Hindi, French and emoji need joiners and other spaces than U+0020."""
    monkeypatch.setattr("worker.imaging.fonts._can_shape", lambda: can_shape)
    image = Image.new("L", (400, 100))

    def draw(text: str) -> Image.Image:
        assert find_text_warnings(text, "dejavu-sans") == []
        return run_operations(image, {"op": "watermark", "text": text, "opacity": 1, "scale": 0.9})

    assert draw("a\u200cb\u200dc\u2060d\u2066e\u2069").tobytes() == draw("abcde").tobytes()
    assert draw("a\u00a0b").tobytes() == draw("a b").tobytes()
    assert draw("a\u3000b\u202fc").getbbox() is not None


def test_trim_uses_the_same_box_for_all_frames() -> None:
    """The box contains what any frame shows."""
    frames = [Image.new("L", (30, 30)) for _ in range(3)]
    for index, frame in enumerate(frames):
        frame.paste(255, (5 + 5 * index, 10, 8 + 5 * index, 20))
    assert [frame.size for frame in run_pipeline_on_frames(frames, [Trim()], LIMITS)] == [(13, 10)] * 3


def test_frames_are_processed_one_at_a_time() -> None:
    """The second frame is read only after the first is done."""
    read = []

    def frames() -> Any:
        for index in range(3):
            read.append(index)
            yield Image.new("L", (10, 10))

    result = run_pipeline_on_frames(frames(), [pipeline_strategies.READ.validate_python({"op": "blur"})], LIMITS)
    next(result)
    assert read == [0]


def test_sizes_after_a_trim_are_limited() -> None:
    """A trim to a thin line and a large width would give a very tall image. It is refused before resizing."""
    image = Image.new("L", (200, 200))
    image.paste(255, (100, 0, 101, 200))
    with pytest.raises((SideTooLong, TooManyPixels)):
        run_operations(image, {"op": "trim"}, {"op": "resize", "width": 9000, "enlarge": True})


def test_result_side_is_limited() -> None:
    """A result has at most 10,000 pixels per side, even if the raw image has more."""
    with pytest.raises(SideTooLong):
        run_operations(Image.new("L", (10_001, 2)))


@pytest.mark.parametrize(
    "parameters",
    [
        {"op": "resize", "width": 10**9},
        {"op": "resize", "width": 5, "height": 5, "fit": "contain", "background": "red"},
        {"op": "resize", "width": 5, "gravity": "north"},
        {"op": "crop", "width": 5},
        {"op": "crop", "width": 0, "height": 5},
        {"op": "crop", "width": -1, "height": 5},
        {"op": "crop", "width": 5, "height": 5, "x": -1, "y": 0},
        {"op": "crop", "width": 5, "height": 5, "x": 1},
        {"op": "crop", "width": 5, "height": 5, "x": 1, "y": 1, "gravity": "top"},
        {"op": "crop", "width": 2.5, "height": 5},
        {"op": "crop", "unit": "relative", "width": 1.5, "height": 1},
        {"op": "crop", "width": 2**31, "height": 5},
        {"op": "rotate"},
        {"op": "rotate", "angle": float("nan")},
        {"op": "rotate", "angle": float("inf")},
        {"op": "rotate", "angle": 361},
        {"op": "flip", "direction": "diagonal"},
        {"op": "trim", "tolerance": 255},
        {"op": "pad", "left": -5},
        {"op": "pad", "left": 10_001},
        {"op": "adjust", "brightness": -1},
        {"op": "adjust", "contrast": 4.1},
        {"op": "background", "color": "#fff"},
        {"op": "blur", "radius": 0},
        {"op": "blur", "radius": 101},
        {"op": "sharpen", "radius": 21},
        {"op": "sharpen", "amount": 6},
        {"op": "round_corners"},
        {"op": "round_corners", "radius": 1, "unit": "relative"},
        {"op": "watermark"},
        {"op": "watermark", "text": "a", "image": "b"},
        {"op": "watermark", "text": "a" * 201},
        {"op": "watermark", "text": "two\nlines"},
        {"op": "watermark", "text": "  "},
        {"op": "watermark", "text": "\u00a0\u200c\u200d\u3000"},
        {"op": "watermark", "text": "a\u2028b"},
        {"op": "watermark", "text": "a\tb"},
        {"op": "watermark", "text": "a\ue000"},
        {"op": "watermark", "image": "../etc/passwd"},
        {"op": "watermark", "text": "a", "font": "/etc/passwd"},
        {"op": "watermark", "text": "a", "opacity": 1.1},
        {"op": "watermark", "text": "a", "scale": 0.001},
        {"op": "watermark", "text": "a", "margin": 0.6},
    ],
)
def test_invalid_parameters_are_refused_with_the_pipeline(parameters: dict[str, Any]) -> None:
    """Validation of the pipeline raises, not Pillow."""
    with pytest.raises(ValidationError):
        Pipeline.model_validate({"operations": [parameters]})
