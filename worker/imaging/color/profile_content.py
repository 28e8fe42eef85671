"""What an ICC profile does, which its name does not say."""

from functools import lru_cache
from io import BytesIO
from itertools import product
from typing import Final

from PIL import Image, ImageChops, ImageCms

from worker.imaging.color.description import MAX_ICC_BYTES

#: Profiles of sRGB differ by rounding.
_TOLERANCE: Final = 1
#: The answers for profiles up to this size are remembered. Most photographs have one of a few small profiles.
_MAX_REMEMBERED_BYTES: Final = 16 * 1024
#: For a few pixels, preparing a fast conversion takes longer than a slow conversion.
_NO_OPTIMIZATION: Final = ImageCms.Flags.NOOPTIMIZE
_SRGB: Final = ImageCms.createProfile("sRGB")


def is_srgb_profile(profile: bytes) -> bool:
    """Return True if the profile leaves sRGB values as they are. Return False if it can't be used."""
    if len(profile) > MAX_ICC_BYTES:
        return False
    return _find_remembered(profile) if len(profile) <= _MAX_REMEMBERED_BYTES else _find(profile)


def _find(profile: bytes) -> bool:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        samples = {"RGB": _COLORS, "GRAY": _GRAYS}.get(space)
        if samples is None:
            return False
        converted = ImageCms.profileToProfile(samples, source, _SRGB, outputMode="RGB", flags=_NO_OPTIMIZATION)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False
    assert converted is not None  # noqa: S101 - None is returned only for a conversion in place
    extrema = ImageChops.difference(converted, samples.convert("RGB")).getextrema()
    return all(isinstance(highest, int) and highest <= _TOLERANCE for _, highest in extrema)  # type: ignore[misc] # pairs


_find_remembered = lru_cache(maxsize=32)(_find)


def _draw_samples() -> tuple[Image.Image, Image.Image]:
    """Return gray values and colors, which show every curve and the primaries."""
    steps = [*range(0, 64, 4), *range(64, 256, 16), 255]
    grays = Image.frombytes("L", (len(steps), 1), bytes(steps))
    colors = [*((step, step, step) for step in steps), *product((0, 96, 192, 255), repeat=3)]
    return grays, Image.frombytes("RGB", (len(colors), 1), bytes(value for color in colors for value in color))


_GRAYS, _COLORS = _draw_samples()
