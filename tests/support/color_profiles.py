"""Color profiles for tests, and the same color conversions computed independently.

The layout follows ICC.1:2022. Curves and primaries are those of IEC 61966-2-1 (sRGB), SMPTE EG 432-1 (Display P3) and
the Adobe RGB (1998) specification, adapted to D50 as in profiles.
"""

import struct
from collections.abc import Callable
from hashlib import sha256
from itertools import product

from PIL import Image, ImageCms

#: Columns are red, green and blue; rows are X, Y and Z.
Matrix = tuple[tuple[float, float, float], ...]

SRGB: Matrix = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
DISPLAY_P3: Matrix = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))
ADOBE_RGB: Matrix = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))
ADOBE_GAMMA = 563 / 256
D50 = (0.9642, 1.0, 0.8249)


def make_srgb_profile() -> bytes:
    """Return the sRGB profile under its own name."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def make_display_p3_profile() -> bytes:
    """Return a profile with the primaries of Display P3 and the sRGB curve."""
    return _set_primaries(_rename_profile(make_srgb_profile()), DISPLAY_P3)


def make_adobe_rgb_profile() -> bytes:
    """Return a profile with the primaries of Adobe RGB and its power curve."""
    profile = _set_primaries(_rename_profile(make_srgb_profile()), ADOBE_RGB)
    curve = b"para" + bytes(8) + struct.pack(">i", round(ADOBE_GAMMA * 65536))
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        profile = _set_tag(profile, tag, curve)
    return profile


def make_linear_profile(name: str = "sRGB") -> bytes:
    """Return a profile with the primaries of sRGB and linear curves. Its name has four letters."""
    profile = make_srgb_profile().replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be"))
    curve = b"para" + bytes(8) + struct.pack(">i", 65536)
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        profile = _set_tag(profile, tag, curve)
    return profile


def pad_profile(profile: bytes, size: int) -> bytes:
    """Return the profile with a private tag of random-looking bytes, so that it has at least ``size`` bytes."""
    content = b"".join(sha256(struct.pack(">I", number)).digest() for number in range(size // 32 + 1))
    (count,) = struct.unpack_from(">I", profile, 128)
    directory_end = 132 + 12 * count
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(count)]
    moved = b"".join(struct.pack(">4sII", name, at + 12, length) for name, at, length in entries)
    body = profile[directory_end:] + bytes(-len(profile) % 4)
    private = struct.pack(">4sII", b"pad ", directory_end + 12 + len(body), len(content))
    padded = profile[4:128] + struct.pack(">I", count + 1) + moved + private + body + content
    return struct.pack(">I", len(padded) + 4) + padded


def convert_to_display_p3(image: Image.Image) -> Image.Image:
    """Return the Display P3 values of an sRGB image."""
    return _convert_colors(image, DISPLAY_P3, _encode_srgb)


def convert_to_adobe_rgb(image: Image.Image) -> Image.Image:
    """Return the Adobe RGB values of an sRGB image."""
    return _convert_colors(image, ADOBE_RGB, lambda light: max(0.0, light) ** (1 / ADOBE_GAMMA))


def make_swapped_cmyk_profile() -> bytes:
    """Return a CMYK profile that swaps cyan and magenta.

    A program that ignores it shows the wrong colors. Its table has only the 16 corners: inks of 0 % or 100 %.
    """
    corners = b""
    for cyan, magenta, yellow, black in product((0, 1), repeat=4):
        corners += _encode_lab((1 - magenta) * (1 - black), (1 - cyan) * (1 - black), (1 - yellow) * (1 - black))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + corners + ramp * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in D50))
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"swap\0" + bytes(78)
    right = b"text" + bytes(4) + b"none\0"
    tags = {b"desc": name, b"cprt": right, b"wtpt": white, b"A2B0": table}
    at, directory, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for signature, content in tags.items():
        directory += signature + struct.pack(">II", at + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", at + len(body))
    header[8:24] = b"\x02\x40\0\0prtrCMYKLab "
    header[36:40] = b"acsp"
    header[68:80] = struct.pack(">3i", *(round(value * 65536) for value in D50))
    return bytes(header) + directory + body


def _rename_profile(profile: bytes) -> bytes:
    return profile.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


def _set_primaries(profile: bytes, matrix: Matrix) -> bytes:
    for index, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ")):
        column = struct.pack(">3i", *(round(row[index] * 65536) for row in matrix))
        profile = _set_tag(profile, tag, b"XYZ " + bytes(4) + column)
    return profile


def _set_tag(profile: bytes, tag: bytes, content: bytes) -> bytes:
    """Return the profile with new content of a tag, appended at the end."""
    entry = profile.index(tag, 128)
    at = len(profile)
    edited = bytearray(profile + content + bytes(-len(content) % 4))
    edited[entry + 4 : entry + 12] = struct.pack(">II", at, len(content))
    edited[0:4] = struct.pack(">I", len(edited))
    return bytes(edited)


def _convert_colors(image: Image.Image, target: Matrix, encode: Callable[[float], float]) -> Image.Image:
    from_xyz = _invert(target)
    converted = Image.new("RGB", image.size)
    pixels = []
    for pixel in image.get_flattened_data():
        light = [_decode_srgb(value / 255) for value in pixel]  # type: ignore[union-attr] # an RGB pixel
        target_light = _multiply(from_xyz, _multiply(SRGB, light))
        pixels.append(tuple(min(255, max(0, round(255 * encode(value)))) for value in target_light))
    converted.putdata(pixels)
    return converted


def _decode_srgb(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _encode_srgb(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _encode_lab(red: float, green: float, blue: float) -> bytes:
    """Return an sRGB color as L*, a* and b* (CIE 1976, D50) in the 8-bit encoding of a profile's table."""
    light = [_decode_srgb(value) for value in (red, green, blue)]
    x, y, z = (value / white for value, white in zip(_multiply(SRGB, light), D50, strict=True))
    f = [value ** (1 / 3) if value > 216 / 24389 else (24389 / 27 * value + 16) / 116 for value in (x, y, z)]
    lab = (116 * f[1] - 16) * 2.55, 500 * (f[0] - f[1]) + 128, 200 * (f[1] - f[2]) + 128
    return bytes(min(255, max(0, round(value))) for value in lab)


def _multiply(matrix: Matrix, vector: list[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _invert(m: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    rows = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return tuple((x / det, y / det, z / det) for x, y, z in rows)
