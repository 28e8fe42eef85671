"""Any of Pillow's modes and any color profile to eight bits of sRGB: modes L, LA, RGB, RGBA."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

from worker.imaging.png_transparency import apply_transparent_value

#: Larger color profiles are ignored with a warning; real ones stay far below.
MAX_ICC_BYTES: Final = 1024 * 1024
PLAIN_MODES: Final = frozenset({"L", "LA", "RGB", "RGBA"})

_MODES_WITHOUT_TRANSPARENCY: Final = {
    **{mode: mode for mode in (*PLAIN_MODES, "CMYK")},
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
}
#: A PNG or GIF may name one color, or the palette's entries, that are transparent.
_MODES_WITH_TRANSPARENCY: Final = {**_MODES_WITHOUT_TRANSPARENCY, "1": "LA", "L": "LA", "P": "RGBA", "RGB": "RGBA"}
_SRGB: Final = ImageCms.createProfile("sRGB")
_LAB: Final = ImageCms.createProfile("LAB")


def normalize_colors(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Bring a loaded image to a plain mode in sRGB; on a broken profile go on without it, with a warning."""
    image, warning = _convert_to_srgb(_convert_to_eight_bits(image), profile)
    plain = image if image.mode in PLAIN_MODES else image.convert("RGB")
    return _drop_opaque_alpha(plain), warning


def has_srgb_values(profile: bytes | None) -> bool:
    """Tell whether a file's numbers are sRGB already: it has no profile, or one that says so."""
    if not profile:
        return True
    if len(profile) > MAX_ICC_BYTES:
        return False
    try:
        return _is_srgb(ImageCms.ImageCmsProfile(BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Tell whether a profile describes sRGB itself, in one of its many editions."""
    return ImageCms.getProfileDescription(profile).strip().startswith("sRGB")


def _drop_opaque_alpha(image: Image.Image) -> Image.Image:
    """Drop an alpha channel that is opaque everywhere: many files have one, and it costs time and bytes."""
    if image.mode in {"LA", "RGBA"} and image.getchannel("A").getextrema() == (255, 255):
        return image.convert(image.mode.removesuffix("A"))
    return image


def _convert_to_eight_bits(image: Image.Image) -> Image.Image:
    """Bring what is no plain mode to one, but leave CMYK: its profile knows it as it is."""
    plain = (_MODES_WITH_TRANSPARENCY if "transparency" in image.info else _MODES_WITHOUT_TRANSPARENCY).get(image.mode)
    if plain:
        return image if image.mode == plain else image.convert(plain)
    if image.mode.startswith("I"):
        # convert("L") clips at 255 instead of scaling.
        gray = image.convert("I").point(_scale_sixteen_to_eight).convert("L")
        return apply_transparent_value(gray, image)
    if image.mode == "F":
        return _convert_float(image)
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, _LAB, _SRGB, outputMode="RGB") or image
    return image.convert("RGB")


def _scale_sixteen_to_eight(value: Image.ImagePointTransform) -> Image.ImagePointTransform:
    """Scale by 255/65535. Pillow evaluates this once, on a symbol, for mode I."""
    return value * (1 / 257) + 0.5


def _convert_float(image: Image.Image) -> Image.Image:
    """Read floating point gray: 0 to 1 if nothing is over 1, as is usual, else 0 to 255."""
    _, highest = image.getextrema()
    is_unit = isinstance(highest, float) and highest <= 1
    return image.point(lambda value: value * 255 + 0.5).convert("L") if is_unit else image.convert("L")


def _convert_to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """Convert the colors from the profile of the file; gray stays gray and alpha stays as it is."""
    if not profile:
        return image, None
    if len(profile) > MAX_ICC_BYTES:
        return image, "The color profile is too large and was ignored."
    alpha = image.getchannel("A") if image.mode in {"RGBA", "LA"} else None
    colors = image.convert(image.mode.removesuffix("A")) if alpha else image
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if image.mode != "CMYK" and _is_srgb(source):
            return image, None
        if colors.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
            colors = colors.convert("RGB")
        converted = ImageCms.profileToProfile(colors, source, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, "The color profile can't be used and was ignored."
    if converted is None:
        return image, None
    if image.mode in {"L", "LA"}:
        converted = converted.convert("L")
    if alpha:
        converted.putalpha(alpha)
    return converted, None
