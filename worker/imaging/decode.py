"""Bytes to picture: detect, check the header, load, put upright, bring to sRGB.

What comes out has one of four modes (L, LA, RGB, RGBA), eight bits a channel, and no metadata, so
that an operation never meets anything else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from shared.errors import CorruptImage, NotAnImage, SafelightError, TooManyPixels, TruncatedImage
from shared.formats import ACCEPTED, AVIF, GIF, PNG, TIFF, WEBP
from worker.imaging.limits import Limits

MAX_ICC_BYTES: Final = 1024 * 1024
"""Larger colour profiles are ignored with a warning; real ones stay far below."""

FORMATS: Final = tuple(image_format.name for image_format in ACCEPTED)
# Pillow calls a JPEG with several pictures in it (most phones write them) MPO: its first frame is the JPEG.
_PILLOW_NAMES: Final = {"MPO": "JPEG"}

_SRGB: Final = ImageCms.createProfile("sRGB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded picture, upright, and what is to be said of its file."""

    image: Image.Image
    format: str
    warnings: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height, pixels, as seen upright."""
        return self.image.size


def decode(data: bytes, limits: Limits) -> Picture:
    """Decode the first frame of a picture.

    Raises NotAnImage, TruncatedImage, CorruptImage, or what ``limits`` raise, the latter before any
    pixel is decoded.
    """
    limits.check_bytes(len(data))
    with _translated(data):
        image: Image.Image = Image.open(BytesIO(data), formats=FORMATS)
        limits.check_size(image.size)
        name = _PILLOW_NAMES.get(image.format or "", image.format or "")
        warnings = ["Only the first frame of the animation was processed."] if _has_more_frames(image, data) else []
        image.load()
        profile = image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        image, warning = _to_srgb(image, profile)
        plain = _to_plain_mode(image)
    plain.info = {}
    return Picture(image=plain, format=name, warnings=tuple(warnings + ([warning] if warning else [])))


@contextmanager
def _translated(data: bytes) -> Iterator[None]:
    """Turn whatever a decoder raises into an ImageError.

    Pillow's decoders raise OSError, ValueError, SyntaxError, IndexError, TypeError, RuntimeError and more
    for bad data, so that a list of types would be a guess. Nothing but decoding happens inside. Running
    out of memory says nothing about the picture and passes.
    """
    try:
        yield
    except (SafelightError, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooManyPixels from error
    except UnidentifiedImageError as error:
        raise NotAnImage from error
    except Exception as error:
        raise (TruncatedImage if is_cut_off(data) else CorruptImage) from error


def is_cut_off(data: bytes) -> bool:
    """Tell whether a file lacks the end that its format demands.

    Asked only of data that would not decode: a cut file may still decode, and bytes after the end do no harm.
    """
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in data[-1024:]
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-1024:]
    if data.startswith(b"GIF8"):
        return not data.rstrip(b"\0").endswith(b";")
    if data.startswith(b"RIFF"):
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    if data.startswith(b"BM"):
        return int.from_bytes(data[2:6], "little") > len(data)
    return False


def _has_more_frames(image: Image.Image, data: bytes) -> bool:
    if image.format in {GIF.name, WEBP.name, PNG.name, AVIF.name}:
        return bool(getattr(image, "is_animated", False))
    if image.format == TIFF.name:
        # Counting a TIFF's frames walks all of them, and a hostile one has thousands.
        with Image.open(BytesIO(data), formats=(TIFF.name,)) as second:
            try:
                second.seek(1)
            except EOFError:
                return False
            return True
    return False


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Convert colours from the file's profile; on a broken one go on without it, with a warning."""
    if not profile:
        return image, None
    if len(profile) > MAX_ICC_BYTES:
        return image, "The colour profile is too large and was ignored."
    if image.mode == "P":
        image = _palette_to_rgb(image)
    alpha = image.getchannel("A") if image.mode in {"RGBA", "LA"} else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if ImageCms.getProfileDescription(source).strip().startswith("sRGB"):
            return image, None
        converted = ImageCms.profileToProfile(colours, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, "The colour profile can't be used and was ignored."
    if converted is None:
        return image, None
    if alpha:
        converted.putalpha(alpha)
    return converted, None


def _to_plain_mode(image: Image.Image) -> Image.Image:
    """Bring any of Pillow's modes to L, LA, RGB or RGBA."""
    if image.mode == "P":
        return _palette_to_rgb(image)
    if image.mode in {"L", "RGB"} and "transparency" in image.info:
        return image.convert("LA" if image.mode == "L" else "RGBA")
    if image.mode in {"L", "LA", "RGB", "RGBA"}:
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        # convert("L") clips at 255 instead of scaling.
        return image.convert("I").point(_sixteen_to_eight).convert("L")
    if image.mode in {"La", "RGBa", "PA"}:
        return image.convert("LA" if image.mode == "La" else "RGBA")
    return image.convert("L" if image.mode in {"1", "F"} else "RGB")


def _sixteen_to_eight(value: Image.ImagePointTransform) -> Image.ImagePointTransform:
    """Scale by 255/65535. Pillow evaluates this once, on a symbol, for mode I."""
    return value * (1 / 257) + 0.5


def _palette_to_rgb(image: Image.Image) -> Image.Image:
    return image.convert("RGBA" if "transparency" in image.info else "RGB")
