"""Operations: what each does to the pixels, on small images with known content."""

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


def run(image: Image.Image, *wanted: dict[str, Any]) -> Image.Image:
    """Run operations as they may be asked for."""
    return run_pipeline(image, [pipeline_strategies.READ.validate_python(each) for each in wanted], LIMITS, load_logo)


def halves(mode: str = "RGB") -> Image.Image:
    """Return an image of 40 × 20 pixels, red on the left and blue on the right."""
    image = Image.new("RGB", (40, 20), RED)
    image.paste(BLUE, (20, 0, 40, 20))
    return image.convert(mode)


def same(one: Image.Image, other: Image.Image) -> bool:
    """Tell whether two images agree in mode, size and every pixel."""
    return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())


def brightness(image: Image.Image, box: tuple[int, int, int, int]) -> float:
    """Return the mean of a part, of 255."""
    return ImageStat.Stat(image.convert("RGB").crop(box).convert("L")).mean[0]


@settings(max_examples=300, deadline=None)
@given(
    operations=st.lists(pipeline_strategies.operations, max_size=4),
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]),
    data=st.data(),
)
def test_any_pipeline_ends_in_the_size_that_was_foretold(
    operations: list[AnyOperation], size: tuple[int, int], mode: str, data: st.DataObject
) -> None:
    """Whatever valid operations follow each other: the foretold size, a plain mode, every output, or an ImageError."""
    image = sample_images.draw_scene(*size, mode) if mode == "RGBA" else sample_images.draw_scene(*size).convert(mode)
    before = image.tobytes()
    try:
        for operation in operations:
            foretold = compute_size_after(image.size, operation)
            made = run_pipeline(image, [operation], LIMITS, load_logo)
            assert made.mode in {"L", "LA", "RGB", "RGBA"}
            if is_size_exact([operation]):
                assert made.size == foretold
            else:
                assert made.width <= foretold[0]
                assert made.height <= foretold[1]
            assert image.tobytes() == before, "an operation must not touch what it is given"
            image, before = made, made.tobytes()
    except ImageError:
        return
    output = data.draw(pipeline_strategies.outputs)
    asked_for = Pipeline(operations=(), outputs=(output,))
    written = render(sample_images.encode(image, "PNG"), asked_for, LIMITS).outputs[0][1]
    assert sample_images.decode(written.data).size == image.size == (written.width, written.height)


def test_resize_cover_keeps_the_side_that_gravity_names() -> None:
    """A square out of a wide image is its left part if that is asked for."""
    square = {"op": "resize", "width": 20, "height": 20, "fit": "cover"}
    assert run(halves(), square | {"gravity": "left"}).getpixel((15, 10)) == RED
    assert run(halves(), square | {"gravity": "right"}).getpixel((5, 10)) == BLUE


@pytest.mark.parametrize(("background", "mode"), [("#00000000", "RGBA"), ("#00ff00", "RGB"), ("#00ff0080", "RGBA")])
def test_resize_contain_fills_the_rest_of_the_box(background: str, mode: str) -> None:
    """The whole image is in the box, and what it leaves free shows the background."""
    made = run(halves(), {"op": "resize", "width": 20, "height": 20, "fit": "contain", "background": background})
    assert (made.mode, made.size) == (mode, (20, 20))
    assert made.getpixel((2, 10))[:3] == RED  # type: ignore[index] # a color pixel
    opacity = {"RGB": None, "RGBA": int(background[7:] or "ff", 16)}[mode]
    assert made.getpixel((2, 2)) == ((0, 255, 0) if opacity is None else (0, 255 if opacity else 0, 0, opacity))


def test_crop_cuts_the_box_in_pixels_of_its_step() -> None:
    """A crop counts in the pixels of the image that it meets, and is clamped to it."""
    made = run(halves(), {"op": "crop", "x": 15, "y": 5, "width": 10, "height": 100})
    assert same(made, halves().crop((15, 5, 25, 20)))
    after_resize = run(
        halves(), {"op": "resize", "width": 20}, {"op": "crop", "x": 12, "y": 0, "width": 8, "height": 8}
    )
    assert after_resize.getpixel((2, 2)) == BLUE


