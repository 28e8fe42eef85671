"""Decoders that use none of our code, as references for the pixels that the worker renders.

Each takes the bytes of a file and returns its first frame: upright, in sRGB, as an array of RGBA with 8 bits per
channel.
"""

import base64
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyvips
import tifffile
from chromium import chromium
from hdr_reference import find_hdr, tone_map
from playwright.sync_api import Browser, Error, Page

from shared.pipeline.image_formats import AVIF, HEIC, PNG, TIFF, detect_format

#: Rows of RGBA pixels, uint8, of shape (height, width, 4).
Pixels = Any
#: Returns None if the decoder can't read the file, or does not know how it must look.
Decode = Callable[[bytes], Pixels | None]

#: 0.45455, as stored in a PNG.
_SRGB_GAMMA: Final = (45455).to_bytes(4, "big")
#: Draw the first frame in a canvas, like a page shows it. Answers an empty text if the image can't be decoded whole.
_DRAW: Final = """async ({data, type}) => {
  const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
  const address = URL.createObjectURL(new Blob([bytes], {type}));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    canvas.getContext("2d", {willReadFrequently: true}).drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1] || "";
  } catch {
    return "";
  } finally {
    URL.revokeObjectURL(address);
  }
}"""


@contextmanager
def open_references(browser: Browser) -> Iterator[dict[str, Decode]]:
    """Yield the decoders by name. libvips and tifffile run in another process, because a file can crash them."""
    page = browser.new_page()
    pools = [_start_pool()]

    def run(function: Decode) -> Decode:
        def decode(data: bytes) -> Pixels | None:
            try:
                return pools[0].submit(function, data).result()
            except BrokenProcessPool:
                pools[0] = _start_pool()
                return None

        return decode

    try:
        yield {
            "libvips": run(decode_with_vips),
            "Chromium": _draw_on(page),
            "tifffile": run(decode_with_tifffile),
            "avifdec and heif-convert": run(decode_with_command),
        }
    finally:
        pools[0].shutdown()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start Chromium."""
    with chromium() as browser:
        yield browser


def _start_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_silence)


def _silence() -> None:
    """Log nothing about damaged files."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def decode_with_vips(data: bytes) -> Pixels | None:
    """Decode with libvips, which applies ICC profiles but neither CICP nor gAMA, and takes 255 for white in floats."""
    if detect_format(data) is PNG and _has_gamma(data):
        return None
    try:
        image = pyvips.Image.new_from_buffer(data, "", fail_on="error").autorot()
        return None if image.format in {"float", "double", "complex"} else _to_rgba(image)
    except pyvips.Error:
        return None


def decode_with_command(data: bytes) -> Pixels | None:
    """Decode with avifdec or heif-convert, which Debian builds with other codecs, and tone-map HDR by the formulas."""
    if detect_format(data) is AVIF:
        command = ["avifdec", "-d", "16"] if find_hdr(data) else ["avifdec"]
    elif detect_format(data) is HEIC:
        command = ["heif-convert"]
    else:
        return _convert_command_output(data, data) if detect_format(data) is PNG and find_hdr(data) else None
    if shutil.which(command[0]) is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out.png")
        source.write_bytes(data)
        subprocess.run([*command, source, target], capture_output=True, timeout=60, check=False)
        # heif-convert writes a file for each image, so the primary image is not known if there are several.
        return _convert_command_output(target.read_bytes(), data) if target.exists() else None


def _convert_command_output(png: bytes, data: bytes) -> Pixels | None:
    hdr = find_hdr(data)
    # heif-convert turns the pixels, and keeps the orientation of the EXIF.
    image = pyvips.Image.new_from_buffer(png, "")
    if hdr is None:
        return _to_rgba(image)
    values = np.asarray(image.numpy()).reshape(image.height, image.width, -1)
    if values.shape[-1] not in {3, 4}:
        return None
    color = tone_map(values[..., :3] / (65_535 if image.format == "ushort" else 255), *hdr)
    alpha = values[..., 3] / (257 if image.format == "ushort" else 1) if values.shape[-1] == 4 else None
    opaque = np.full(color.shape[:2], 255.0)
    return np.rint(np.dstack([color, opaque if alpha is None else alpha])).astype(np.uint8)


def _has_gamma(data: bytes) -> bool:
    """Return True if gAMA decides the colors of a PNG, and is not that of sRGB."""
    start = data.find(b"gAMA")
    is_decisive = start >= 0 and not any(name in data[: data.find(b"IDAT")] for name in (b"iCCP", b"sRGB", b"cICP"))
    return is_decisive and data[start + 4 : start + 8] != _SRGB_GAMMA


