"""AVIF files with damage outside of the image, which costs only itself."""

import struct

import pytest
from PIL import Image, ImageChops
from support import sample_images
from support.avif_files import ALPHA, ESSENTIAL, Item, encode, make_associations, make_avif
from support.heif_boxes import make_auxiliary, make_box, make_full_box, make_nclx, make_size
from support.rendered_pngs import EMPTY, LIMITS

from shared.errors import CorruptImage, ImageError, UnsupportedFlavor
from worker.imaging import RenderResult, render

WARNING = "Parts of the file besides the image, such as EXIF or a gain map, are damaged and were ignored."
SCENE = sample_images.draw_scene().resize((96, 64))
SHADE = Image.linear_gradient("L").resize((96, 64))
COLOR, PLANE = encode(SCENE), encode(SHADE)
#: ispe, pixi, av1C, colr, then pixi, av1C, auxC of the alpha plane.
PROPERTIES = [*COLOR.properties, *PLANE.properties[1:]]
IMAGE = Item(b"av01", COLOR.content, (1, 2, 3 | ESSENTIAL, 4))
ALPHA_PLANE = Item(b"av01", PLANE.content, (1, 5, 6 | ESSENTIAL, 7))
ALPHA_REFERENCE = (b"auxl", 2, (1,))
TURN = make_box(b"irot", b"\1")


def decode_output(result: RenderResult) -> Image.Image:
    """Return the first output."""
    return sample_images.decode(result.outputs[0][1].data)


def measure_difference(first: Image.Image, second: Image.Image) -> int:
    """Return the largest difference of a channel."""
    assert first.size == second.size
    assert first.mode == second.mode
    histogram = ImageChops.difference(first, second).histogram()
    return max(index % 256 for index, count in enumerate(histogram) if count)


def make_group(kind: bytes, *content: bytes) -> bytes:
    """Return a group of items with a type that libavif refuses."""
    return make_box(b"grpl", make_full_box(kind, struct.pack(">II2I", 1, 2, 1, 2), *content))


def make_gain_map(description: bytes) -> bytes:
    """Return an image with a gain map whose description may be damaged."""
    items = {1: IMAGE, 2: Item(b"tmap", description, (1, 2, 4)), 3: Item(b"av01", COLOR.content, (1, 2, 3 | ESSENTIAL))}
    groups = make_box(b"grpl", make_full_box(b"altr", struct.pack(">II2I", 9, 2, 2, 1)))
    data = make_avif(items, PROPERTIES, [(b"dimg", 2, (1, 3))], extra=[groups])
    return data.replace(b"avifmif1miaf", b"avifmif1tmap", 1)


