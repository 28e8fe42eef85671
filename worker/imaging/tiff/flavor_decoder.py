"""Decoding of flavors that Pillow gets wrong: from samples to an image, some strips or tiles at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from PIL import Image, ImageChops

from worker.imaging.lazy_image import Pixels
from worker.imaging.tiff.container import Segment, compute_row_bytes, compute_segment_bytes, get_segment_size
from worker.imaging.tiff.depths import (
    apply_table,
    extract_floats,
    extract_keys,
    make_byte_tables,
    make_scale_table,
    make_table,
)
from worker.imaging.tiff.flavor import GRAY, Flavor, Photometric, SampleFormat
from worker.imaging.tiff.float_range import UNIT, FloatRange, FloatStatistics
from worker.imaging.tiff.samples import get_sample_order, iterate_samples

#: Strips or tiles are decoded together until they have this many bytes. Each step costs about 0.3 ms.
_STEP_BYTES: Final = 4 * 1024 * 1024

#: Returns the channels of 8 bits that one sample makes: one, or for a palette three.
Convert = Callable[[Image.Image], list[Image.Image]]


@dataclass(frozen=True, slots=True)
class _Step:
    """Strips or tiles of one plane that follow each other, and the samples of that plane."""

    first: int
    segments: Sequence[Segment]
    samples: Sequence[int]


@dataclass(slots=True)
class _Channels:
    """The channels of the whole image."""

    size: tuple[int, int]
    images: dict[tuple[int, int], Image.Image] = field(default_factory=dict)

    def paste(self, sample: int, part: int, image: Image.Image, place: tuple[int, int]) -> None:
        """Put a part of a channel at its place."""
        self.images.setdefault((sample, part), Image.new("L", self.size)).paste(image, place)

    def take(self, *samples: int) -> list[Image.Image]:
        """Return the channels of these samples."""
        return [self.images[key] for key in sorted(self.images) if key[0] in samples]


def can_be_deep(flavor: Flavor) -> bool:
    """Return True if the colors have more than 8 bits that ``decode_flavor`` can keep."""
    is_usual = flavor.photometric in {*GRAY, Photometric.RGB, Photometric.CMYK}
    return is_usual and flavor.bits > 8 and not flavor.is_premultiplied


def decode_flavor(
    flavor: Flavor, segments: Sequence[Segment], color_map: Sequence[int], *, deep: bool = False
) -> Pixels:
    """Decode all strips or tiles. ``color_map`` has 16-bit values of red, then green, then blue.

    With ``deep``, also return the low bytes of colors with 16 bits. Raises TruncatedImage or CorruptImage.
    """
    warning = None
    if flavor.sample_format == SampleFormat.FLOAT:
        statistics = FloatStatistics()
        channels = _decode_channels(flavor, segments, _Values(color_map, UNIT, deep), statistics)
        found = statistics.choose_range()
        if found != UNIT:
            channels = _decode_channels(flavor, segments, _Values(color_map, found, deep), None)
        warning = statistics.describe(found)
    else:
        channels = _decode_channels(flavor, segments, _Values(color_map, UNIT, deep), None)
    colors = channels.take(*range(flavor.colors))
    low = None
    if deep:
        colors, low_bytes = colors[0::2], colors[1::2]
        low, _ = _merge(flavor, low_bytes, None)
    alpha = channels.take(flavor.alpha)[0] if flavor.alpha is not None else None
    image, separate_alpha = _merge(flavor, colors, alpha)
    return Pixels(image=image, alpha=separate_alpha, warnings=(warning,) if warning else (), low=low)


@dataclass(frozen=True, slots=True)
class _Values:
    """What the stored values mean."""

    color_map: Sequence[int]
    float_range: FloatRange
    #: Whether colors become two channels: high and low bytes.
    deep: bool


def _decode_channels(
    flavor: Flavor, segments: Sequence[Segment], values: _Values, statistics: FloatStatistics | None
) -> _Channels:
    channels = _Channels(flavor.size)
    width = get_segment_size(flavor, 0)[0]
    order = get_sample_order(flavor)
    extract = extract_floats if flavor.sample_format == SampleFormat.FLOAT else extract_keys
    converts = {sample: _make_convert(flavor, sample, values) for sample in _list_needed(flavor)}
    for step in _list_steps(flavor, segments):
        heights = [get_segment_size(flavor, step.first + index)[1] for index in range(len(step.segments))]
        height = sum(heights)
        # Bands of a strip limit the memory if the whole image is one strip.
        band = height if flavor.tile else max(1, _STEP_BYTES // compute_row_bytes(flavor))
        for first_row, data in iterate_samples(flavor, step.segments, height, band):
            size = width, min(band, height - first_row)
            per_pixel = 1 if flavor.is_planar else flavor.samples
            for sample in step.samples:
                stored = extract(data, size, per_pixel, 0 if flavor.is_planar else sample, flavor.bits, order)
                if statistics is not None and sample < flavor.colors:
                    statistics.add(stored)
                for part, image in enumerate(converts[sample](stored)):
                    for place, piece in _place(flavor, step, first_row, image):
                        channels.paste(sample, part, piece, place)
    return channels


def _place(
    flavor: Flavor, step: _Step, first_row: int, image: Image.Image
) -> Iterator[tuple[tuple[int, int], Image.Image]]:
    """Yield the parts of a decoded step, tiles or rows of strips, with their places in the whole image."""
    if flavor.tile is None:
        left, top = _get_place(flavor, step.first)
        yield (left, top + first_row), image
        return
    width, height = flavor.tile
    for index in range(len(step.segments)):
        yield _get_place(flavor, step.first + index), image.crop((0, index * height, width, (index + 1) * height))


def _list_needed(flavor: Flavor) -> list[int]:
    """Return the samples that are colors or alpha."""
    return [*range(flavor.colors), *([flavor.alpha] if flavor.alpha is not None else [])]


def _list_steps(flavor: Flavor, segments: Sequence[Segment]) -> Iterator[_Step]:
    """Yield the strips or tiles of all samples that are needed, as few at a time as is fast."""
    per_plane = len(segments) // (flavor.samples if flavor.is_planar else 1)
    count = max(1, _STEP_BYTES // max(1, compute_segment_bytes(flavor, 0)))
    needed = _list_needed(flavor)
    for plane in needed if flavor.is_planar else [0]:
        for start in range(0, per_plane, count):
            first = plane * per_plane + start
            last = plane * per_plane + min(start + count, per_plane)
            yield _Step(first, segments[first:last], [plane] if flavor.is_planar else needed)


def _get_place(flavor: Flavor, index: int) -> tuple[int, int]:
    """Return the upper left corner of a strip or tile."""
    width, height = flavor.size
    if flavor.tile is None:
        return 0, index % -(-height // flavor.rows_per_strip) * flavor.rows_per_strip
    across, down = -(-width // flavor.tile[0]), -(-height // flavor.tile[1])
    row, column = divmod(index % (across * down), across)
    return column * flavor.tile[0], row * flavor.tile[1]


def _make_convert(flavor: Flavor, sample: int, values: _Values) -> Convert:
    """Return the function that makes channels of 8 bits from a sample."""
    is_inverted = flavor.photometric == Photometric.WHITE_IS_ZERO and sample == 0
    is_deep = values.deep and sample < flavor.colors
    if flavor.sample_format == SampleFormat.FLOAT:
        used = values.float_range if sample < flavor.colors else UNIT
        if is_deep:
            tables = make_byte_tables(16, SampleFormat.UNSIGNED, inverted=is_inverted)
            return lambda stored: [used.apply_deep(stored).point(table, "L") for table in tables]
        return lambda stored: [ImageChops.invert(used.apply(stored)) if is_inverted else used.apply(stored)]
    if flavor.photometric == Photometric.PALETTE and sample == 0:
        entries = 1 << flavor.bits
        tables = [make_table(flavor.bits, partial(_look_up, values.color_map, part * entries)) for part in range(3)]
    elif is_deep:
        tables = make_byte_tables(flavor.bits, flavor.sample_format, inverted=is_inverted)
    else:
        tables = [_make_sample_table(flavor, sample, is_inverted=is_inverted)]
    return lambda keys: [apply_table(keys, table) for table in tables]


def _look_up(color_map: Sequence[int], start: int, value: int) -> int:
    return color_map[start + value] >> 8


def _make_sample_table(flavor: Flavor, sample: int, *, is_inverted: bool) -> Sequence[int]:
    """Return the table of a sample.

    In Lab, Pillow's mode has 128 for a color without a and b. So has ICCLab. In CIELab, a and b are signed.
    """
    is_lab = flavor.photometric in {Photometric.CIELAB, Photometric.ICCLAB} and sample < 3
    if not is_lab or (sample == 0 and flavor.photometric == Photometric.CIELAB):
        sample_format = SampleFormat.UNSIGNED if is_lab else flavor.sample_format
        return make_scale_table(flavor.bits, sample_format, inverted=is_inverted)
    flip = 128 if flavor.photometric == Photometric.CIELAB else 0
    return make_table(flavor.bits, lambda value: (value >> flavor.bits - 8) ^ flip)


def _merge(
    flavor: Flavor, colors: list[Image.Image], alpha: Image.Image | None
) -> tuple[Image.Image, Image.Image | None]:
    """Return the image, and its alpha if Pillow has no mode with these colors and alpha."""
    match flavor.photometric:
        case Photometric.CMYK:
            return Image.merge("CMYK", colors), alpha
        case Photometric.CIELAB | Photometric.ICCLAB:
            return Image.merge("LAB", colors), alpha
    mode = "L" if len(colors) == 1 else "RGB"
    if alpha is None:
        return colors[0] if mode == "L" else Image.merge(mode, colors), None
    if flavor.is_premultiplied and flavor.photometric != Photometric.PALETTE:
        mode = "La" if mode == "L" else "RGBa"
        return Image.merge(mode, (*colors, alpha)).convert(mode.replace("a", "A")), None
    return Image.merge(f"{mode}A", (*colors, alpha)), None