def test_crop_outside_of_the_picture_fails() -> None:
    """A box that misses the image is an error with its own code, and no empty image."""
    with pytest.raises(OutsideImage):
        run(halves(), {"op": "crop", "x": 40, "y": 0, "width": 5, "height": 5})


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("corner", [(0, 0), (150, 0), (0, 70), (150, 70), (75, 35)])
def test_entropy_finds_the_detail(corner: tuple[int, int], mode: str) -> None:
    """Of a flat image with one lively patch, the crop keeps the patch, wherever it is."""
    image = Image.new("RGB", (200, 100), (90, 90, 90))
    patch = Image.effect_noise((50, 30), 90)
    image.paste(patch, corner)
    made = run(image.convert(mode), {"op": "crop", "width": 60, "height": 40, "gravity": "entropy"})
    assert made.size == (60, 40)
    found = ImageChops.difference(made.convert("L"), Image.new("L", (60, 40), 90)).getbbox()
    assert found is not None
    assert (found[2] - found[0]) * (found[3] - found[1]) >= 0.9 * 50 * 30


def test_entropy_of_a_flat_picture_is_its_middle() -> None:
    """Where nothing is livelier than the rest, the crop is what gravity center gives."""
    ramp = Image.new("L", (90, 30), 77)
    ramp.putpixel((45, 15), 78)
    made = run(ramp, {"op": "crop", "width": 30, "height": 30, "gravity": "entropy"})
    assert ImageChops.difference(made, Image.new("L", (30, 30), 77)).getbbox() is not None


@pytest.mark.parametrize("angle", [90, 180, 270, 360, -90, -180])
def test_right_angles_lose_nothing(angle: float) -> None:
    """Turning clockwise by a right angle, and back, gives every pixel again."""
    image = sample_images.draw_scene(31, 17, "RGBA")
    made = run(image, {"op": "rotate", "angle": angle})
    assert same(run(made, {"op": "rotate", "angle": -angle}), image)
    if angle == 90:
        assert made.convert("RGB").getpixel((made.width - 2, 1)) == RED, "the top left went to the top right"


def test_rotate_grows_the_canvas_and_fills_its_corners() -> None:
    """At 45° nothing is cut off, the corners show the background, the middle stays the middle."""
    made = run(Image.new("RGB", (40, 40), RED), {"op": "rotate", "angle": 45, "background": "#0000ff"})
    assert (made.mode, made.size) == ("RGB", (57, 57))
    assert made.getpixel((0, 0)) == BLUE
    assert made.getpixel((28, 28)) == RED
    clear = run(Image.new("L", (40, 40), 200), {"op": "rotate", "angle": 45})
    assert clear.mode == "LA"
    opaque = ImageStat.Stat(clear.getchannel("A")).sum[0] / 255
    assert opaque == pytest.approx(1600, rel=0.01), "its area stays what it was"


@pytest.mark.parametrize("angle", [1, 7.5, 33, 123, -200])
def test_rotate_goes_clockwise(angle: float) -> None:
    """A mark at the top goes to the right first."""
    image = Image.new("L", (41, 41))
    image.paste(255, (18, 2, 23, 7))
    made = run(image, {"op": "rotate", "angle": angle, "expand": False, "background": "#000000"})
    expected = image.rotate(-angle, Image.Resampling.BICUBIC)
    assert ImageStat.Stat(ImageChops.difference(made, expected)).rms[0] < 4


