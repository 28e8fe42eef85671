"""Encoding to each output format. Writes only pixels, and the artist and copyright if the output keeps them."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from math import inf
from typing import Any, Final

from PIL import Image

from shared.errors import ByteCeilingUnreachable, EncodingFailed
from shared.pipeline.image_formats import ImageFormat
from shared.pipeline.output import ANIMATED_FORMATS, Output, OutputFormat
from worker.imaging.animation.timing import LONGEST_GIF_FRAME, fit_durations, fit_plays, merge_equal_frames
from worker.imaging.containers.animated_webp import set_alpha_flag
from worker.imaging.copyright import Rights, build_rights_options
from worker.imaging.frames import Frames
from worker.imaging.operations.canvas import paste_on_background
from worker.imaging.palette import reduce_to_palette
from worker.imaging.png_encoder import choose_packing_options, write_png

_OPTIONS: Final[Mapping[OutputFormat, Mapping[str, Any]]] = {
    OutputFormat.PNG: {},
    OutputFormat.JPEG: {"progressive": True, "optimize": True},
    # Method 2 takes half the time of method 4, and files are 3 % larger (benchmarks/imaging_settings.py).
    OutputFormat.WEBP: {"method": 2},
    OutputFormat.AVIF: {},
    OutputFormat.GIF: {},
    OutputFormat.TIFF: {"compression": "tiff_adobe_deflate"},
}
#: Pairs of a maximum number of pixels and the AVIF speed for images up to this size. At a lower speed, rendering could
#: exceed ``RenderSeconds`` (docs/settings.md). A megapixel takes 0.6 s at speed 6, 0.2 s at 8 and 0.07 s at 9.
#: Compared with speed 6, files are 7 % larger at 8 and 18 % larger at 9 (benchmarks/imaging_settings.py).
_AVIF_SPEEDS: Final[tuple[tuple[float, int], ...]] = ((8e6, 6), (24e6, 8), (inf, 9))
#: Minimum speed for animations. Speed 6 takes seven times as long, and the files are not smaller.
_ANIMATED_AVIF_SPEED: Final = 8
#: Approximate number of times that an image is encoded to find the quality for ``max_bytes``.
_CEILING_WRITES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """The bytes of one output, with size and format."""

    data: bytes
    width: int
    height: int
    format: OutputFormat

    @property
    def image_format(self) -> ImageFormat:
        """Return the properties of the format."""
        return self.format.image_format


def encode(image: Image.Image, output: Output, rights: Rights = ()) -> EncodedImage:
    """Encode a still image. Raises the errors of ``encode_frames``."""
    return encode_frames(Frames((image,)), output, rights)


def encode_frames(frames: Frames, output: Output, rights: Rights = ()) -> EncodedImage:
    """Encode an image or an animation. If the format does not support animations, encode the first frame.

    ``rights`` are the artist and copyright of the raw image. They are written if ``output`` keeps them. Raises
    ByteCeilingUnreachable if the file exceeds ``output.max_bytes`` even at the lowest quality, and EncodingFailed if
    the encoder fails.
    """
    options: dict[str, Any] = dict(_OPTIONS[output.format])
    images = frames.images if output.format in ANIMATED_FORMATS else frames.images[:1]
    if output.format is OutputFormat.AVIF:
        options["speed"] = choose_avif_speed(images, output)
    images = tuple(_convert_for_format(image, output) for image in _unify_modes(images))
    if len(images) > 1:
        durations: Sequence[float] = fit_durations(frames.durations, output.format)
        if output.format is OutputFormat.GIF:
            images, durations = merge_equal_frames(images, durations, LONGEST_GIF_FRAME)
        if len(images) > 1:  # not if all frames are equal
            options |= _build_animation_options(frames, durations, output.format)
    if output.keep:
        options |= build_rights_options(rights, output.format)
    if len(images) > 1 and output.format is OutputFormat.PNG:
        options |= choose_packing_options(images[0])
    return EncodedImage(
        data=_encode_within_ceiling(images, output, options),
        width=images[0].width,
        height=images[0].height,
        format=output.format,
    )


def _encode_within_ceiling(images: tuple[Image.Image, ...], output: Output, options: dict[str, Any]) -> bytes:
    """Encode with the requested quality or, if the file exceeds ``max_bytes``, with the highest possible quality."""
    quality = output.quality or output.format.image_format.default_quality
    data = _write(images, output.format, options, quality)
    if output.max_bytes is None or quality is None or len(data) <= output.max_bytes:
        return data
    smallest = len(data)
    best, low, high = None, 1, quality - 1
    # Size almost always grows with quality, so a binary search with at most seven encodings finds the highest quality.
    while low <= high:
        middle = (low + high) // 2
        data = _write(images, output.format, options, middle)
        smallest = min(smallest, len(data))
        if len(data) <= output.max_bytes:
            best, low = data, middle + 1
        else:
            high = middle - 1
    if best is None:
        raise ByteCeilingUnreachable(
            f"The output {output.name} has {smallest:,} bytes even at the lowest quality;"
            f" {output.max_bytes:,} are allowed.",
        )
    return best


def _write(
    images: tuple[Image.Image, ...],
    output_format: OutputFormat,
    options: Mapping[str, Any],
    quality: int | None,
) -> bytes:
    if output_format is OutputFormat.PNG and len(images) == 1:
        return write_png(images[0], **options)
    file = BytesIO()
    settings = {**options} if quality is None else {**options, "quality": quality}
    if len(images) > 1:
        settings |= {"save_all": True, "append_images": images[1:]}
    try:
        images[0].save(file, format=output_format.image_format.name, **settings)
    except (
        OSError,
        ValueError,
        OverflowError,
        RuntimeError,
        struct.error,
    ) as error:  # raised by Pillow for large sizes
        raise EncodingFailed(f"The result can't be written as {output_format.image_format.name}.") from error
    if output_format is OutputFormat.WEBP and len(images) > 1 and images[0].mode in {"LA", "RGBA"}:
        return set_alpha_flag(file.getvalue())
    return file.getvalue()


def choose_avif_speed(images: Sequence[Image.Image], output: Output) -> int:
    """Return the AVIF speed, 0 (slowest) to 10. It is higher if more pixels are encoded."""
    pixels = sum(image.width * image.height for image in images) * (_CEILING_WRITES if output.max_bytes else 1)
    speed = next(speed for max_pixels, speed in _AVIF_SPEEDS if pixels <= max_pixels)
    return max(speed, _ANIMATED_AVIF_SPEED) if len(images) > 1 else speed


def _build_animation_options(frames: Frames, durations: Sequence[float], output_format: OutputFormat) -> dict[str, Any]:
    """Return Pillow's options for durations and number of plays.

    GIF stores the number of repeats, which is one less than the number of plays.
    """
    plays = fit_plays(frames.plays, output_format)
    if output_format is OutputFormat.AVIF:
        return {"duration": [round(duration) for duration in durations]}
    if output_format is not OutputFormat.GIF:
        return {"duration": list(durations), "loop": plays}
    # Disposal 2 clears a frame before the next frame is drawn. Without it, the old frame would show through
    # transparent pixels. Disposal 1 keeps the frame.
    transparent = any(image.mode in {"LA", "RGBA"} for image in frames.images)
    options: dict[str, Any] = {"duration": list(durations), "disposal": 2 if transparent else 1}
    return options if plays == 1 else options | {"loop": max(0, plays - 1)}


def _unify_modes(images: tuple[Image.Image, ...]) -> tuple[Image.Image, ...]:
    """Convert all frames to one mode, because encoders write all frames in the mode of the first frame."""
    modes = {image.mode for image in images}
    if len(modes) == 1:
        return images
    alpha = "A" if modes & {"LA", "RGBA"} else ""
    mode = ("RGB" if modes & {"RGB", "RGBA"} else "L") + alpha
    return tuple(image.convert(mode) for image in images)


def _convert_for_format(image: Image.Image, output: Output) -> Image.Image:
    """Convert an image to a mode that the format supports: without alpha for JPEG, with a palette for GIF."""
    if output.format is OutputFormat.JPEG:
        return paste_on_background(image, output.background) if image.has_transparency_data else image
    if output.format is OutputFormat.GIF:
        return reduce_to_palette(image, output.background)
    return image
