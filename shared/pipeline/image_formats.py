"""Image formats and their detection. The API, the worker and the documents all use these definitions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

#: Windows headers have 12, 40, 52, 56, 108 or 124 bytes. An OS/2 2.0 header can end after any field.
_BMP_HEADER_SIZES = (12, *range(16, 65), 108, 124)
#: Brands of still images and sequences in HEVC (ISO/IEC 23008-12, annex B.4).
_HEVC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")
#: Other brands of HEIF files. Their codec may be another one, which the worker names.
_HEIF_BRANDS = (
    *_HEVC_BRANDS,
    *(b"mif1", b"mif2", b"mif3", b"miaf", b"msf1"),
    *(b"avci", b"avcs", b"evbi", b"evbs", b"j2ki", b"j2is", b"jpeg", b"jpgs", b"vvic", b"vvis"),
)


def _starts_with(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(signatures)


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _is_bmp(data: bytes) -> bool:
    """Return True if the file is a BMP. The size of its header distinguishes it from text that starts with BM."""
    return data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES


def _is_avif(data: bytes) -> bool:
    compatible_brands = data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    return data[4:8] == b"ftyp" and (data[8:12] in {b"avif", b"avis"} or b"avif" in compatible_brands)


def _is_heif(data: bytes) -> bool:
    """Return True if the file is a HEIF file. Which codec it needs is written elsewhere in it."""
    if data[4:8] != b"ftyp":
        return False
    brands = data[16 : min(int.from_bytes(data[:4], "big"), 256)]
    is_known = data[8:12] in _HEIF_BRANDS or any(brands[at : at + 4] in _HEVC_BRANDS for at in range(0, len(brands), 4))
    return is_known and not _is_avif(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """One format that is accepted as input, and its properties as an output format if it can be written."""

    #: Upper case, as in the table's ``Format`` and in Pillow.
    name: str
    #: Usual spelling, which users see.
    label: str
    media_type: str
    extension: str
    #: Other usual file name extensions.
    other_extensions: tuple[str, ...] = ()
    #: Return True if the first bytes of a file have the format's signature.
    matches: Callable[[bytes], bool] = field(repr=False, compare=False)
    #: Nonstandard media types that clients use.
    media_type_aliases: tuple[str, ...] = ()
    #: Other values of an output's ``format``.
    spellings: tuple[str, ...] = ()
    #: Whether it can hold transparency.
    alpha: bool = True
    #: Whether Pillow can find more than one image in a file of this format.
    frames: bool = True
    #: Whether an animation can be written in this format.
    animation: bool = False
    #: Whether it can hold the EXIF tags Artist and Copyright.
    copyright: bool = True
    #: Default quality, 1 to 100; None for formats that take neither ``quality`` nor ``max_bytes``.
    default_quality: int | None = None
    #: CPU time to decode a pixel, nanoseconds (``benchmarks/calibrate_plan.py``).
    decode_cost: float
    #: CPU time to encode a pixel, nanoseconds; 0 for formats that are not written.
    encode_cost: float = 0.0
    #: Bytes of a written pixel of a photograph with the default quality, rounded up.
    encoded_bytes: float = 0.0
    #: For some qualities, ascending: the bytes as a multiple of those with the default quality
    #: (``benchmarks/calibrate_plan.py``).
    bytes_by_quality: tuple[tuple[int, float], ...] = ()


JPEG = ImageFormat(
    name="JPEG",
    label="JPEG",
    media_type="image/jpeg",
    extension="jpg",
    other_extensions=("jpeg", "jpe", "jfif"),
    matches=_starts_with(b"\xff\xd8\xff"),
    media_type_aliases=("image/jpg", "image/pjpeg"),
    spellings=("jpg",),
    alpha=False,
    frames=False,
    default_quality=82,
    decode_cost=4.8,
    encode_cost=14.5,
    encoded_bytes=0.2,
    bytes_by_quality=((10, 0.15), (25, 0.31), (40, 0.43), (55, 0.54), (70, 0.71), (82, 1), (90, 1.25), (100, 2.6)),
)
PNG = ImageFormat(
    name="PNG",
    label="PNG",
    media_type="image/png",
    extension="png",
    other_extensions=("apng",),
    matches=_starts_with(b"\x89PNG\r\n\x1a\n"),
    animation=True,
    decode_cost=25.7,
    encode_cost=214.2,
    encoded_bytes=1.5,
)
WEBP = ImageFormat(
    name="WEBP",
    label="WebP",
    media_type="image/webp",
    extension="webp",
    matches=_is_webp,
    animation=True,
    default_quality=80,
    decode_cost=12.9,
    encode_cost=37.9,
    encoded_bytes=0.12,
    bytes_by_quality=((10, 0.25), (25, 0.38), (40, 0.5), (55, 0.62), (70, 0.77), (80, 1), (90, 1.55), (100, 3.8)),
)
GIF = ImageFormat(
    name="GIF",
    label="GIF",
    media_type="image/gif",
    extension="gif",
    matches=_starts_with(b"GIF87a", b"GIF89a"),
    animation=True,
    copyright=False,
    decode_cost=8.3,
    encode_cost=103.3,
    encoded_bytes=0.8,
)
TIFF = ImageFormat(
    name="TIFF",
    label="TIFF",
    media_type="image/tiff",
    extension="tif",
    other_extensions=("tiff",),
    matches=_starts_with(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    spellings=("tif",),
    decode_cost=2.1,
    encode_cost=62.1,
    encoded_bytes=2.5,
)
BMP = ImageFormat(
    name="BMP",
    label="BMP",
    media_type="image/bmp",
    extension="bmp",
    other_extensions=("dib",),
    matches=_is_bmp,
    media_type_aliases=("image/x-ms-bmp",),
    frames=False,
    decode_cost=1.8,
)
AVIF = ImageFormat(
    name="AVIF",
    label="AVIF",
    media_type="image/avif",
    extension="avif",
    matches=_is_avif,
    animation=True,
    default_quality=65,
    decode_cost=18.1,
    encode_cost=540.6,
    encoded_bytes=0.1,
    bytes_by_quality=((10, 0.12), (25, 0.19), (40, 0.39), (55, 0.72), (65, 1), (80, 1.55), (90, 2), (100, 5.3)),
)
HEIC = ImageFormat(
    name="HEIC",
    label="HEIC",
    media_type="image/heic",
    extension="heic",
    other_extensions=("heif", "hif"),
    matches=_is_heif,
    media_type_aliases=("image/heif", "image/heic-sequence", "image/heif-sequence"),
    frames=False,
    # Median of four photographs of 5 to 12 megapixels, with the conversion from Display P3.
    decode_cost=27.8,
)

INPUT_FORMATS = (JPEG, PNG, WEBP, GIF, TIFF, BMP, AVIF, HEIC)
BY_NAME = {image_format.name: image_format for image_format in INPUT_FORMATS}
#: By media type, aliases included.
BY_MEDIA_TYPE = {
    media_type: image_format
    for image_format in INPUT_FORMATS
    for media_type in (image_format.media_type, *image_format.media_type_aliases)
}
#: Formats that users often send and that are not accepted, and why.
UNSUPPORTED_FORMATS = {
    "JPEG XL": "Has no decoder package that fits. Convert the image to JPEG or PNG.",
    "SVG": "Is a program that draws an image. It may fetch files and run scripts.",
    "PDF": "Is a document with pages.",
}

# Formats that are not accepted. The error names the format, because that helps more than "not an image".
_UNSUPPORTED = (
    (b"%PDF-", "PDF"),
    (b"8BPS", "PSD"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b", "gzip"),
)

_UNSUPPORTED_IMAGES = ("PSD", "ICO", "JPEG 2000", "JPEG XL", "SVG")


def detect_format(data: bytes) -> ImageFormat | None:
    """Return the accepted format of a file by its signature, or None.

    Only decoding shows whether the rest of the file has that format too.
    """
    return next((each for each in INPUT_FORMATS if each.matches(data)), None)


def find_unsupported_image(data: bytes) -> str | None:
    """Return the name of an image format that is not accepted, or None for accepted formats and other files."""
    name = describe_unsupported_format(data)
    return name if name in _UNSUPPORTED_IMAGES else None


def describe_unsupported_format(data: bytes) -> str | None:
    """Return the name of a known format that is not accepted (SVG, PDF, HEIC …), or None."""
    if data[4:8] == b"ftyp":
        return "a video or other ISO media file"
    for signature, name in _UNSUPPORTED:
        if data.startswith(signature):
            return name
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "SVG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "HTML"
    return None


def list_labels(formats: Iterable[ImageFormat]) -> str:
    """Return the labels of formats as text: ``JPEG, WebP and AVIF``."""
    *others, last = (each.label for each in formats)
    return f"{', '.join(others)} and {last}" if others else last
