"""The frames of a result, read with Pillow. Our encoders write simple animations, which Pillow decodes correctly."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from PIL import Image

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult, render

LIMITS: Final = Limits(max_bytes=10_000_000, max_pixels=1_000_000, max_side=10_000)


@dataclass(frozen=True, slots=True)
class Result:
    """An animation, or a still image as its only frame."""

    #: In RGBA.
    frames: tuple[Image.Image, ...]
    #: Milliseconds.
    durations: tuple[float, ...]
    #: 0 means forever.
    plays: int
    warnings: tuple[str, ...] = ()

    def get_colors(self, *positions: tuple[int, int]) -> list[tuple[Any, ...]]:
        """Return the colors at the positions, by frame."""
        return [tuple(frame.getpixel(position) for position in positions) for frame in self.frames]


def render_animation(data: bytes, output: str = "png", limits: Limits = LIMITS) -> Result:
    """Run an empty pipeline."""
    return read_result(render(data, Pipeline.model_validate({"output": {"format": output}}), limits))


def read_result(rendered: RenderResult) -> Result:
    """Return the frames of the first output."""
    data = rendered.outputs[0][1].data
    return Result(*_read_file(data), rendered.warnings)


def read_file(data: bytes) -> Result:
    """Return the frames of a file."""
    return Result(*_read_file(data))


def _read_file(data: bytes) -> tuple[tuple[Image.Image, ...], tuple[float, ...], int]:
    image = Image.open(BytesIO(data))
    frames, durations = [], []
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        frames.append(image.convert("RGBA"))
        durations.append(image.info.get("duration", 0))
    loop = image.info.get("loop")
    if image.format == "GIF":
        return tuple(frames), tuple(durations), 1 if loop is None else loop + 1 if loop else 0
    return tuple(frames), tuple(durations), loop or 0
