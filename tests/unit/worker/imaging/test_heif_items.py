"""HEIF files whose primary image is derived, or that are damaged outside of it."""

import struct

import pytest
from PIL import Image, ImageChops
from support import heif_images, sample_images
from support.avif_files import ESSENTIAL, Item, make_associations, make_avif
from support.heif_boxes import make_box, make_full_box
from support.rendered_pngs import EMPTY, LIMITS

from shared.errors import ImageError
from shared.pipeline.media_boxes import find_box, iterate_boxes
from worker.imaging import RenderResult, render

DATA = heif_images.read_heif("scene")


def read_coded_image() -> tuple[bytes, list[bytes]]:
    """Return the content of the coded image of the scene, and its properties."""
    meta = find_box(DATA, b"meta", 0, len(DATA))
    media = find_box(DATA, b"mdat", 0, len(DATA))
    assert meta
    assert media
    properties = find_box(DATA, b"iprp", meta.start + 4, meta.end)
    assert properties
    container = find_box(DATA, b"ipco", properties.start, properties.end)
    assert container
    boxes = [
        DATA[box.start - 8 : box.end]
        for box in iterate_boxes(DATA, container.start, container.end)
        if box.kind in {b"ispe", b"hvcC"}
    ]
    return DATA[media.start : media.end], boxes


CONTENT, PROPERTIES = read_coded_image()
SIZE = struct.unpack(">II", next(box for box in PROPERTIES if b"ispe" in box[4:8])[12:20])
LINKS = [number | (ESSENTIAL if box[4:8] == b"hvcC" else 0) for number, box in enumerate(PROPERTIES, 1)]
IMAGE = Item(b"hvc1", CONTENT, LINKS)
TURN = make_box(b"irot", b"\1")
MIRROR = make_box(b"imir", b"\1")


def make_crop(width: int, height: int) -> bytes:
    """Return the property that crops the center."""
    return make_box(b"clap", struct.pack(">IIIIIIII", width, 1, height, 1, 0, 1, 0, 1))


def make_heic(*arguments: object, **options: object) -> bytes:
    """Return a file of items in HEVC."""
    return make_avif(*arguments, **options).replace(b"avif\0\0\0\0avifmif1miaf", b"heic\0\0\0\0heicmif1miaf", 1)  # type: ignore[arg-type] # passed on


def decode_output(result: RenderResult) -> Image.Image:
    """Return the first output in RGB."""
    return sample_images.decode(result.outputs[0][1].data).convert("RGB")


def is_equal(first: Image.Image, second: Image.Image) -> bool:
    """Return True if all pixels are equal."""
    return first.size == second.size and ImageChops.difference(first, second).getbbox() is None


WHOLE = decode_output(render(make_heic({1: IMAGE}, PROPERTIES), EMPTY, LIMITS))


def crop_center(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the center of an image."""
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def test_chain_of_identities_has_all_transformations() -> None:
    """In the order from the coded image to the primary item. libheif supports one identity only."""
    width, height = SIZE[0] // 4 * 2, SIZE[1] // 4 * 2
    properties = [*PROPERTIES, make_crop(width, height), TURN, make_crop(height // 4 * 2, width // 4 * 2), MIRROR]
    first = len(PROPERTIES) + 1
    cropped = Item(b"hvc1", CONTENT, [*LINKS, first | ESSENTIAL])
    turned = Item(b"iden", b"", [1, (first + 1) | ESSENTIAL])
    primary = Item(b"iden", b"", [1, (first + 2) | ESSENTIAL, (first + 3) | ESSENTIAL])
    data = make_heic({1: primary, 2: turned, 3: cropped}, properties, [(b"dimg", 1, (2,)), (b"dimg", 2, (3,))])
    expected = crop_center(WHOLE, width, height).transpose(Image.Transpose.ROTATE_90)
    expected = crop_center(expected, height // 4 * 2, width // 4 * 2).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    result = render(data, EMPTY, LIMITS)
    assert is_equal(decode_output(result), expected)
    assert not any("damaged" in warning for warning in result.warnings)


def test_endless_chain_of_identities_fails() -> None:
    """Two items that refer to each other."""
    items = {1: Item(b"iden", b"", [1]), 2: Item(b"iden", b"", [1])}
    with pytest.raises(ImageError):
        render(make_heic(items, PROPERTIES, [(b"dimg", 1, (2,)), (b"dimg", 2, (1,))]), EMPTY, LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        make_heic(
            {1: IMAGE, 2: Item(b"iovl", bytes(22), [1])},
            PROPERTIES,
            [(b"dimg", 2, (1, 1)), (b"dimg", 2, (1,))],
        ),
        make_heic({1: IMAGE, 2: Item(b"grid", b"", [1])}, PROPERTIES, [(b"dimg", 2, (9, 9))]),
        make_heic({1: IMAGE}, PROPERTIES, extra=[make_box(b"grpl", make_full_box(b"pymd", b"\0\0\0"))]),
        make_heic({1: IMAGE}, PROPERTIES, associations=[make_associations({1: IMAGE}), make_associations({9: IMAGE})]),
    ],
)
def test_damage_outside_of_the_primary_image_costs_only_itself(data: bytes) -> None:
    """The image has all its pixels."""
    assert is_equal(decode_output(render(data, EMPTY, LIMITS)), WHOLE)
