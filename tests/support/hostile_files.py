"""Hostile files, made by code: bombs, damage, lies, floods, polyglots. Nothing here was found in the wild.

``FILES`` maps a name to a function that makes the bytes; ``EXPECTED`` narrows the outcome where it is certain.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from PIL import Image
from support import sample_images

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
CUTS = (0.02, 0.3, 0.6, 0.9, 0.999)
#: Damaged copies of each format.
FLIPS = 12
MIB = 1024 * 1024

Builder = Callable[[], bytes]


def good(image_format: str) -> bytes:
    """Return a small honest file."""
    mode = {"GIF": "P", "PNG": "RGBA"}.get(image_format, "RGB")
    return sample_images.encoded(sample_images.scene(160, 120).convert(mode), image_format)


# ------------------------------------------------------------------------------------------------ PNG
def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one PNG chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *extra: bytes, depth: int = 8, color: int = 0, pixels: bytes | None = None) -> bytes:
    """Return a PNG of these claims; by default with the data of one gray pixel."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\0") if pixels is None else pixels)
    return PNG_SIGNATURE + header + b"".join(extra) + data + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """Return ``count`` zero bytes, compressed, without ever holding them."""
    packer = zlib.compressobj(9)
    block = bytes(MIB)
    parts = [packer.compress(block) for _ in range(count // MIB)]
    return b"".join([*parts, packer.compress(bytes(count % MIB)), packer.flush()])


def gray_png(*extra: bytes) -> bytes:
    """Return an honest 8 × 8 PNG with some chunks more."""
    return png(8, 8, *extra, pixels=zlib.compress(bytes(9 * 8)))


def png_floods() -> dict[str, Builder]:
    """Return PNG files whose ancillary chunks are the attack."""
    bomb = zeros(256 * MIB)
    return {
        "png-icc-bomb": lambda: gray_png(chunk(b"iCCP", b"icc\0\0" + bomb)),
        "png-text-bomb": lambda: gray_png(chunk(b"zTXt", b"k\0\0" + bomb)),
        "png-itext-bomb": lambda: gray_png(chunk(b"iTXt", b"k\0\1\0\0\0" + bomb)),
        "png-many-texts": lambda: gray_png(*[chunk(b"zTXt", b"k\0\0" + zeros(MIB - 1))] * 200),
        "png-thousands-of-chunks": lambda: gray_png(*[chunk(b"tEXt", b"k\0v")] * 100_000),
        "png-large-exif": lambda: gray_png(chunk(b"eXIf", b"II*\0" + random.Random(1).randbytes(5 * MIB))),
        "png-data-bomb": lambda: png(8, 8, pixels=zeros(512 * MIB)),
        "png-endless-chunk": lambda: PNG_SIGNATURE + struct.pack(">I", 0x7FFFFFFF) + b"IHDR" + bytes(64),
        "png-bad-palette": lambda: png(8, 8, depth=8, color=3, pixels=zlib.compress(bytes([0, *[255] * 8]) * 8)),
    }


# ----------------------------------------------------------------------------------------------- JPEG
def segment(marker: int, data: bytes) -> bytes:
    """Return one JPEG segment."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg_with(*segments: bytes) -> bytes:
    """Return an honest JPEG with segments of one's own in front."""
    return b"\xff\xd8" + b"".join(segments) + good("JPEG")[2:]


def jpeg_claiming(width: int, height: int) -> bytes:
    """Return a JPEG whose header claims another size than its data has."""
    data = bytearray(good("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def jpeg_with_icc(size: int) -> bytes:
    """Return a JPEG with a profile of noise, in as many segments as that takes."""
    noise = random.Random(2).randbytes(size)
    parts = [noise[at : at + 65_000] for at in range(0, size, 65_000)]
    count = min(len(parts), 255)
    return jpeg_with(
        *(segment(0xE2, b"ICC_PROFILE\0" + bytes([at + 1, count]) + part) for at, part in enumerate(parts[:255]))
    )


def jpeg_with_scans(count: int, side: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    data = sample_images.encoded(sample_images.scene(side, side), "JPEG", progressive=True, quality=50)
    scan, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:end] + data[scan:end] * count + data[end:]


def exif_loop() -> bytes:
    """Return EXIF whose sub-directory is itself."""
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<I", 8)


# ----------------------------------------------------------------------------------------------- TIFF
def directory(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return one TIFF directory of (tag, type, count, value)."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def tiff(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    """Return a TIFF of one directory; entries replace those of an honest 8 × 8 gray image."""
    usual = {256: (4, 1, 8), 257: (4, 1, 8), 258: (3, 1, 8), 259: (3, 1, 1), 262: (3, 1, 1), 273: (4, 1, 400)}
    usual |= {277: (3, 1, 1), 278: (4, 1, 8), 279: (4, 1, 64)}
    usual |= {tag: tuple(rest) for tag, *rest in entries}  # type: ignore[misc] # three numbers are left
    listed = [(tag, *rest) for tag, rest in sorted(usual.items())]
    return (b"II*\0" + struct.pack("<I", 8) + directory(*listed, following=following)).ljust(400, b"\0") + bytes(64)


def tiff_of_directories(count: int) -> bytes:
    """Return a TIFF with thousands of directories, each an image."""
    head = ((256, 4, 1, 8), (257, 4, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1))
    entries = (*head, (273, 4, 1, 0), (278, 4, 1, 8), (279, 4, 1, 64))
    size = len(directory(*entries))
    parts = [directory(*entries, following=8 + size * (at + 1)) for at in range(count - 1)]
    return b"II*\0" + struct.pack("<I", 8) + b"".join([*parts, directory(*entries)]) + bytes(64)


def tiff_of_tiles(side: int) -> bytes:
    """Return a TIFF of ten by ten pixels in one tile of ``side``: the codec unpacks whole tiles."""
    return tiff((256, 4, 1, 10), (257, 4, 1, 10), (259, 3, 1, 5), (322, 4, 1, side), (323, 4, 1, side),
                (324, 4, 1, 400), (325, 4, 1, 64))  # fmt: skip


# ------------------------------------------------------------------------------------- GIF, WebP, AVIF
def gif_claiming(width: int, height: int, frame: tuple[int, int]) -> bytes:
    """Return a GIF with one frame of its own size on a canvas of another."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    image = b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00"
    return screen + image + b";"


def gif_of_frames(count: int, side: int = 8) -> bytes:
    """Return a GIF that repeats a tiny frame on a square canvas."""
    screen = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6)
    control = b"!\xf9\x04\x00\x01\x00\x00\x00"
    image = (
        b","
        + struct.pack("<HHHHB", 0, 0, 8, 8, 0)
        + b"\x02\x16\x8c\x2d\x99\x87\x2a\x1c\xdc\x33\xa0\x02\x75\xec\x95\xfa\xa8\xde\x60\x8c\x04\x91\x4c\x01\x00"
    )
    return screen + (control + image) * count + b";"


def animated(image_format: str, count: int) -> bytes:
    """Return an honest animation of noise that changes in every frame."""
    frames = [Image.frombytes("L", (8, 8), random.Random(at).randbytes(64)).convert("RGB") for at in range(count)]
    return sample_images.encoded(frames[0], image_format, save_all=True, append_images=frames[1:])


def webp_claiming(width: int, height: int) -> bytes:
    """Return 34 bytes that begin a lossless WebP of any size."""
    bits = (width - 1) | (height - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<I", 13) + b"\x2f" + struct.pack("<I", bits) + bytes(9)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def avif_claiming(width: int, height: int) -> bytes:
    """Return an AVIF whose boxes claim another size than its AV1 data."""
    data = good("AVIF")
    at = data.index(b"ispe")
    return data[: at + 8] + struct.pack(">II", width, height) + data[at + 16 :]


def bmp_claiming(width: int, height: int) -> bytes:
    """Return a BMP that claims any size, negative too."""
    data = bytearray(good("BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


# ------------------------------------------------------------------------------------------- the corpus
def zip_file() -> bytes:
    """Return a small ZIP."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.sh", "rm -rf /")
    return file.getvalue()


def polyglots() -> dict[str, Builder]:
    """Return files that are something else too."""
    script = b"<script>alert(document.cookie)</script>"
    return {
        "jpeg-and-zip": lambda: good("JPEG") + zip_file(),
        "jpeg-and-php": lambda: jpeg_with(segment(0xFE, b"<?php system($_GET['c']); ?>")),
        "gif-and-script": lambda: good("GIF").replace(b"GIF89a", b"GIF89a", 1) + b"/*" + script + b"*/",
        "png-and-html": lambda: gray_png(chunk(b"tEXt", b"k\0" + script)) + script,
        "bmp-and-script": lambda: good("BMP") + script,
        "jpeg-and-pdf": lambda: jpeg_with(segment(0xFE, b"%PDF-1.7\n1 0 obj\n")) + b"%%EOF",
        "webp-and-png": lambda: good("WEBP") + good("PNG"),
        "png-inside-jpeg": lambda: jpeg_with(segment(0xE1, good("PNG")[:60_000])),
        "eps-in-tiffs-clothes": lambda: b"II*\0%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        "svg": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    }


def damaged(data: bytes, seed: int) -> bytes:
    """Return a copy with one to eight changes: bits flipped, bytes set, slices removed, doubled or zeroed."""
    chance = random.Random(seed)
    copy = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at, length = chance.randrange(len(copy)), chance.randint(1, 64)
        match chance.randrange(5):
            case 0:
                copy[at] ^= 1 << chance.randrange(8)
            case 1:
                copy[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2 if len(copy) > 256:
                del copy[at : at + length]
            case 3:
                copy[at:at] = copy[at : at + length]
            case _:
                copy[at : at + 4] = bytes(len(copy[at : at + 4]))
    return bytes(copy)


def _bombs() -> dict[str, Builder]:
    return {
        "png-bomb": lambda: png(60_000, 60_000),
        "png-bomb-of-all-bits": lambda: png(0x7FFFFFFF, 0x7FFFFFFF),
        "png-bomb-in-16-bits": lambda: png(16_000, 16_000, depth=16, color=6, pixels=zeros(16 * MIB)),
        "png-at-the-limit": lambda: png(7000, 7000, depth=1, pixels=zeros(876 * 7000)),
        "png-in-all-channels-at-the-limit": lambda: png(7000, 7000, color=6, pixels=zeros(28_001 * 7000)),
        "png-wide": lambda: png(20_000, 2),
        "png-of-no-size": lambda: png(0, 0),
        "png-thin": lambda: png(16_384, 1, pixels=zlib.compress(bytes(16_385))),
        "jpeg-bomb": lambda: jpeg_claiming(65_000, 65_000),
        "gif-bomb": lambda: gif_claiming(65_535, 65_535, (1, 1)),
        "gif-frame-bomb": lambda: gif_claiming(1, 1, (65_535, 65_535)),
        "tiff-bomb": lambda: tiff((256, 4, 1, 100_000), (257, 4, 1, 100_000)),
        "tiff-bomb-of-all-bits": lambda: tiff((256, 4, 1, 0xFFFFFFFF), (257, 4, 1, 0xFFFFFFFF)),
        "webp-bomb": lambda: webp_claiming(16_384, 16_384),
        "webp-at-the-limit": lambda: webp_claiming(7000, 7000),
        "avif-bomb": lambda: avif_claiming(65_535, 65_535),
        "avif-bomb-of-all-bits": lambda: avif_claiming(0xFFFFFFFF, 0xFFFFFFFF),
        "bmp-bomb": lambda: bmp_claiming(0x7FFFFFFF, 0x7FFFFFFF),
    }


def _lies() -> dict[str, Builder]:
    return {
        "jpeg-lie": lambda: jpeg_claiming(7000, 7000),
        "jpeg-of-no-size": lambda: jpeg_claiming(0, 0),
        "png-lie": lambda: png(5000, 5000),
        "bmp-lie": lambda: bmp_claiming(5000, -5000),
        "avif-lie": lambda: avif_claiming(5000, 5000),
        "gif-lie": lambda: gif_claiming(100, 100, (5000, 5000)),
        "webp-lie": lambda: good("WEBP")[:4] + struct.pack("<I", 0x7FFFFFFF) + good("WEBP")[8:],
        "tiff-strip-outside": lambda: tiff((273, 4, 1, 0x7FFFFFFF)),
        "tiff-strip-of-4-gib": lambda: tiff((279, 4, 1, 0xFFFFFFFF)),
        "tiff-tags-of-4-gib": lambda: tiff((270, 2, 0xFFFFFFFF, 0)),
        "tiff-loop": lambda: tiff(following=8),
        "tiff-tile-of-100-mb": lambda: tiff_of_tiles(10_000),
        "tiff-tile-of-1600-mb": lambda: tiff_of_tiles(40_000),
        "tiff-tile-of-4-gb": lambda: tiff_of_tiles(65_536),
        "tiff-of-many-samples": lambda: tiff((277, 3, 1, 65_535)),
    }


def _floods() -> dict[str, Builder]:
    return {
        "jpeg-large-icc": lambda: jpeg_with_icc(13 * MIB),
        "jpeg-large-exif": lambda: jpeg_with(segment(0xE1, b"Exif\0\0" + random.Random(3).randbytes(65_000))),
        "jpeg-exif-loop": lambda: jpeg_with(segment(0xE1, exif_loop())),
        "jpeg-thousands-of-comments": lambda: jpeg_with(*[segment(0xFE, b"x" * 1000)] * 10_000),
        "jpeg-2000-scans": lambda: jpeg_with_scans(2000, 400),
        "jpeg-2000-large-scans": lambda: jpeg_with_scans(2000, 6000),
        "gif-5000-frames": lambda: gif_of_frames(5000),
        "gif-90-large-frames": lambda: gif_of_frames(90, 2000),
        "gif-at-the-limit": lambda: gif_of_frames(50, 1000),
        "png-500-frames": lambda: animated("PNG", 500),
        "webp-500-frames": lambda: animated("WEBP", 500),
        "tiff-20000-directories": lambda: tiff_of_directories(20_000),
    }


def _damage() -> Iterator[tuple[str, Builder]]:
    def cut(name: str, share: float) -> bytes:
        data = good(name)
        return data[: int(len(data) * share)]

    def hurt(name: str, seed: int) -> bytes:
        return damaged(good(name), seed)

    for name in FORMATS:
        for share in CUTS:
            yield f"{name.lower()}-cut-at-{share}", partial(cut, name, share)
        for seed in range(FLIPS):
            yield f"{name.lower()}-damaged-{seed}", partial(hurt, name, seed)


def _stubs() -> Iterator[tuple[str, Builder]]:
    yield "empty", bytes
    for value in (0x00, 0x42, 0x47, 0x49, 0x89, 0xFF):
        yield f"one-byte-{value:02x}", partial(bytes, [value])
    for name in FORMATS:
        yield f"{name.lower()}-signature-alone", partial(lambda name: good(name)[:16], name)
    yield "text", lambda: b"just words " * 1000
    yield "noise", lambda: random.Random(4).randbytes(MIB)


FILES: dict[str, Builder] = {
    **_bombs(),
    **_lies(),
    **_floods(),
    **png_floods(),
    **polyglots(),
    **dict(_damage()),
    **dict(_stubs()),
}

TOO_LARGE = {"TOO_MANY_PIXELS", "SIDE_TOO_LONG"}
BROKEN = {"NOT_AN_IMAGE", "CORRUPT_IMAGE", "TRUNCATED_IMAGE"}
#: Where the outcome is certain; any other file may end COMPLETED or with any code of an image's.
EXPECTED: dict[str, set[str]] = {
    **{f"{name}-bomb": TOO_LARGE | BROKEN for name in ("png", "jpeg", "gif", "tiff", "webp", "avif", "bmp")},
    "png-at-the-limit": {"COMPLETED"},
    **{f"tiff-tile-of-{size}": {"SIDE_TOO_LONG", "TOO_MANY_PIXELS"} for size in ("100-mb", "1600-mb", "4-gb")},
    "jpeg-2000-large-scans": {"TIMED_OUT"},
    "gif-5000-frames": {"TOO_MANY_FRAMES"},
    "gif-90-large-frames": {"TOO_MANY_TOTAL_PIXELS"},
    "png-wide": {"SIDE_TOO_LONG"},
    **{name: {"NOT_AN_IMAGE"} for name in ("empty", "text", "noise", "svg", "one-byte-89", "one-byte-ff")},
    **{name: {"COMPLETED"} for name in ("jpeg-and-zip", "jpeg-and-php", "png-and-html", "bmp-and-script")},
}

#: The files whose neighbours are watched.
WORST = (
    "png-bomb",
    "gif-frame-bomb",
    "webp-bomb",
    "avif-bomb",
    "tiff-tile-of-1600-mb",
    "tiff-20000-directories",
    "jpeg-2000-large-scans",
    "jpeg-large-icc",
    "png-text-bomb",
    "png-data-bomb",
    "jpeg-lie",
    "gif-5000-frames",
)


def write_all(folder: Any, names: Iterable[str] = FILES) -> None:
    """Write the corpus into a folder, one file at a time."""
    for name in names:
        (folder / name).write_bytes(FILES[name]())
