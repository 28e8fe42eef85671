"""PNG files with two pixels and any chunks, and their rendered colors."""

import struct
import zlib

from support import color_profiles, raw_files, sample_images

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult, render

LIMITS = Limits(max_bytes=20_000_000, max_pixels=4_000_000, max_side=4_000)
EMPTY = Pipeline.model_validate({})
PIXELS = [[[200, 100, 50], [30, 200, 90]]]
COLORS: list[tuple[int, ...]] = [(200, 100, 50), (30, 200, 90)]
#: The same values, if they are Display P3.
P3_COLORS: list[tuple[int, ...]] = [(215, 93, 31), (0, 204, 73)]
P3_CHUNK = (b"iCCP", b"any name\0\0" + zlib.compress(color_profiles.make_display_p3_profile()))


def render_png(*chunks: tuple[bytes, bytes], damage: bytes = b"") -> RenderResult:
    """Render a PNG with more chunks. ``damage`` is the type of the chunk that gets a wrong checksum."""
    return render(break_crc(raw_files.make_png(PIXELS, 8, chunks=chunks), damage), EMPTY, LIMITS)


def break_crc(data: bytes, kind: bytes) -> bytes:
    """Return the PNG with a wrong checksum of one chunk."""
    if not kind:
        return data
    at = data.index(kind)
    (length,) = struct.unpack_from(">I", data, at - 4)
    copy = bytearray(data)
    copy[at + 4 + length] ^= 1
    return bytes(copy)


def get_colors(result: RenderResult) -> list[tuple[int, ...]]:
    """Return the pixels of the first output."""
    image = sample_images.decode(result.outputs[0][1].data).convert("RGB")
    return list(image.get_flattened_data())  # type: ignore[arg-type] # RGB pixels
