"""How the pixels of a TIFF are stored, from its tags. Names and defaults are those of TIFF 6.0 and its supplements."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from shared.errors import CorruptImage, UnsupportedFlavor
from worker.imaging.tiff.directory import Directory


class Tag(IntEnum):
    """Tags that decoding needs."""

    IMAGE_WIDTH = 256
    IMAGE_LENGTH = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES_PER_PIXEL = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTE_COUNTS = 279
    PLANAR_CONFIGURATION = 284
    GROUP_3_OPTIONS = 292
    GROUP_4_OPTIONS = 293
    ARTIST = 315
    PREDICTOR = 317
    COLOR_MAP = 320
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    INK_SET = 332
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    JPEG_TABLES = 347
    YCBCR_COEFFICIENTS = 529
    YCBCR_SUBSAMPLING = 530
    YCBCR_POSITIONING = 531
    REFERENCE_BLACK_WHITE = 532
    COPYRIGHT = 33432
    ICC_PROFILE = 34675
    DNG_VERSION = 50706


class Photometric(IntEnum):
    """What the samples mean."""

    WHITE_IS_ZERO = 0
    BLACK_IS_ZERO = 1
    RGB = 2
    PALETTE = 3
    MASK = 4
    CMYK = 5
    YCBCR = 6
    CIELAB = 8
    ICCLAB = 9
    ITULAB = 10
    COLOR_FILTER_ARRAY = 32803
    LOG_L = 32844
    LOG_LUV = 32845
    LINEAR_RAW = 34892


class SampleFormat(IntEnum):
    """The type of a sample."""

    UNSIGNED = 1
    SIGNED = 2
    FLOAT = 3
    UNDEFINED = 4
    COMPLEX_INTEGER = 5
    COMPLEX_FLOAT = 6


class Compression(IntEnum):
    """How strips and tiles are compressed."""

    NONE = 1
    CCITT_RLE = 2
    CCITT_GROUP_3 = 3
    CCITT_GROUP_4 = 4
    LZW = 5
    OLD_JPEG = 6
    JPEG = 7
    ADOBE_DEFLATE = 8
    PACK_BITS = 32773
    DEFLATE = 32946
    LZMA = 34925
    ZSTD = 50000
    WEBP = 50001


#: Number of samples that are colors.
COLORS: Final = {
    Photometric.WHITE_IS_ZERO: 1,
    Photometric.BLACK_IS_ZERO: 1,
    Photometric.RGB: 3,
    Photometric.PALETTE: 1,
    Photometric.MASK: 1,
    Photometric.CMYK: 4,
    Photometric.YCBCR: 3,
    Photometric.CIELAB: 3,
    Photometric.ICCLAB: 3,
    Photometric.ITULAB: 3,
}
GRAY: Final = (Photometric.WHITE_IS_ZERO, Photometric.BLACK_IS_ZERO)
ADVICE: Final = "Convert the file to PNG, or save it as 8-bit or 16-bit RGB without layers."
#: Values of ExtraSamples. Corel Draw writes 999 for alpha.
_ASSOCIATED_ALPHA: Final = 1
_ALPHA: Final = (_ASSOCIATED_ALPHA, 2, 999)
_WITH_PREDICTOR: Final = (
    *(Compression.LZW, Compression.ADOBE_DEFLATE, Compression.DEFLATE, Compression.LZMA, Compression.ZSTD),
)
CCITT: Final = (
    Compression.CCITT_RLE,
    Compression.CCITT_GROUP_3,
    Compression.CCITT_GROUP_4,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavor:
    """How the pixels are stored."""

    order: str
    #: Width and height in pixels, as stored.
    size: tuple[int, int]
    photometric: int
    #: Bits per sample, the same for all samples.
    bits: int
    sample_format: int
    #: Samples per pixel.
    samples: int
    extra_samples: tuple[int, ...]
    #: Whether each sample has its own plane (PlanarConfiguration 2).
    is_planar: bool
    compression: int
    #: 1: none; 2: horizontal differencing; 3: the same for floating point.
    predictor: int
    #: Whether the bits of each byte are reversed (FillOrder 2).
    reversed_bits: bool
    #: Width and height of a tile in pixels, or None for strips.
    tile: tuple[int, int] | None
    rows_per_strip: int
    subsampling: tuple[int, int]

    @property
    def colors(self) -> int:
        """Return the number of samples that are colors."""
        return COLORS.get(Photometric(self.photometric), 1)

    @property
    def alpha(self) -> int | None:
        """Return the index of the sample that is alpha, if any."""
        extras = self.extra_samples
        if not extras and self.photometric == Photometric.RGB and self.samples == 4:
            return 3  # many programs omit the tag
        return next((self.colors + index for index, kind in enumerate(extras) if kind in _ALPHA), None)

    @property
    def used_predictor(self) -> int:
        """Return the predictor. Only some compressions have one."""
        return self.predictor if self.compression in _WITH_PREDICTOR else 1

    @property
    def is_premultiplied(self) -> bool:
        """Return True if the colors are multiplied by alpha."""
        return (
            self.alpha is not None
            and self.extra_samples[:1] != ()
            and (self.extra_samples[self.alpha - self.colors] == _ASSOCIATED_ALPHA)
        )


def read_flavor(directory: Directory) -> Flavor:
    """Return the flavor of a page. Raises CorruptImage if a tag is missing or invalid, or UnsupportedFlavor."""
    number = directory.get_number
    size = number(Tag.IMAGE_WIDTH, 0), number(Tag.IMAGE_LENGTH, 0)
    compression = number(Tag.COMPRESSION, Compression.NONE)
    samples = _count_samples(directory, compression)
    photometric = number(Tag.PHOTOMETRIC, _guess_photometric(samples, compression))
    if photometric not in set(Photometric):
        raise UnsupportedFlavor(f"TIFF files with the color space number {photometric} are not supported. {ADVICE}")
    if min(size) < 1 or samples < COLORS.get(Photometric(photometric), 1):
        raise CorruptImage
    extras = directory.get_numbers(Tag.EXTRA_SAMPLES)[: samples - COLORS.get(Photometric(photometric), 1)]
    tile = _read_tile(directory, size)
    subsampling = directory.get_numbers(Tag.YCBCR_SUBSAMPLING)
    return Flavor(
        order=directory.order,
        size=size,
        photometric=photometric,
        bits=_read_bits(directory, samples),
        sample_format=_read_sample_format(directory),
        samples=samples,
        extra_samples=extras,
        is_planar=number(Tag.PLANAR_CONFIGURATION, 1) == 2 and samples > 1,
        compression=compression,
        predictor=number(Tag.PREDICTOR, 1),
        reversed_bits=number(Tag.FILL_ORDER, 1) == 2,
        tile=tile,
        rows_per_strip=max(1, min(number(Tag.ROWS_PER_STRIP, size[1]), size[1])),
        subsampling=(subsampling[0], subsampling[1]) if len(subsampling) >= 2 else (2, 2),
    )


def _read_tile(directory: Directory, size: tuple[int, int]) -> tuple[int, int] | None:
    """Return width and height of a tile, or None for strips. Some programs list tiles in the tags for strips.

    Raises CorruptImage if the size of tiles is missing.
    """
    width, height = directory.get_number(Tag.TILE_WIDTH, 0), directory.get_number(Tag.TILE_LENGTH, 0)
    if min(width, height) < 1:
        if directory.get_numbers(Tag.TILE_OFFSETS):
            raise CorruptImage
        return None
    tiles = -(-size[0] // width) * -(-size[1] // height)
    is_tiled = directory.get_numbers(Tag.TILE_OFFSETS) or len(directory.get_numbers(Tag.STRIP_OFFSETS)) >= tiles
    return (width, height) if is_tiled else None


def _count_samples(directory: Directory, compression: int) -> int:
    is_jpeg = compression in {Compression.JPEG, Compression.OLD_JPEG}
    is_color = directory.get_number(Tag.PHOTOMETRIC, 1) in {Photometric.RGB, Photometric.YCBCR}
    return directory.get_number(Tag.SAMPLES_PER_PIXEL, 3 if is_jpeg and is_color else 1)


def _guess_photometric(samples: int, compression: int) -> int:
    """Return the color space of a file without the tag, as libtiff does."""
    if samples >= 3:
        return Photometric.RGB
    return Photometric.WHITE_IS_ZERO if compression in CCITT else Photometric.BLACK_IS_ZERO


def _read_bits(directory: Directory, samples: int) -> int:
    bits = directory.get_numbers(Tag.BITS_PER_SAMPLE)[:samples] or (1,)
    if len(set(bits)) > 1:
        depths = ", ".join(map(str, bits))
        raise UnsupportedFlavor(
            f"TIFF files with different depths of samples ({depths} bits) are not supported. {ADVICE}"
        )
    if not 1 <= bits[0] <= 64:
        raise CorruptImage
    return bits[0]


def _read_sample_format(directory: Directory) -> int:
    formats = directory.get_numbers(Tag.SAMPLE_FORMAT) or (SampleFormat.UNSIGNED,)
    if len(set(formats)) > 1:
        raise UnsupportedFlavor(f"TIFF files with different types of samples are not supported. {ADVICE}")
    return SampleFormat.UNSIGNED if formats[0] == SampleFormat.UNDEFINED else formats[0]
