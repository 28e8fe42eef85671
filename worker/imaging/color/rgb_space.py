"""RGB color spaces that a file describes by numbers instead of an ICC profile, and their conversion to sRGB.

A space has primaries, a white point, and a table that turns each 8-bit value into linear light. The white point is
adapted to that of sRGB, so white stays white.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms

#: Rows of three numbers.
Matrix = tuple[tuple[float, float, float], ...]
Vector = tuple[float, float, float]

D50: Final[Vector] = (0.9642, 1.0, 0.8249)
#: Bradford's cone response, as ICC.1:2022, annex E, uses it to adapt a white point.
_BRADFORD: Final[Matrix] = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_SRGB_PROFILE: Final = ImageCms.createProfile("sRGB")


@dataclass(frozen=True, slots=True)
class Chromaticities:
    """CIE 1931 x and y of the primaries and the white point."""

    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]
    white: tuple[float, float]


BT709: Final = Chromaticities((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), (0.3127, 0.3290))


@dataclass(frozen=True, slots=True)
class RgbSpace:
    """An RGB color space for 8-bit values."""

    chromaticities: Chromaticities
    #: Linear light, 0 to 1, of each of the 256 values.
    linear: tuple[float, ...]


def convert_space_to_srgb(image: Image.Image, space: RgbSpace) -> Image.Image:
    """Convert an image of mode L or RGB to sRGB. Colors outside of sRGB are clipped."""
    if image.mode == "L" or space.chromaticities == BT709:
        curve = [round(255 * encode_srgb(light)) for light in space.linear]
        return image.point(curve * len(image.getbands()))
    profile = ImageCms.ImageCmsProfile(BytesIO(build_profile(space)))
    converted = ImageCms.profileToProfile(image, profile, _SRGB_PROFILE, outputMode="RGB")
    assert converted is not None  # noqa: S101 - None is returned only for a conversion in place
    return converted


def build_profile(space: RgbSpace) -> bytes:
    """Return an ICC profile of the space: three primaries and one table (ICC.1:2001-04, section 6.3.3.2).

    Raises ValueError if the chromaticities are not a color space, for example if two primaries are equal.
    """
    primaries = compute_matrix_to_xyz(space.chromaticities, D50)
    table = struct.pack(">256H", *(round(65535 * min(1, max(0, light))) for light in space.linear))
    curve = b"curv" + bytes(4) + struct.pack(">I", 256) + table
    tags = {
        b"wtpt": _pack_xyz(D50),
        **{
            name: _pack_xyz(column)
            for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), transpose(primaries), strict=True)
        },
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    at, directory, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for signature, content in tags.items():
        directory += signature + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", at + len(body))
    header[8:24] = b"\x02\x40\0\0mntrRGB XYZ "
    header[36:40] = b"acsp"
    header[68:80] = _pack_xyz(D50)[8:]
    return bytes(header) + directory + body


def compute_matrix_to_xyz(chromaticities: Chromaticities, white: Vector | None = None) -> Matrix:
    """Return the matrix from linear RGB to CIE XYZ. With ``white``, adapt the space's white point to it.

    Raises ValueError if the chromaticities are not a color space.
    """
    try:
        primaries = (chromaticities.red, chromaticities.green, chromaticities.blue)
        columns = transpose(tuple((x, y, 1 - x - y) for x, y in primaries))
        own_white = _to_xyz(*chromaticities.white)
        amounts = multiply_vector(invert(columns), own_white)
        matrix: Matrix = tuple((row[0] * amounts[0], row[1] * amounts[1], row[2] * amounts[2]) for row in columns)
        return multiply(_compute_adaptation(own_white, white), matrix) if white else matrix
    except ZeroDivisionError as error:
        raise ValueError("The chromaticities are not a color space.") from error


def encode_srgb(light: float) -> float:
    """Return the sRGB value, 0 to 1, of linear light (IEC 61966-2-1). Light outside of 0 to 1 is clipped."""
    light = min(1.0, max(0.0, light))
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def multiply(left: Matrix, right: Matrix) -> Matrix:
    """Return the product of two matrices."""
    return transpose(tuple(multiply_vector(left, column) for column in transpose(right)))


def multiply_vector(matrix: Matrix, vector: Vector) -> Vector:
    """Return the product of a matrix and a column."""
    x, y, z = (row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2] for row in matrix)
    return x, y, z


def transpose(matrix: Matrix) -> Matrix:
    """Return the matrix with rows and columns swapped."""
    return tuple(zip(*matrix, strict=True))  # type: ignore[return-value,unused-ignore] # three columns


def invert(matrix: Matrix) -> Matrix:
    """Return the inverse of a matrix. Raises ZeroDivisionError if it has none."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    rows = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple((x / determinant, y / determinant, z / determinant) for x, y, z in rows)


def _compute_adaptation(source: Vector, target: Vector) -> Matrix:
    """Return the matrix that adapts XYZ from one white point to another."""
    before, after = multiply_vector(_BRADFORD, source), multiply_vector(_BRADFORD, target)
    scales = tuple(new / old for new, old in zip(after, before, strict=True))
    scaled: Matrix = tuple(
        (row[0] * scale, row[1] * scale, row[2] * scale) for row, scale in zip(_BRADFORD, scales, strict=True)
    )
    return multiply(invert(_BRADFORD), scaled)


def _to_xyz(x: float, y: float) -> Vector:
    """Return XYZ with Y = 1."""
    return x / y, 1.0, (1 - x - y) / y


def _pack_xyz(values: Vector) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))