@pytest.mark.parametrize(
    ("direction", "way"),
    [
        ("horizontal", Image.Transpose.FLIP_LEFT_RIGHT),
        ("vertical", Image.Transpose.FLIP_TOP_BOTTOM),
        ("both", Image.Transpose.ROTATE_180),
    ],
)
def test_flip_mirrors(direction: str, way: Image.Transpose) -> None:
    """Each direction swaps the sides that its name says."""
    assert same(
        run(sample_images.draw_scene(), {"op": "flip", "direction": direction}), sample_images.draw_scene().transpose(way)
    )


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_trim_cuts_the_border_off(mode: str) -> None:
    """What is of the color of the corner goes, noise below the tolerance too; what is inside stays."""
    image = Image.new("RGB", (50, 40), (250, 250, 250))
    image.putpixel((3, 3), (245, 247, 250))
    image.paste((10, 40, 90), (12, 8, 30, 33))
    made = run(image.convert(mode), {"op": "trim"})
    assert made.size == (18, 25)
    assert made.mode == mode


def test_trim_cuts_transparent_borders_off() -> None:
    """Transparent pixels are the same whatever color they hide."""
    image = Image.new("RGBA", (30, 30), (255, 0, 0, 0))
    image.paste((0, 255, 0, 0), (0, 0, 15, 30))
    image.paste((9, 9, 9, 255), (10, 12, 20, 18))
    assert run(image, {"op": "trim"}).size == (10, 6)


def test_trim_leaves_a_flat_picture_whole() -> None:
    """An image that is all border is not trimmed to nothing."""
    assert run(Image.new("L", (7, 9), 3), {"op": "trim"}).size == (7, 9)


def test_pad_adds_room() -> None:
    """Each side grows by what is asked for it."""
    made = run(halves(), {"op": "pad", "left": 3, "top": 2, "right": 1, "background": "#00ff00"})
    assert made.size == (44, 22)
    assert (made.getpixel((2, 10)), made.getpixel((3, 2)), made.getpixel((5, 1))) == ((0, 255, 0), RED, (0, 255, 0))


def test_gray_stays_gray_on_a_gray_canvas() -> None:
    """A gray image does not become three channels where none is needed."""
    gray = Image.new("L", (8, 8), 50)
    assert run(gray, {"op": "pad", "left": 2, "background": "#808080"}).mode == "L"
    assert run(gray, {"op": "pad", "left": 2}).mode == "LA"
    assert run(gray, {"op": "pad", "left": 2, "background": "#ff0000"}).mode == "RGB"
    assert run(gray, {"op": "watermark", "text": "x"}).mode == "L"
    assert run(gray, {"op": "watermark", "text": "x", "color": "#ff0000"}).mode == "RGB"


def test_background_shows_where_the_picture_is_transparent() -> None:
    """Half transparent white on black is gray; opaque images stay as they are."""
    half = Image.new("RGBA", (4, 4), (255, 255, 255, 128))
    assert run(half, {"op": "background", "color": "#000000"}).getpixel((1, 1)) == (128, 128, 128)
    assert same(run(halves(), {"op": "background"}), halves())