def _to_rgba(image: pyvips.Image) -> Pixels:
    if image.get_typeof("icc-profile-data"):
        try:
            image = image.icc_transform("srgb", embedded=True, intent="perceptual")
        except pyvips.Error:
            image = image.colourspace("srgb")
    image = image.colourspace("srgb")
    image = image.cast("uchar")
    if image.bands in {1, 2}:
        image = image[0].bandjoin([image[0], *(image[band] for band in range(image.bands))])
    if image.bands == 3:
        image = image.bandjoin(255)
    return np.asarray(image.numpy()[..., :4])


def _draw_on(page: Page) -> Decode:
    def decode(data: bytes) -> Pixels | None:
        image_format = detect_format(data)
        if image_format is None or image_format in {TIFF, HEIC}:
            return None
        values = {"data": base64.b64encode(data).decode(), "type": image_format.media_type}
        try:
            drawn: str = page.evaluate(_DRAW, values)
        except Error:
            return None
        pixels = decode_with_vips(base64.b64decode(drawn)) if drawn else None
        # An image that fails while it is drawn leaves the canvas empty.
        return pixels if pixels is not None and pixels[..., 3].any() else None

    return decode


def decode_with_tifffile(data: bytes) -> Pixels | None:
    """Decode a TIFF with tifffile and imagecodecs, if its colors follow from the samples without a profile."""
    if detect_format(data) is not TIFF:
        return None
    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            page = file.pages.first
            return None if "InterColorProfile" in page.tags else _convert_page(page)
    except Exception:  # noqa: BLE001 - a damaged file raises errors of every kind
        return None


def _convert_page(page: tifffile.TiffPage) -> Pixels | None:
    samples = page.asarray()
    if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and page.samplesperpixel > 1:
        samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(page.imagelength, page.imagewidth, -1)
    photometric = page.photometric
    is_float = samples.dtype.kind == "f"
    # Values above 1 have no common meaning, and tifffile ignores the byte order of 24 bits.
    if page.bitspersample == 24 or (is_float and np.nanmax(samples) > 1):
        return None
    if photometric == tifffile.PHOTOMETRIC.PALETTE:
        # Some writers store colors of 8 bits.
        colors = page.colormap.astype(float).T
        color = (colors / (257 if colors.max() > 255 else 1))[samples[..., 0]]
        extra = samples[..., 1:]
    else:
        samples = _scale(samples, page.bitspersample)
        if photometric == tifffile.PHOTOMETRIC.MINISWHITE:
            samples[..., 0] = 255 - samples[..., 0]
        is_gray = photometric in {tifffile.PHOTOMETRIC.MINISWHITE, tifffile.PHOTOMETRIC.MINISBLACK}
        is_jpeg = photometric == tifffile.PHOTOMETRIC.YCBCR and page.compression == tifffile.COMPRESSION.JPEG
        if photometric == tifffile.PHOTOMETRIC.SEPARATED and page.samplesperpixel >= 4:
            # The simple formula that browsers use for CMYK without a profile.
            rgb = (255 - samples[..., :3]) * (255 - samples[..., 3:4]) / 255
            samples = np.concatenate([rgb, samples[..., 4:]], axis=-1)
        elif not (is_gray or is_jpeg or photometric == tifffile.PHOTOMETRIC.RGB):
            return None
        color = np.repeat(samples[..., :1], 3, axis=-1) if is_gray else samples[..., :3]
        extra = samples[..., 1:] if is_gray else samples[..., 3:]
    alpha = np.full(color.shape[:2], 255.0)
    kinds = [int(kind) for kind in page.extrasamples]
    if kinds and kinds[0] in {1, 2} and extra.shape[-1]:
        alpha = extra[..., 0].astype(float)
        if kinds[0] == 1:
            color = color / np.maximum(alpha, 1)[..., None] * 255
    rgba = np.dstack([color, alpha])
    orientation = page.tags["Orientation"].value if "Orientation" in page.tags else 1
    return _turn(np.clip(np.rint(rgba), 0, 255).astype(np.uint8), int(orientation))


def _scale(samples: Pixels, bits: int) -> Pixels:
    """Return samples in the range 0 to 255."""
    if samples.dtype.kind == "f":
        return np.clip(np.nan_to_num(samples.astype(float)), 0, 1) * 255
    if samples.dtype.kind == "i":
        return (samples.astype(float) + 2.0 ** (bits - 1)) * 255 / (2.0**bits - 1)
    return samples.astype(float) * 255 / (2.0**bits - 1)


def _turn(pixels: Pixels, orientation: int) -> Pixels:
    """Apply the EXIF orientation."""
    turned = np.swapaxes(pixels, 0, 1) if orientation in {5, 6, 7, 8} else pixels
    turned = turned[:, ::-1] if orientation in {2, 3, 6, 7} else turned
    return turned[::-1] if orientation in {3, 4, 7, 8} else turned
