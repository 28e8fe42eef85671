"""Compare the TIFF flavors of the tests, and files that tifffile writes, with tifffile and libvips.

Install the group bench first. The script prints the number of files that agree, and every file that does not.
It takes about two minutes of CPU time:

    PYTHONPATH=.:tests python benchmarks/tiff_flavors.py

libvips is not asked about gray with a second sample in planes, because libvips 8.18 mixes the two planes.
"""

import io
import logging
from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pyvips
import tifffile
from support import tiff_flavors
from support.tiff_files import DEFLATE, FLOAT, LZW, NONE, PACK_BITS, SIGNED, UNSIGNED
from support.tiff_flavors import Colors, make_rows, write_flavor

from shared.errors import ImageError
from worker.imaging import Limits
from worker.imaging.decode import decode, open_image

LIMITS = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000)
#: Depths that tifffile reads without losses.
DEPTHS = [*((bits, UNSIGNED) for bits in (1, 2, 4, 8, 10, 12, 14, 16, 32, 64)), (8, SIGNED), (16, SIGNED), (32, SIGNED),
          (16, FLOAT), (32, FLOAT), (64, FLOAT)]  # fmt: skip
LAYOUTS = list(product("<>", (False, True), (None, (16, 32)), (False, True)))
TOLERANCE = 3


def render(data: bytes) -> np.ndarray:
    """Return the pixels of our decoder as an array."""
    pixels: np.ndarray = np.asarray(decode(open_image(data, LIMITS)).image)
    return pixels.astype(float)


def check_writer() -> Iterator[tuple[str, bool, object]]:
    """Yield whether tifffile reads the samples that the tests' writer was given, and our pixels agree with libvips."""
    for colors, (bits, sample_format), compression in product(Colors, DEPTHS, (NONE, LZW, DEFLATE, PACK_BITS)):
        for order, big, tile, planar in LAYOUTS:
            layout: dict[str, Any] = {
                "order": order,
                "big": big,
                "tile": tile,
                "planar": planar,
                "compression": compression,
            }
            data, expected = write_flavor(colors, bits, sample_format, **layout)
            name = colors.name, bits, sample_format, layout
            rows = np.asarray(make_rows(colors, bits, sample_format))
            try:
                read = tifffile.imread(io.BytesIO(data)).astype(rows.dtype if sample_format != FLOAT else float)
            except (ValueError, NotImplementedError, RuntimeError, KeyError):
                read = None  # tifffile does not read every depth in tiles
            if read is not None:
                if planar and rows.shape[2] > 1:
                    read = np.moveaxis(read, 0, -1)
                same = np.allclose(read.reshape(rows.shape), rows, atol=1e-3)
                yield "samples equal to tifffile's", same, name
            if is_comparable(colors, bits, sample_format, planar=planar):
                yield "pixels equal to libvips'", compare_with_vips(data, rows.shape[2]), name
            if colors.is_premultiplied and bits < 8:
                continue  # too little remains of dark colors
            yield "pixels equal to the scene", is_near(render(data), np.asarray(expected).astype(float)), name


def is_comparable(colors: Colors, bits: int, sample_format: int, *, planar: bool) -> bool:
    """Return True if libvips gives the samples of the file, without a conversion."""
    photometric, _, extras = colors.value
    if colors.is_premultiplied or photometric == 5 or (planar and photometric == 1 and extras):
        return False
    return bits in {8, 16} and sample_format == UNSIGNED


def compare_with_vips(data: bytes, samples: int) -> bool:
    """Return True if libvips shows the same colors, or does not open the file. Extra samples are not compared."""
    try:
        image = pyvips.Image.new_from_buffer(data, "")
        if image.format == "ushort":
            image = image.msb()
        shown = image.numpy().reshape(image.height, image.width, -1).astype(float)
    except pyvips.Error:
        return True
    ours = render(data).reshape(*shown.shape[:2], -1)
    colors = 3 if samples >= 3 else 1
    return bool(np.abs(shown[..., :colors] - ours[..., :colors]).max() <= TOLERANCE)


