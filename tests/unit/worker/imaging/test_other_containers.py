"""Metadata of AVIF and TIFF: it never fails an image, and XMP never rotates one."""

import struct

import pytest
from PIL import Image, ImageChops
from support import color_profiles, sample_images
from support.rendered_pngs import EMPTY, LIMITS

from shared.errors import TruncatedImage
from worker.imaging import RenderResult, render

XMP = b'<x:xmpmeta tiff:Orientation="6"/>'

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow warns of damaged metadata

SCENE = sample_images.draw_scene()


def make_avif() -> bytes:
    """Return an AVIF with EXIF and XMP."""
    exif = Image.Exif()
    exif[0x8298] = "Ann"
    return sample_images.encode(SCENE, "AVIF", exif=exif.tobytes(), xmp=XMP)


def get_image(result: RenderResult) -> Image.Image:
    """Return the first output."""
    return sample_images.decode(result.outputs[0][1].data)


@pytest.mark.parametrize("damage", [b"\0" * 8, b"junkjunk"])
def test_damaged_exif_of_an_avif_costs_only_itself(damage: bytes) -> None:
    """The pixels are those of the whole file."""
    whole = make_avif()
    at = whole.index(b"MM\0*" if b"MM\0*" in whole else b"II*\0")
    result = render(whole[:at] + damage + whole[at + len(damage) :], EMPTY, LIMITS)
    assert ImageChops.difference(get_image(result), get_image(render(whole, EMPTY, LIMITS))).getbbox() is None
    assert len(result.warnings) == 1
    assert "EXIF" in result.warnings[0]


def test_cut_avif_is_truncated() -> None:
    """A box is longer than the rest of the file."""
    with pytest.raises(TruncatedImage):
        render(make_avif()[:-20], EMPTY, LIMITS)


@pytest.mark.parametrize("name", ["AVIF", "WEBP", "PNG", "JPEG", "TIFF"])
def test_xmp_does_not_rotate(name: str) -> None:
    """Only EXIF does, as in browsers."""
    options = {"tiffinfo": {700: XMP}} if name == "TIFF" else {"xmp": XMP}
    data = sample_images.encode(SCENE, name, **options)
    assert b"Orientation" in data or name == "PNG"
    assert get_image(render(data, EMPTY, LIMITS)).size == SCENE.size


def patch_cicp(data: bytes, primaries: int, transfer: int) -> bytes:
    """Return the AVIF with other CICP."""
    at = data.index(b"nclx") + 4
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


AVIF_COLORS = {
    "unspecified": ((2, 2), None, (200, 100, 50)),
    "Display P3": ((12, 13), None, (215, 93, 31)),
    "BT.2020": ((9, 13), None, (241, 76, 29)),
    "BT.2020 with its own transfer": ((9, 14), None, (241, 76, 29)),
    "BT.709": ((1, 1), None, (200, 100, 50)),
    "linear": ((1, 8), None, (229, 168, 122)),
    "sRGB and a profile": ((1, 13), color_profiles.make_display_p3_profile(), (215, 93, 31)),
    "unspecified and a profile": ((2, 2), color_profiles.make_display_p3_profile(), (215, 93, 31)),
    "Display P3 and the same profile": ((12, 13), color_profiles.make_display_p3_profile(), (215, 93, 31)),
}


@pytest.mark.parametrize("name", AVIF_COLORS)
def test_colors_of_an_avif_are_those_that_browsers_show(name: str) -> None:
    """The expected values were measured in Chromium 156."""
    (primaries, transfer), profile, expected = AVIF_COLORS[name]
    plain = Image.new("RGB", (64, 48), (200, 100, 50))
    options = {"icc_profile": profile} if profile else {}
    data = sample_images.encode(plain, "AVIF", quality=95, **options)
    result = render(patch_cicp(data, primaries, transfer), EMPTY, LIMITS)
    assert result.warnings == ()
    assert get_image(result).convert("RGB").getpixel((32, 24)) == pytest.approx(expected, abs=2)
