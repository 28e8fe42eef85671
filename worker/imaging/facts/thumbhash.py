"""ThumbHash: a placeholder of about 25 bytes (https://evanw.github.io/thumbhash/).

The result is equal to that of the reference implementation in JavaScript, ``rgbaToThumbHash``. That one adds up one
product per pixel and frequency, which would take 100 ms in Python. Here the transform is separable. Its rounding
differs, so a channel for which rounding could matter is computed in the order of the reference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, pi
from operator import mul
from typing import Final

from PIL import Image

from worker.imaging.facts.cosine import compute_cosine
from worker.imaging.facts.cosine_transform import transform

#: A number that is so close to the middle between two integers may be rounded otherwise by the reference, and a scale
#: that is so close to 0 may only be a rounding error.
_UNSAFE: Final = 1e-7
#: Numbers from 0 to 1 for the values of a pixel. The reference multiplies by 1/255, too, instead of dividing by 255.
_UNITS: Final = tuple(1 / 255 * value for value in range(256))
_GRAYS: Final = tuple((unit + unit + unit) / 3 for unit in _UNITS)

Samples = Sequence[float]


@dataclass(frozen=True, slots=True)
class _Channel:
    """One encoded channel: the mean, the other frequencies from 0 to 1, and their scale."""

    mean: float
    waves: tuple[float, ...]
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pixels:
    """The channels of the reference: luminance, yellow minus blue, red minus green, alpha."""

    size: tuple[int, int]
    luminance: Samples
    yellow_blue: Samples
    red_green: Samples
    alpha: Samples | None


def compute_thumbhash(image: Image.Image) -> bytes:
    """Return the ThumbHash of an image of mode L, LA, RGB or RGBA, whose sides have at most 100 pixels."""
    pixels = _read_pixels(image)
    width, height = pixels.size
    longest = 5 if pixels.alpha else 7
    columns, rows = (max(1, _round(longest * side / max(width, height))) for side in (width, height))
    luminance = _encode(pixels.luminance, pixels.size, (max(3, columns), max(3, rows)), (63, 31))
    yellow_blue = _encode(pixels.yellow_blue, pixels.size, (3, 3), (31.5, 63))
    red_green = _encode(pixels.red_green, pixels.size, (3, 3), (31.5, 63))
    channels = [luminance, yellow_blue, red_green]
    is_landscape = width > height
    head = (
        _round(63 * luminance.mean)
        | _round(31.5 + 31.5 * yellow_blue.mean) << 6
        | _round(31.5 + 31.5 * red_green.mean) << 12
        | _round(31 * luminance.scale) << 18
        | bool(pixels.alpha) << 23
        | (rows if is_landscape else columns) << 24
        | _round(63 * yellow_blue.scale) << 27
        | _round(63 * red_green.scale) << 33
        | is_landscape << 39
    )
    hashed = bytearray(head.to_bytes(5, "little"))
    if pixels.alpha:
        alpha = _encode(pixels.alpha, pixels.size, (5, 5), (15, 15))
        channels.append(alpha)
        hashed.append(_round(15 * alpha.mean) | _round(15 * alpha.scale) << 4)
    nibbles = [_round(15 * wave) for channel in channels for wave in channel.waves]
    hashed += bytes(low | high << 4 for low, high in zip(nibbles[::2], [*nibbles[1::2], 0], strict=False))
    return bytes(hashed)


def _read_pixels(image: Image.Image) -> _Pixels:
    """Return the channels. Transparent pixels are blended with the average color."""
    if image.mode == "L":
        grays = [_GRAYS[value] for value in image.tobytes()]
        return _Pixels(size=image.size, luminance=grays, yellow_blue=(), red_green=(), alpha=None)
    alpha = image.getchannel("A").tobytes() if image.mode in {"LA", "RGBA"} else b""
    red, green, blue = (image.convert("RGB").getchannel(name).tobytes() for name in "RGB")
    if not alpha or min(alpha) == 255:
        reds, greens, blues = ([_UNITS[value] for value in values] for values in (red, green, blue))
        opacities = None
    else:
        opacities = [value / 255 for value in alpha]
        total = _add(opacities)
        reds, greens, blues = (_blend(values, opacities, total) for values in (red, green, blue))
    return _Pixels(
        size=image.size,
        luminance=[(r + g + b) / 3 for r, g, b in zip(reds, greens, blues, strict=True)],
        yellow_blue=[(r + g) / 2 - b for r, g, b in zip(reds, greens, blues, strict=True)],
        red_green=[r - g for r, g in zip(reds, greens, strict=True)],
        alpha=opacities,
    )


def _blend(values: bytes, opacities: list[float], total: float) -> list[float]:
    colors = [opacity / 255 * value for value, opacity in zip(values, opacities, strict=True)]
    average = _add(colors) / total if total else 0.0
    return [average * (1 - opacity) + color for color, opacity in zip(colors, opacities, strict=True)]


def _add(numbers: list[float]) -> float:
    """Add numbers one after the other. Newer versions of Python compensate rounding in ``sum``."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def _encode(samples: Samples, size: tuple[int, int], counts: tuple[int, int], factors: tuple[float, float]) -> _Channel:
    """Encode a channel. ``factors`` are those of the mean and of the scale before they are rounded."""
    if not any(samples):
        return _Channel(0.0, (0.0,) * (sum(1 for _ in _list_frequencies(counts)) - 1), 0.0)
    pixels = size[0] * size[1]
    frequencies = transform(samples, size, counts)
    channel = _normalize([frequencies[row][column] / pixels for column, row in _list_frequencies(counts)])
    numbers = (factors[0] * channel.mean, factors[1] * channel.scale, *(15 * wave for wave in channel.waves))
    shifted = (number + (0.5 if factors[0] == 31.5 and not index else 0) for index, number in enumerate(numbers))
    if channel.scale > _UNSAFE and all(abs(number % 1 - 0.5) > _UNSAFE for number in shifted):
        return channel
    return _normalize([_add_in_order(samples, size, frequency) / pixels for frequency in _list_frequencies(counts)])


def _list_frequencies(counts: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the column and row of each frequency: a triangle of low frequencies."""
    columns, rows = counts
    for row in range(rows):
        column = 0
        while column * rows < columns * (rows - row):
            yield column, row
            column += 1


def _normalize(frequencies: list[float]) -> _Channel:
    mean, *rest = frequencies
    scale = max(map(abs, rest), default=0.0)
    waves = tuple(0.5 + 0.5 / scale * each for each in rest) if scale else tuple(rest)
    return _Channel(mean, waves, scale)


def _add_in_order(samples: Samples, size: tuple[int, int], frequency: tuple[int, int]) -> float:
    """Return one frequency, with the operations of the reference in their order."""
    width, height = size
    column, row = frequency
    wave = [compute_cosine(pi / width * column * (x + 0.5)) for x in range(width)]
    total = 0.0
    for y in range(height):
        factor = compute_cosine(pi / height * row * (y + 0.5))
        for product in map(mul, samples[y * width : (y + 1) * width], wave):
            total += product * factor
    return total


def _round(number: float) -> int:
    """Round like JavaScript: the middle between two integers is rounded up."""
    return floor(number + 0.5)
