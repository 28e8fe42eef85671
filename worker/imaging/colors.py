"""Conversion of every Pillow mode and color description to 8-bit sRGB in mode L, LA, RGB or RGBA."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

from worker.imaging.color.cicp import convert_cicp_to_srgb, describe_tone_mapping, make_space
from worker.imaging.color.deep import DeepPixels, convert_deep, load_lcms, split_gray
from worker.imaging.color.description import MAX_ICC_BYTES, PROFILE_TOO_LARGE, PROFILE_UNUSABLE, ColorDescription
from worker.imaging.color.png_transparency import apply_transparent_value
from worker.imaging.color.profile_content import is_srgb_profile
from worker.imaging.color.rgb_space import build_profile, convert_space_to_srgb

PLAIN_MODES: Final = frozenset({"L", "LA", "RGB", "RGBA"})

_MODES_WITHOUT_TRANSPARENCY: Final = {
    **{mode: mode for mode in (*PLAIN_MODES, "CMYK")},
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
}
#: A PNG or GIF can declare one color, or entries of its palette, as transparent.
_MODES_WITH_TRANSPARENCY: Final = {**_MODES_WITHOUT_TRANSPARENCY, "1": "LA", "L": "LA", "P": "RGBA", "RGB": "RGBA"}
_SRGB: Final = ImageCms.createProfile("sRGB")
_LAB: Final = ImageCms.createProfile("LAB")


def normalize_colors(
    image: Image.Image, color: ColorDescription, low: Image.Image | None = None
) -> tuple[Image.Image, str | None]:
    """Convert a loaded image to sRGB in one of ``PLAIN_MODES``.

    ``low`` are the low bytes if ``image`` has the high bytes of an image with 16 bits per channel.
    Return the image, and a warning if the color description was ignored or dynamic range was lost, otherwise None.
    """
    if low and low.mode == "L" and image.mode == "RGBA":  # Pillow's mode for gray with alpha and 16 bits
        image = Image.merge("LA", (image.getchannel("R"), image.getchannel("A")))
    high = image.getchannel("L") if image.mode == "LA" else image
    deep = DeepPixels(high, low) if low else None
    if image.mode.startswith("I;16") and not has_srgb_values(color):
        deep = split_gray(image)
    image, warning = _convert_to_srgb(_convert_to_eight_bits(image), color, deep)
    plain = image if image.mode in PLAIN_MODES else image.convert("RGB")
    return _drop_opaque_alpha(plain), warning


def has_srgb_values(color: ColorDescription) -> bool:
    """Return True if the pixels are already sRGB."""
    if color.cicp:
        return color.cicp.is_srgb
    if color.profile:
        return is_srgb_profile(color.profile)
    return color.space is None


def _drop_opaque_alpha(image: Image.Image) -> Image.Image:
    """Remove an alpha channel that is opaque everywhere. Many images have one, and it only costs time and bytes."""
    if image.mode in {"LA", "RGBA"} and image.getchannel("A").getextrema() == (255, 255):
        return image.convert(image.mode.removesuffix("A"))
    return image


def _convert_to_eight_bits(image: Image.Image) -> Image.Image:
    """Convert the image to a plain mode, except CMYK, because a CMYK profile applies to CMYK values."""
    plain = (_MODES_WITH_TRANSPARENCY if "transparency" in image.info else _MODES_WITHOUT_TRANSPARENCY).get(image.mode)
    if plain:
        return image if image.mode == plain else image.convert(plain)
    if image.mode.startswith("I"):
        # Pillow's convert("L") would clip at 255 instead of scaling.
        gray = image.convert("I").point(_scale_sixteen_to_eight).convert("L")
        return apply_transparent_value(gray, image)
    if image.mode == "F":
        return _convert_float(image)
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, _LAB, _SRGB, outputMode="RGB") or image
    return image.convert("RGB")


def _scale_sixteen_to_eight(value: Image.ImagePointTransform) -> Image.ImagePointTransform:
    """Scale a 16-bit value to 8 bits. For mode I, Pillow calls this once with a symbolic value."""
    return value * (1 / 257) + 0.5


def _convert_float(image: Image.Image) -> Image.Image:
    """Convert floating-point gray to 8 bits. If no value exceeds 1, assume the range 0 to 1, otherwise 0 to 255."""
    _, highest = image.getextrema()
    is_unit = isinstance(highest, float) and highest <= 1
    return image.point(lambda value: value * 255 + 0.5).convert("L") if is_unit else image.convert("L")


def _convert_to_srgb(
    image: Image.Image, color: ColorDescription, deep: DeepPixels | None
) -> tuple[Image.Image, str | None]:
    """Convert the colors to sRGB. Gray stays gray, and alpha does not change.

    Return the image, and a warning if the color description was ignored or dynamic range was lost, otherwise None.
    """
    if image.mode != "CMYK" and has_srgb_values(color):
        return image, None
    alpha = image.getchannel("A") if image.mode in {"RGBA", "LA"} else None
    warning: str | None = None
    profile = _make_profile(color, image.mode) if deep else None
    if deep and profile and load_lcms():
        try:
            converted = convert_deep(deep, profile)
        except ValueError:
            return image, PROFILE_UNUSABLE
        return _restore(converted, image.mode, alpha), describe_tone_mapping(color.cicp)
    colors = image.convert(image.mode.removesuffix("A")) if alpha else image
    if color.cicp and colors.mode != "CMYK":
        converted, warning = convert_cicp_to_srgb(colors, color.cicp)
    elif color.profile:
        try:
            converted = _apply_profile(colors, color.profile)
        except (ImageCms.PyCMSError, OSError, ValueError) as error:
            return image, str(error) if isinstance(error, _ProfileTooLarge) else PROFILE_UNUSABLE
    elif color.space and colors.mode != "CMYK":
        converted = convert_space_to_srgb(colors, color.space)
    else:
        return image, None
    return _restore(converted, image.mode, alpha), warning


def _restore(converted: Image.Image, mode: str, alpha: Image.Image | None) -> Image.Image:
    """Return a converted image as gray if it was gray, and with its alpha."""
    if mode in {"L", "LA"}:
        converted = converted.convert("L")
    if alpha:
        converted.putalpha(alpha)
    return converted


def _make_profile(color: ColorDescription, mode: str) -> bytes | None:
    """Return an ICC profile for a color description, or None if there is none that can be used."""
    if color.cicp and mode != "CMYK":
        return build_profile(make_space(color.cicp))
    if color.profile:
        return color.profile if len(color.profile) <= MAX_ICC_BYTES else None
    return build_profile(color.space) if color.space and mode != "CMYK" else None


class _ProfileTooLarge(ValueError):
    """The profile exceeds ``MAX_ICC_BYTES``."""


def _apply_profile(colors: Image.Image, profile: bytes) -> Image.Image:
    """Convert an image of mode L, RGB or CMYK. Raises PyCMSError, OSError or ValueError if that is impossible."""
    if len(profile) > MAX_ICC_BYTES:
        raise _ProfileTooLarge(PROFILE_TOO_LARGE)
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    if colors.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
        colors = colors.convert("RGB")
    converted = ImageCms.profileToProfile(colors, source, _SRGB, outputMode="RGB")
    assert converted is not None  # noqa: S101 - None is returned only for a conversion in place
    return converted