DAMAGED = {
    "gain map of a version to come": make_gain_map(b"\0\0\1\0\0\0" + bytes(62)),
    "gain map with zeros": make_gain_map(bytes(62)),
    "gain map with extra bytes": make_gain_map(b"\0\0\0\0\0\0" + b"\0\0\0\1" * 40),
    "gain map that is too short": make_gain_map(b"\0\0\0"),
    "pyramid of images": make_avif({1: IMAGE}, PROPERTIES, extra=[make_group(b"pymd", bytes(8))]),
    "table of properties twice": make_avif(
        {1: IMAGE}, PROPERTIES, associations=[make_associations({1: IMAGE}), make_associations({})]
    ),
    "metadata that is no EXIF": make_avif({1: IMAGE, 2: Item(b"Exif", b"\xff" * 20)}, PROPERTIES, [(b"cdsc", 2, (1,))]),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damage_outside_of_the_image_costs_only_itself(damage: str) -> None:
    """The image has the same pixels as without the damaged part."""
    whole = decode_output(render(make_avif({1: IMAGE}, PROPERTIES), EMPTY, LIMITS))
    result = render(DAMAGED[damage], EMPTY, LIMITS)
    assert measure_difference(decode_output(result), whole) == 0
    assert any("ignored" in warning for warning in result.warnings)


def test_intact_file_gives_no_warning() -> None:
    """So the items of these tests are right."""
    assert render(make_avif({1: IMAGE}, PROPERTIES), EMPTY, LIMITS).warnings == ()
    result = render(make_avif({1: IMAGE, 2: ALPHA_PLANE}, PROPERTIES, [ALPHA_REFERENCE]), EMPTY, LIMITS)
    assert result.warnings == ()
    assert measure_difference(decode_output(result).getchannel("A"), SHADE) <= 4


@pytest.mark.parametrize("premultiplied", [False, True])
def test_alpha_plane_without_a_size_is_kept(premultiplied: bool) -> None:
    """It has the size of the image."""
    references = [ALPHA_REFERENCE, *([(b"prem", 1, (2,))] if premultiplied else [])]
    plane = Item(b"av01", PLANE.content, (5, 6 | ESSENTIAL, 7))
    whole = make_avif({1: IMAGE, 2: ALPHA_PLANE}, PROPERTIES, references)
    result = render(make_avif({1: IMAGE, 2: plane}, PROPERTIES, references), EMPTY, LIMITS)
    assert measure_difference(decode_output(result), decode_output(render(whole, EMPTY, LIMITS))) == 0
    assert result.warnings == (WARNING,)


def test_rotation_that_is_not_marked_as_essential_is_applied() -> None:
    """Readers must refuse a file only if they do not know a property."""
    properties = [*PROPERTIES, TURN]
    images = [Item(b"av01", COLOR.content, (1, 2, 3 | ESSENTIAL, 4, 8 | flag)) for flag in (ESSENTIAL, 0)]
    right, wrong = (render(make_avif({1: image}, properties), EMPTY, LIMITS) for image in images)
    assert right.warnings == ()
    assert wrong.warnings == (WARNING,)
    assert decode_output(wrong).size == (64, 96)
    assert measure_difference(decode_output(wrong), decode_output(right)) == 0


def test_tile_that_a_grid_shows_twice_is_shown_twice() -> None:
    """Libavif does not allow that."""
    grid = Item(b"grid", struct.pack(">BBBBHH", 0, 0, 0, 1, 192, 64), (8, 2, 4))
    data = make_avif({1: grid, 2: IMAGE}, [*PROPERTIES, make_size(192, 64)], [(b"dimg", 1, (2, 2))])
    image = decode_output(render(data, EMPTY, LIMITS))
    tile = decode_output(render(make_avif({1: IMAGE}, PROPERTIES), EMPTY, LIMITS))
    assert measure_difference(image.crop((0, 0, 96, 64)), tile) == 0
    assert measure_difference(image.crop((96, 0, 192, 64)), tile) == 0


def test_alpha_plane_of_an_unknown_image_fails_a_damaged_file() -> None:
    """The image would lose its transparency without a notice."""
    twice = [make_associations({1: IMAGE, 2: ALPHA_PLANE}), make_associations({})]
    data = make_avif({1: IMAGE, 2: ALPHA_PLANE}, PROPERTIES, [(b"auxl", 2, (0,))], associations=twice)
    with pytest.raises(CorruptImage):
        render(data, EMPTY, LIMITS)


def test_damaged_pixels_still_fail() -> None:
    """They are in the image itself."""
    damaged = Item(b"av01", COLOR.content[:20] + b"\xff" * 40, IMAGE.links)
    data = make_avif({1: damaged}, PROPERTIES, extra=[make_group(b"pymd", bytes(8))])
    with pytest.raises(ImageError):
        render(data, EMPTY, LIMITS)


def test_items_that_multiply_the_file_are_refused() -> None:
    """A small file must not become a large one."""
    content = struct.pack(">BBBBHH", 0, 0, 31, 31, 3072, 2048)
    grid = Item(b"grid", content, (8, 2, 4))
    tiles = tuple(range(2, 1026))
    items = {1: grid, **dict.fromkeys(tiles, Item(b"av01", b"", IMAGE.links))}
    data = make_avif(items, [*PROPERTIES, make_size(3072, 2048)], [(b"dimg", 1, tiles)])
    with pytest.raises(ImageError):
        render(data, EMPTY, LIMITS)


@pytest.mark.parametrize(("matrix", "name"), [(10, "constant luminance"), (14, "ICtCp")])
def test_colors_that_cannot_be_converted_are_named(matrix: int, name: str) -> None:
    """Libavif has no formula for them."""
    properties = [*COLOR.properties[:3], make_nclx(9, 16, matrix), *PLANE.properties[1:]]
    with pytest.raises(UnsupportedFlavor, match=name):
        render(make_avif({1: IMAGE}, properties), EMPTY, LIMITS)


def test_type_of_the_alpha_plane() -> None:
    """The tests use the type of the standard."""
    assert make_auxiliary(ALPHA) in PLANE.properties
