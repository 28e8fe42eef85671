"""Image formats: their names, and how to tell them by their first bytes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """One format as the world names it."""

    #: Upper case, as in the table's ``Format`` and in Pillow.
    name: str
    media_type: str
    extension: str
    #: Whether it can hold transparency.
    alpha: bool = True
    #: Whether one file can hold several images that Pillow finds.
    frames: bool = True


JPEG = ImageFormat("JPEG", "image/jpeg", "jpg", alpha=False, frames=False)
PNG = ImageFormat("PNG", "image/png", "png")
WEBP = ImageFormat("WEBP", "image/webp", "webp")
GIF = ImageFormat("GIF", "image/gif", "gif")
TIFF = ImageFormat("TIFF", "image/tiff", "tif")
BMP = ImageFormat("BMP", "image/bmp", "bmp", frames=False)
AVIF = ImageFormat("AVIF", "image/avif", "avif")

ACCEPTED = (JPEG, PNG, WEBP, GIF, TIFF, BMP, AVIF)
#: Formats that people send and that are refused by name, and why.
NOT_AVAILABLE = {
    "HEIC": "Needs a decoder that Pillow does not bring along.",
    "SVG": "Is a program that draws, not a picture: it may fetch files and scripts.",
    "PDF": "Is a document of pages.",
}
BY_NAME = {image_format.name: image_format for image_format in ACCEPTED}

_MAGIC = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
    (b"BM", BMP),
)
# Known, and refused by name, so that the answer tells more than "not an image".
_REFUSED = (
    (b"%PDF-", "PDF"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_BMP_HEADER_SIZES = (12, 16, 40, 52, 56, 64, 108, 124)


def detect(data: bytes) -> ImageFormat | None:
    """Tell an accepted format by its first bytes, or return None.

    It looks at the signature alone: a file that begins like a PNG is called a PNG, and only decoding
    it tells whether it is one.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp":
        return AVIF if data[8:12] in {b"avif", b"avis"} or b"avif" in _compatible_brands(data) else None
    for magic, image_format in _MAGIC:
        if data.startswith(magic):
            return None if image_format is BMP and not _is_bmp(data) else image_format
    return None


def describe_refused(data: bytes) -> str | None:
    """Name a format that is known but not accepted (SVG, PDF, HEIC …), or return None."""
    if data[4:8] == b"ftyp":
        return "HEIC" if data[8:12] in _HEIF_BRANDS else "a video or other ISO media file"
    for magic, name in _REFUSED:
        if data.startswith(magic):
            return name
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "SVG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return None


def _compatible_brands(data: bytes) -> bytes:
    box = int.from_bytes(data[:4], "big")
    return data[16 : min(box, 256)]


def _is_bmp(data: bytes) -> bool:
    """Tell a BMP from text that happens to begin with BM, by the size of its header."""
    return int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES
