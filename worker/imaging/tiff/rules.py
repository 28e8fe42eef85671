"""The allow-list: which flavors of TIFF are decoded, and by which code. Every other flavor is refused by name."""

from enum import Enum, auto
from typing import Final

from shared.errors import UnsupportedFlavor
from worker.imaging.tiff.flavor import ADVICE, GRAY, Compression, Flavor, Photometric, SampleFormat

_LOSSLESS: Final = frozenset({
    *(Compression.NONE, Compression.LZW, Compression.ADOBE_DEFLATE, Compression.DEFLATE, Compression.PACK_BITS),
    *(Compression.LZMA, Compression.ZSTD),
})  # fmt: skip
_CCITT: Final = frozenset({
    *(Compression.CCITT_RLE, Compression.CCITT_GROUP_3, Compression.CCITT_GROUP_4),
})  # fmt: skip
_COMPRESSION_NAMES: Final = {
    Compression.OLD_JPEG: "old-style JPEG",
    Compression.WEBP: "WebP",
    32771: "word-aligned fax",
    9: "JBIG", 10: "JBIG", 32766: "NeXT", 32809: "ThunderScan", 33003: "JPEG 2000", 33004: "JPEG 2000",
    33005: "JPEG 2000", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv", 34712: "JPEG 2000", 34715: "JBIG2",
    34887: "LERC", 34892: "lossy JPEG of camera raw files", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
_PHOTOMETRIC_NAMES: Final = {
    Photometric.MASK: "a transparency mask",
    Photometric.ITULAB: "ITU Lab colors",
    Photometric.COLOR_FILTER_ARRAY: "the raw data of a camera sensor",
    Photometric.LINEAR_RAW: "the raw data of a camera sensor",
    Photometric.LOG_L: "logarithmic luminance (SGI LogL)",
    Photometric.LOG_LUV: "logarithmic colors (SGI LogLuv)",
}
_MAX_SAMPLES: Final = 16


class Decoder(Enum):
    """The code that decodes a flavor."""

    #: Pillow decodes the flavor correctly.
    PILLOW = auto()
    #: Pillow only decompresses, and our own code interprets the samples.
    OWN = auto()


def choose_decoder(flavor: Flavor) -> Decoder:
    """Return the code that decodes a flavor. Raises UnsupportedFlavor if there is none."""
    if flavor.photometric in _PHOTOMETRIC_NAMES:
        raise UnsupportedFlavor(
            f"TIFF files with {_PHOTOMETRIC_NAMES[Photometric(flavor.photometric)]} are not supported. {ADVICE}"
        )
    if flavor.compression not in _LOSSLESS | _CCITT | {Compression.JPEG}:
        name = _COMPRESSION_NAMES.get(flavor.compression, f"number {flavor.compression}")
        raise UnsupportedFlavor(f"TIFF files with the compression {name} are not supported. {ADVICE}")
    if flavor.samples > _MAX_SAMPLES:
        raise UnsupportedFlavor(f"TIFF files with {flavor.samples} channels are not supported. {ADVICE}")
    _check_samples(flavor)
    if flavor.compression in _CCITT:
        return _require_bilevel(flavor)
    if flavor.compression == Compression.JPEG:
        return _require_jpeg(flavor)
    if flavor.photometric == Photometric.YCBCR:
        return _require_ycbcr(flavor)
    return Decoder.PILLOW if _is_usual(flavor) else Decoder.OWN


def _check_samples(flavor: Flavor) -> None:
    """Refuse types of samples that have no meaning as a color."""
    kind, bits = flavor.sample_format, flavor.bits
    names = {SampleFormat.COMPLEX_INTEGER: "complex numbers", SampleFormat.COMPLEX_FLOAT: "complex numbers"}
    if kind not in {SampleFormat.UNSIGNED, SampleFormat.SIGNED, SampleFormat.FLOAT}:
        name = names.get(SampleFormat(kind), "") if kind in set(SampleFormat) else f"the sample format {kind}"
        raise UnsupportedFlavor(f"TIFF files with {name} are not supported. {ADVICE}")
    if kind == SampleFormat.FLOAT and bits not in {16, 32, 64}:
        raise UnsupportedFlavor(f"TIFF files with {bits}-bit floating point are not supported. {ADVICE}")
    if kind != SampleFormat.FLOAT and bits > 16 and bits % 8:
        raise UnsupportedFlavor(f"TIFF files with {bits} bits per channel are not supported. {ADVICE}")
    predictor = flavor.used_predictor
    has_floats = kind == SampleFormat.FLOAT
    if (
        predictor not in {1, 2, 3}
        or (predictor == 2 and bits not in {8, 16, 32, 64})
        or (predictor == 3 and not has_floats)
    ):
        raise UnsupportedFlavor(
            f"TIFF files with the predictor {predictor} for {_describe(flavor)} are not supported. {ADVICE}"
        )
    if flavor.photometric in {Photometric.CIELAB, Photometric.ICCLAB}:
        allowed = bits in {8, 16} and kind != SampleFormat.FLOAT
    elif flavor.photometric == Photometric.PALETTE:
        allowed = bits <= 16 and kind == SampleFormat.UNSIGNED
    elif flavor.photometric == Photometric.YCBCR:
        allowed = bits == 8 and kind == SampleFormat.UNSIGNED
    else:
        allowed = True
    if not allowed:
        raise UnsupportedFlavor(f"TIFF files with {_describe(flavor)} are not supported. {ADVICE}")


def _describe(flavor: Flavor) -> str:
    color = {
        Photometric.PALETTE: "a palette", Photometric.YCBCR: "YCbCr colors", Photometric.CIELAB: "Lab colors",
        Photometric.ICCLAB: "Lab colors", Photometric.RGB: "RGB colors", Photometric.CMYK: "CMYK colors",
    }.get(Photometric(flavor.photometric), "gray")  # fmt: skip
    number = {SampleFormat.SIGNED: "signed ", SampleFormat.FLOAT: "floating-point "}
    return f"{color} of {flavor.bits} {number.get(SampleFormat(flavor.sample_format), '')}bits per channel"


def _require_bilevel(flavor: Flavor) -> Decoder:
    if flavor.photometric in GRAY and flavor.bits == 1 and flavor.samples == 1:
        return Decoder.PILLOW
    raise UnsupportedFlavor(f"TIFF files with fax compression and {_describe(flavor)} are not supported. {ADVICE}")


def _require_jpeg(flavor: Flavor) -> Decoder:
    """Return Pillow for JPEG compression, if it decodes the colors correctly."""
    samples = {
        Photometric.WHITE_IS_ZERO: 1,
        Photometric.BLACK_IS_ZERO: 1,
        Photometric.RGB: 3,
        Photometric.YCBCR: 3,
        Photometric.CMYK: 4,
    }.get(Photometric(flavor.photometric))
    is_known = flavor.samples == samples and not flavor.is_planar
    if is_known and flavor.bits == 8 and flavor.sample_format == SampleFormat.UNSIGNED:
        return Decoder.PILLOW
    planes = " in separate planes" if flavor.is_planar else ""
    raise UnsupportedFlavor(
        f"TIFF files with JPEG compression and {_describe(flavor)}{planes} are not supported. {ADVICE}"
    )


def _require_ycbcr(flavor: Flavor) -> Decoder:
    if flavor.samples == 3 and not flavor.is_planar and set(flavor.subsampling) <= {1, 2, 4}:
        return Decoder.PILLOW
    raise UnsupportedFlavor(f"TIFF files with {_describe(flavor)} in separate planes are not supported. {ADVICE}")


def _is_usual(flavor: Flavor) -> bool:  # noqa: PLR0911 - one return for each kind of colors
    """Return True if Pillow interprets the samples correctly. ``docs/fidelity.md`` lists what it gets wrong."""
    if flavor.is_planar or flavor.sample_format != SampleFormat.UNSIGNED or flavor.used_predictor == 3:
        return False
    extras, bits, samples = flavor.extra_samples, flavor.bits, flavor.samples
    match flavor.photometric:
        case Photometric.WHITE_IS_ZERO | Photometric.BLACK_IS_ZERO:
            return samples == 1 and bits in {1, 8}
        case Photometric.PALETTE:
            return samples == 1 and bits in {1, 2, 4, 8}
        case Photometric.RGB if samples == 3:
            return bits in {8, 16}
        case Photometric.RGB if samples == 4:
            return bits in {8, 16} and extras in {(), (0,), (1,), (2,)}
        case Photometric.CMYK:
            return samples == 4 and bits in {8, 16}
        case Photometric.CIELAB:
            return samples == 3 and bits == 8
        case _:
            return False
