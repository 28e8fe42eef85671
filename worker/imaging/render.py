"""One raw image to all of its outputs: bytes in, bytes out, no state.

It takes and returns plain values, so that it can run in a process of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from PIL import Image

from shared.operations import Watermark
from shared.outputs import ANIMATED
from shared.pipeline import Output, Pipeline
from worker.imaging.assets import asset_loader
from worker.imaging.decode import Picture, decode, decode_animation
from worker.imaging.encode import EncodedImage, encode_frames
from worker.imaging.fonts import warn_of_text
from worker.imaging.frames import Frames
from worker.imaging.limits import Limits
from worker.imaging.operations.watermark import LoadAsset
from worker.imaging.run import check_sizes, run_on_frames, run_pipeline

NO_ASSETS: Final[Mapping[str, bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a pipeline made of a picture."""

    format: str
    """Of the raw image, as decoded."""
    width: int
    """Of the raw image, upright, pixels."""
    height: int
    outputs: tuple[tuple[Output, EncodedImage], ...]
    warnings: tuple[str, ...]


def render(
    data: bytes,
    pipeline: Pipeline,
    limits: Limits,
    assets: Mapping[str, bytes] = NO_ASSETS,
) -> Rendered:
    """Decode, run the operations, encode each output. Raises ImageError.

    ``assets`` are the files, by name, that operations of the pipeline refer to.
    """
    picture = decode(data, limits)
    load_asset = asset_loader(assets, limits)
    if picture.frames > 1 and any(output.format in ANIMATED for output in pipeline.outputs):
        frames = _run_on_all(data, picture, pipeline, limits, load_asset)
    else:
        check_sizes(picture.size, pipeline.operations, limits)
        frames = Frames((run_pipeline(picture.image, pipeline.operations, limits, load_asset),))
    return Rendered(
        format=picture.format,
        width=picture.size[0],
        height=picture.size[1],
        outputs=tuple((output, encode_frames(frames, output, picture.rights)) for output in pipeline.outputs),
        warnings=(*picture.warnings, *_warnings(picture, pipeline)),
    )


def _run_on_all(
    data: bytes,
    picture: Picture,
    pipeline: Pipeline,
    limits: Limits,
    load_asset: LoadAsset,
) -> Frames:
    """Run the operations on each frame of an animation."""
    animation = decode_animation(data, limits, picture.frames)
    check_sizes(picture.size, pipeline.operations, limits, picture.frames)
    durations = []

    def images() -> Iterator[Image.Image]:
        for image, duration in animation.frames:
            durations.append(duration)
            yield image

    made = tuple(run_on_frames(images(), pipeline.operations, limits, load_asset))
    return Frames(made, tuple(durations), animation.plays)


def _warnings(picture: Picture, pipeline: Pipeline) -> Iterator[str]:
    """Say what of the picture or of the pipeline did not come through."""
    if picture.frames > 1:
        stills = {output.format.image_format.name for output in pipeline.outputs if output.format not in ANIMATED}
        for name in sorted(stills):
            yield f"Only the first frame of the animation was written as {name}, which holds no animation."
    for operation in pipeline.operations:
        if isinstance(operation, Watermark) and operation.text:
            yield from warn_of_text(operation.text, operation.font)