@pytest.mark.parametrize(
    ("wish", "expected"),
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
def test_adjust_follows_its_formula(wish: dict[str, float], expected: tuple[int, int, int]) -> None:
    """Brightness multiplies, contrast turns around 128, saturation 0 is BT.601 gray; alpha stays."""
    made = run(Image.new("RGBA", (2, 2), (200, 100, 50, 77)), {"op": "adjust", **wish})
    assert made.getpixel((0, 0)) == (*expected, 77)


def test_blur_spreads_and_keeps_the_light() -> None:
    """A dot becomes a soft spot of the same sum; no color of transparent pixels comes out."""
    dot = Image.new("L", (41, 41))
    dot.paste(255, (18, 18, 23, 23))
    made = run(dot, {"op": "blur", "radius": 3})
    assert ImageStat.Stat(made).sum[0] == pytest.approx(ImageStat.Stat(dot).sum[0], rel=0.1)
    assert 0 < made.getextrema()[1] < 255  # type: ignore[operator] # one band
    hidden = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    hidden.paste((0, 0, 255, 255), (10, 10, 30, 30))
    red, *_, alpha = run(hidden, {"op": "blur", "radius": 4}).getpixel((9, 20))  # type: ignore[misc] # an RGBA pixel
    assert alpha > 0
    assert red < 10


def test_sharpen_steepens_an_edge() -> None:
    """Both sides of an edge move apart, flat parts stay, and alpha too."""
    edge = Image.new("LA", (40, 10), (100, 200))
    edge.paste((150, 200), (20, 0, 40, 10))
    made = run(edge, {"op": "sharpen", "radius": 2, "amount": 1})
    assert made.getpixel((19, 5))[0] < 100  # type: ignore[index] # an LA pixel
    assert made.getpixel((20, 5))[0] > 150  # type: ignore[index] # an LA pixel
    assert made.getpixel((2, 5)) == (100, 200)


@pytest.mark.parametrize("size", [(40, 40), (40, 20), (1, 1), (2, 9)])
@pytest.mark.parametrize("wish", [{"radius": 8}, {"radius": 9999}, {"unit": "relative", "radius": 0.5}])
def test_round_corners_clears_the_corners_alone(size: tuple[int, int], wish: dict[str, Any]) -> None:
    """The corners are clear, the middle of each edge is not, and the mask is the same from all sides."""
    made = run(Image.new("RGB", size, RED), {"op": "round_corners", **wish})
    alpha = made.convert("RGBA").getchannel("A")
    for way in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM):
        assert same(alpha.transpose(way), alpha)
    assert alpha.getpixel((size[0] // 2, size[1] // 2)) > 180  # type: ignore[operator] # one band
    if min(size) == 40:
        assert alpha.getpixel((0, 0)) == 0


def test_a_disc_has_the_area_of_a_disc() -> None:
    """A square with relative radius 0.5 keeps π/4 of itself."""
    made = run(Image.new("L", (200, 200), 9), {"op": "round_corners", "unit": "relative", "radius": 0.5})
    assert ImageStat.Stat(made.getchannel("A")).mean[0] / 255 == pytest.approx(0.7854, abs=0.004)


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
def test_watermark_is_where_it_should_be_and_nowhere_else(
    gravity: str, box: tuple[int, int, int, int], mark: dict[str, str], mode: str
) -> None:
    """The mark lies in its corner, inside the margin, and leaves the rest as it was."""
    image = Image.new("RGB", (200, 100), (60, 60, 60)).convert(mode)
    made = run(image, {"op": "watermark", "gravity": gravity, "margin": 0.05, "opacity": 1, "scale": 0.4, **mark})
    found = ImageChops.difference(made.convert("RGB"), image.convert("RGB")).getbbox()
    assert found is not None
    assert box[0] + 5 <= found[0] <= found[2] <= box[2] - 5 or gravity.endswith("right")
    assert box[0] <= found[0] <= found[2] <= box[2]
    assert box[1] <= found[1] <= found[3] <= box[3]
    assert found[2] - found[0] >= 30


def test_watermark_grows_with_the_picture() -> None:
    """The mark takes the same share of a small and of a large image."""
    shares = []
    for side in (100, 1000):
        image = Image.new("L", (side, side))
        found = run(image, {"op": "watermark", "text": "Safelight", "opacity": 1, "scale": 0.5}).getbbox()
        assert found is not None
        shares.append((found[2] - found[0]) / side)
    assert shares == pytest.approx([0.5, 0.5], abs=0.04)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_watermark_mixes_by_its_opacity(mode: str) -> None:
    """A white mark at opacity 0.5 on black is mid gray; at 0 it is not there."""
    image = Image.new("RGB", (40, 20)).convert(mode)
    logo = {"op": "watermark", "image": "logo", "scale": 1, "margin": 0}
    green = run(image, logo | {"opacity": 0.5}).convert("RGB").getpixel((20, 10))[1]  # type: ignore[index] # RGB
    assert green == pytest.approx(128, abs=1)
    assert same(run(image, logo | {"opacity": 0}).convert("RGB"), image.convert("RGB"))


def test_tiles_cover_the_whole_picture() -> None:
    """Every part of the image has its share of marks."""
    image = Image.new("L", (400, 300))
    made = run(image, {"op": "watermark", "text": "copy", "tile": True, "opacity": 1, "scale": 0.1})
    parts = [brightness(made, (x, y, x + 100, y + 100)) for x in range(0, 400, 100) for y in range(0, 300, 100)]
    assert min(parts) > 0.5 * max(parts) > 0


def test_smallest_tiles_on_the_largest_picture_are_cheap() -> None:
    """A mark of a pixel without a gap, repeated over a large image, ends (it doubles, it does not paste each)."""
    made = run(
        Image.new("L", (2000, 400)),
        {"op": "watermark", "text": ".", "tile": True, "scale": 0.01, "margin": 0, "opacity": 1},
    )
    assert made.getextrema()[1] == 255


def test_watermark_without_its_picture_fails() -> None:
    """A name that nothing is stored under, or something that is no image, fails the job by its own code."""
    operation = pipeline_strategies.READ.validate_python({"op": "watermark", "image": "logo"})
    for assets in ({}, {"logo": b"no picture"}):
        with pytest.raises(AssetUnusable):
            run_pipeline(halves(), [operation], LIMITS, make_asset_loader(assets, LIMITS))
    with pytest.raises(AssetUnusable):
        run_pipeline(halves(), [operation], LIMITS, refuse_assets)


def test_characters_that_the_font_lacks_are_told() -> None:
    """Boxes in a watermark do not come silently."""
    assert find_missing_characters("Grüße, Ωμέγα, Юг, שלום ©", "dejavu-sans") == []
    assert find_missing_characters("中a中文", "dejavu-sans") == ["中", "文"]
    assert "U+4E2D" in find_text_warnings("中", "dejavu-sans")[0]
    pipeline = Pipeline.model_validate({"operations": [{"op": "watermark", "text": "中"}]})
    assert any("U+4E2D" in warning for warning in render(sample_images.make_png(), pipeline, LIMITS).warnings)


def test_frames_stay_together_under_a_trim() -> None:
    """A trim of an animation keeps what any of its frames shows, so that all frames have one size."""
    frames = [Image.new("L", (30, 30)) for _ in range(3)]
    for index, frame in enumerate(frames):
        frame.paste(255, (5 + 5 * index, 10, 8 + 5 * index, 20))
    assert [frame.size for frame in run_pipeline_on_frames(frames, [Trim()], LIMITS)] == [(13, 10)] * 3


def test_frames_run_one_after_the_other() -> None:
    """The second frame is not asked for before the first is done."""
    alive = []

    def frames() -> Any:
        for index in range(3):
            alive.append(index)
            yield Image.new("L", (10, 10))

    made = run_pipeline_on_frames(frames(), [pipeline_strategies.READ.validate_python({"op": "blur"})], LIMITS)
    next(made)
    assert alive == [0]


def test_what_is_known_only_after_a_trim_is_held_to_the_limits() -> None:
    """A trim down to a thin line, then a large width, would be a very high image: it is refused before it is made."""
    image = Image.new("L", (200, 200))
    image.paste(255, (100, 0, 101, 200))
    with pytest.raises((SideTooLong, TooManyPixels)):
        run(image, {"op": "trim"}, {"op": "resize", "width": 9000, "enlarge": True})


def test_result_has_a_longest_side() -> None:
    """No result is longer than 10,000 pixels, even of a raw image that is."""
    with pytest.raises(SideTooLong):
        run(Image.new("L", (10_001, 2)))


@pytest.mark.parametrize(
    "wish",
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
        {"op": "watermark", "image": "../etc/passwd"},
        {"op": "watermark", "text": "a", "font": "/etc/passwd"},
        {"op": "watermark", "text": "a", "opacity": 1.1},
        {"op": "watermark", "text": "a", "scale": 0.001},
        {"op": "watermark", "text": "a", "margin": 0.6},
    ],
)
def test_what_is_out_of_range_never_reaches_a_pixel(wish: dict[str, Any]) -> None:
    """Every wrong parameter is refused when the job is asked for, none by Pillow."""
    with pytest.raises(ValidationError):
        Pipeline.model_validate({"operations": [wish]})
