"""The segments of a JPEG (ITU-T T.81, annex B).

Pillow gets the segments that describe the pixels. Other segments can't fail an image. Only two kinds of application
segments affect the pixels, because libjpeg reads the color model from them: JFIF and Adobe.
"""

from typing import Final

from shared.errors import NotAnImage, UnsupportedFlavor
from shared.pipeline.exif_orientation import EXIF_PREFIX
from shared.pipeline.jpeg_segments import SIGNATURE, SOS, Segment, iterate_segments
from worker.imaging.color.description import MAX_ICC_BYTES, PROFILE_TOO_LARGE, PROFILE_UNUSABLE, ColorDescription
from worker.imaging.containers.contents import FileContents, FileDamaged
from worker.imaging.containers.slices import Slices

_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
#: The first and the last marker of frame headers, tables and scans.
_FIRST_OF_PIXELS, _LAST_OF_PIXELS = 0xC0, 0xDF
#: Frames by their marker, with a name if libjpeg-turbo can't decode them.
_FRAME_NAMES: Final = {
    **dict.fromkeys((0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA), ""),
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"),
    0xCB: "lossless arithmetic-coded",
}
_FRAME_BYTES: Final = 6
_BITS: Final = 8
_CHANNELS: Final = (1, 3, 4)
#: Segments of the color model, with the length that libjpeg needs (jdmarker.c).
_JFIF, _JFIF_BYTES = b"JFIF\0", 14
_ADOBE, _ADOBE_BYTES = b"Adobe", 12
_ICC: Final = b"ICC_PROFILE\0"


def read_jpeg(data: bytes) -> FileContents:
    """Return the segments that Pillow needs, and the metadata.

    Raises NotAnImage if the file does not start with a segment, UnsupportedFlavor for rare kinds of JPEG,
    and FileDamaged if the pixels are missing.
    """
    pixels = Slices(data)
    pixels.add(0, len(SIGNATURE) - 1)
    exif: list[bytes] = []
    profile: list[Segment] = []
    segment = None
    for segment in iterate_segments(data):
        start, end = segment.whole
        if segment.marker in _FRAME_NAMES:
            _check_frame(data, segment)
        if segment.marker == SOS:
            pixels.add(start, len(data))
        elif segment.marker <= _LAST_OF_PIXELS or _describes_color_model(data, segment):
            pixels.add(start, end)
        elif segment.marker == _APP1 and segment.starts_with(data, EXIF_PREFIX):
            exif.append(data[segment.start + len(EXIF_PREFIX) + 1 : segment.end])
        elif segment.marker == _APP2 and segment.starts_with(data, _ICC):
            profile.append(segment)
    if segment is None and data[3:4] < bytes([_FIRST_OF_PIXELS]):
        raise NotAnImage
    if segment is None or segment.marker != SOS:
        raise FileDamaged("There are no pixels.")
    color, warnings = _read_color(data, profile)
    return FileContents(pixels=pixels, color=color, exif=b"".join(exif) or None, is_recognized=True, warnings=warnings)


def _check_frame(data: bytes, segment: Segment) -> None:
    """Raise UnsupportedFlavor if Pillow can't decode this kind of frame."""
    if segment.end - segment.start < _FRAME_BYTES:
        return  # Pillow reports the damage.
    name, bits, channels = _FRAME_NAMES[segment.marker], data[segment.start], data[segment.start + 5]
    if name:
        flavor = f"{name} JPEG"
    elif bits != _BITS:
        flavor = f"JPEG with {bits} bits per channel"
    elif channels not in _CHANNELS:
        flavor = f"JPEG with {channels} channels"
    else:
        return
    raise UnsupportedFlavor(f"The file is a {flavor}. Convert it to a baseline or progressive JPEG with 8 bits.")


def _describes_color_model(data: bytes, segment: Segment) -> bool:
    """Return True if libjpeg reads the color model from the segment. It ignores shorter segments."""
    size = segment.end - segment.start
    return (segment.marker == _APP0 and size >= _JFIF_BYTES and segment.starts_with(data, _JFIF)) or (
        segment.marker == _APP14 and size >= _ADOBE_BYTES and segment.starts_with(data, _ADOBE)
    )


def _read_color(data: bytes, segments: list[Segment]) -> tuple[ColorDescription, tuple[str, ...]]:
    """Join the parts of the ICC profile (ICC.1:2022, annex B.4): number of the part, number of parts, bytes."""
    if not segments:
        return ColorDescription(), ()
    if sum(segment.end - segment.start for segment in segments) > MAX_ICC_BYTES + len(segments) * (len(_ICC) + 2):
        return ColorDescription(), (PROFILE_TOO_LARGE,)
    parts = sorted((data[segment.start + len(_ICC) : segment.end] for segment in segments), key=lambda part: part[:1])
    numbers = {part[:1] for part in parts}
    if any(len(part) < 2 or part[1] != len(parts) for part in parts) or len(numbers) != len(parts):
        return ColorDescription(), (PROFILE_UNUSABLE,)
    return ColorDescription(profile=b"".join(part[2:] for part in parts)), ()