def is_near(found: np.ndarray, expected: np.ndarray) -> bool:
    """Compare two images, with colors weighted by alpha."""
    if found.shape != expected.shape:
        return False
    difference = np.abs(found - expected)
    if found.ndim == 3 and found.shape[2] in {2, 4}:
        difference[..., :-1] *= expected[..., -1:] / 255
    return bool(difference.max() <= TOLERANCE)


def write_with_tifffile() -> Iterator[tuple[str, bool, object]]:
    """Yield whether we show the pixels that tifffile has written, with each compression and predictor."""
    kinds = [("minisblack", 1, ()), ("miniswhite", 1, ()), ("minisblack", 1, (2,)), ("rgb", 3, ()), ("rgb", 3, (2,)),
             ("rgb", 3, (0, 2)), ("separated", 4, ()), ("separated", 4, (2,))]  # fmt: skip
    types = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "f2", "f4", "f8"]
    compressions = [None, "lzw", "zlib", "packbits", "zstd", "lzma"]
    for order, compression, planar, tile, kind, code in product(
        "<>", compressions, ("contig", "separate"), (None, (16, 32)), kinds, types
    ):
        photometric, colors, extras = kind
        if planar == "separate" and colors + len(extras) == 1:
            continue
        predictors = [1] if compression in {None, "packbits"} else [1, 3] if code[0] == "f" else [1, 2]
        for predictor in predictors:
            scene, stored = draw(photometric, colors, extras, code)
            if planar == "separate":
                stored = np.moveaxis(stored, -1, 0)
            elif stored.shape[2] == 1:
                stored = stored[..., 0]
            file = io.BytesIO()
            tifffile.imwrite(file, np.ascontiguousarray(stored), byteorder=order, compression=compression, tile=tile,
                             planarconfig=planar if colors + len(extras) > 1 else None, photometric=photometric,
                             extrasamples=extras or None, predictor=predictor if predictor > 1 else None, metadata=None,
                             rowsperstrip=None if tile else 8)  # fmt: skip
            name = order, compression, planar, tile, kind, code, predictor
            try:
                same = is_near(render(file.getvalue()), scene)
            except ImageError as error:
                same = False
                print(f"{error.code}: {name}")
            yield "files of tifffile", same, name


def draw(photometric: str, colors: int, extras: tuple[int, ...], code: str) -> tuple[Any, Any]:
    """Return the pixels as shown (0 to 255), and the samples to store."""
    width, height = tiff_flavors.WIDTH * 2, tiff_flavors.HEIGHT * 2
    y, x = np.mgrid[0:height, 0:width]
    across, down = x / (width - 1), y / (height - 1)
    samples = np.stack([across, down, 1 - across, (across + down) / 2, (x * 7 + y * 3) % 16 / 15], -1)
    samples = samples[..., : colors + len(extras)]
    shown = samples[..., :colors]
    if photometric == "separated":
        shown = (1 - shown[..., :3]) * (1 - shown[..., 3:])
    if 2 in extras:
        at = colors + extras.index(2)
        samples[..., at] = 0.3 + 0.7 * samples[..., at]
        shown = np.concatenate([shown, samples[..., at : at + 1]], -1)
    stored = samples.copy()
    if photometric == "miniswhite":
        stored[..., 0] = 1 - stored[..., 0]
    if code[0] != "f":
        bits = 8 * int(code[1])
        highest = float(2**bits - 1) if bits < 53 else 2.0**bits * (1 - 2**-52)
        stored = np.round(stored * highest)
        stored = stored - 2.0 ** (bits - 1) if code[0] == "i" else stored
    return (shown * 255).squeeze(), stored.astype(code)


def main() -> None:
    """Print the counts and the files that do not agree."""
    logging.disable(logging.ERROR)
    counts: Counter[tuple[str, bool]] = Counter()
    for source in (check_writer(), write_with_tifffile()):
        for what, same, name in source:
            counts[what, same] += 1
            if not same:
                print(f"{what}: not {name}")
    for what in sorted({what for what, _ in counts}):
        print(f"{what}: {counts[what, True]:,} of {counts[what, True] + counts[what, False]:,}")


if __name__ == "__main__":
    main()
