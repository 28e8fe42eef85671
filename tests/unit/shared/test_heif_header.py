"""The header of AVIF and HEIF files."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.heif_boxes import make_auxiliary, make_box, make_full_box, make_heif, make_nclx, make_size

from shared.pipeline.heif_header import HeifHeader, Nclx, read_heif_header
from shared.pipeline.media_boxes import iterate_boxes

ALPHA = make_auxiliary("urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
GAIN_MAP = make_auxiliary("urn:com:apple:photo:2020:aux:hdrgainmap")
ROTATION = make_box(b"irot", b"\x01")
TEN_BITS = make_full_box(b"pixi", b"\x03\x0a\x0a\x0a")


def read(data: bytes) -> HeifHeader:
    """Return the header of a valid file."""
    header = read_heif_header(data)
    assert header is not None
    return header


def test_the_primary_item_has_its_properties() -> None:
    """Size, bit depth, rotation and color facts, whatever the other items say."""
    properties = [make_size(64, 48), TEN_BITS, make_nclx(12, 13, 6), ROTATION, make_size(9, 9)]
    header = read(make_heif({1: b"hvc1", 2: b"hvc1"}, properties, {1: [5], 2: [1, 2, 3, 4]}, primary=2))
    assert header.primary.size == (64, 48)
    assert header.primary.compute_upright_size(with_crop=True) == (48, 64)
    assert header.primary.bits == (10, 10, 10)
    assert header.primary.nclx == Nclx(12, 13, 6, is_full_range=True)
    assert header.images == 2


def test_an_icc_profile_is_found_beside_cicp() -> None:
    """An item can have one ``colr`` of each kind."""
    profile = make_box(b"colr", b"prof", b"the profile")
    data = make_heif({1: b"hvc1"}, [make_size(1, 1), profile, make_nclx(1, 13, 6)], {1: [1, 2, 3]})
    primary = read(data).primary
    assert primary.nclx is not None
    assert primary.profile is not None
    assert data[slice(*primary.profile)] == b"the profile"


def test_a_grid_takes_missing_facts_from_its_first_tile() -> None:
    """The tiles count as often as the grid refers to them, and are not images of their own."""
    data = make_heif(
        {1: b"grid", 2: b"hvc1", 3: b"hvc1"},
        [make_size(100, 60), make_size(64, 64), make_nclx(12, 13, 6)],
        {1: [1], 2: [2, 3], 3: [2]},
        [(b"dimg", 1, (2, 3, 2))],
    )
    header = read(data)
    assert [tile.size for tile in header.tiles] == [(64, 64)] * 3
    assert header.primary.nclx == Nclx(12, 13, 6, is_full_range=True)
    assert header.images == 1


def test_alpha_and_gain_map_are_found_by_their_types() -> None:
    """Other auxiliary images, such as depth maps, are neither."""
    data = make_heif(
        {1: b"hvc1", 2: b"hvc1", 3: b"hvc1", 4: b"hvc1"},
        [make_size(8, 8), ALPHA, GAIN_MAP, make_auxiliary("urn:mpeg:hevc:2015:auxid:2")],
        {1: [1], 2: [1, 4], 3: [1, 2], 4: [1, 3]},
        [(b"auxl", 2, (1,)), (b"auxl", 3, (1,)), (b"auxl", 4, (1,)), (b"prem", 1, (3,))],
    )
    header = read(data)
    assert header.alpha is not None
    assert (header.alpha.id, header.is_premultiplied, header.has_gain_map, header.images) == (3, True, True, 1)


def test_hidden_images_and_thumbnails_are_not_counted() -> None:
    """Only what a viewer lists is."""
    data = make_heif(
        {1: b"hvc1", 2: b"hvc1", 3: b"hvc1"},
        [make_size(8, 8)],
        {1: [1], 2: [1], 3: [1]},
        [(b"thmb", 2, (1,))],
        hidden=[3],
    )
    assert read(data).images == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        make_box(b"ftyp", b"heic"),
        make_heif({1: b"hvc1"}, primary=2),
        make_heif({1: b"hvc1"})[:60],
        make_box(b"ftyp", b"heic") + make_full_box(b"meta", make_full_box(b"pitm", b"")),
    ],
)
def test_a_file_without_a_primary_item_has_no_header(data: bytes) -> None:
    """As a file that ends too early."""
    assert read_heif_header(data) is None


def test_an_unknown_property_index_is_ignored() -> None:
    """Index 0 means "none"; others may be out of range."""
    assert read(make_heif({1: b"hvc1"}, [make_size(3, 4)], {1: [0, 1, 100]})).primary.size == (3, 4)


@pytest.mark.parametrize("size", [0, 1, 7, 9, 2**31])
def test_a_box_never_reaches_beyond_its_parent(size: int) -> None:
    """Size 0 means "to the end"; others end the iteration if they are invalid."""
    data = struct.pack(">I4s", size, b"mdat") + bytes(4)
    assert all(8 <= box.start <= box.end <= len(data) for box in iterate_boxes(data, 0, len(data)))


@given(st.data())
def test_damage_never_raises(data: st.DataObject) -> None:
    """Whatever bytes are changed, the result is a header or None."""
    whole = bytearray(
        make_heif(
            {1: b"grid", 2: b"hvc1"},
            [make_size(64, 48), TEN_BITS, make_nclx(12, 13, 6), ROTATION, ALPHA],
            {1: [1, 4], 2: [1, 2, 3, 5]},
            [(b"dimg", 1, (2,)), (b"auxl", 2, (1,))],
        )
    )
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    read_heif_header(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
