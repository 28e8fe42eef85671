"""Rendering: from the bytes of a raw image to the bytes of all outputs.

``render`` is stateless, and its parameters and results are plain values, so it can run in another process.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from PIL import Image

from shared.pipeline.limits import Limits
from shared.pipeline.operations import Watermark
from shared.pipeline.output import ANIMATED_FORMATS
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging.assets import make_asset_loader
from worker.imaging.decode import ImageFile, decode, decode_animation, open_image
from worker.imaging.encode import EncodedImage, encode_frames
from worker.imaging.fonts import find_text_warnings
from worker.imaging.frames import Frames
from worker.imaging.operations.watermark import LoadAsset
from worker.imaging.pipeline import check_sizes, run_pipeline_on_frames, run_plan
from worker.imaging.planner import Planner, make_plan
from worker.imaging.software import get_software_versions

NO_ASSETS: Final[Mapping[str, bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderResult:
    """The outputs of a pipeline, and facts about the raw image."""

    #: Format of the raw image, as the decoder detected it.
    format: str
    #: Width of the raw image in pixels, upright.
    width: int
    #: Height of the raw image in pixels, upright.
    height: int
    outputs: tuple[tuple[Output, EncodedImage], ...]
    warnings: tuple[str, ...]
    #: Versions of the libraries that rendered the image, by name.
    software: dict[str, str] = field(default_factory=dict)
    #: Names of the sandbox layers that were applied completely; see ``worker.sandbox.confinement``.
    sandbox: tuple[str, ...] = ()


def render(
    data: bytes,
    pipeline: Pipeline,
    limits: Limits,
    assets: Mapping[str, bytes] = NO_ASSETS,
    planner: Planner = make_plan,
) -> RenderResult:
    """Decode an image, run the operations and encode each output.

    ``assets`` contains the files that operations refer to, by name. ``planner`` optimizes the pipeline; pass
    ``make_unoptimized_plan`` to disable this. Raises ImageError if the image can't be processed.
    """
    source = open_image(data, limits)
    load_asset = make_asset_loader(assets, limits)
    plan = planner(source.header, pipeline.operations)
    decoded = decode(source, plan.decoding)
    if source.is_animation and any(output.format in ANIMATED_FORMATS for output in pipeline.outputs):
        frames = _render_animation(source, pipeline, limits, load_asset)
    else:
        check_sizes(source.header.size, pipeline.operations, limits)
        frames = Frames((run_plan(decoded.image, plan, limits, load_asset),))
    return RenderResult(
        format=source.header.format,
        width=source.header.size[0],
        height=source.header.size[1],
        outputs=tuple((output, encode_frames(frames, output, source.exif.rights)) for output in pipeline.outputs),
        warnings=(*decoded.warnings, *_find_warnings(source, pipeline)),
        software=get_software_versions(),
    )


def _render_animation(source: ImageFile, pipeline: Pipeline, limits: Limits, load_asset: LoadAsset) -> Frames:
    """Run the operations on all frames of an animation. Raises ImageError if a frame can't be processed."""
    animation = decode_animation(source, limits)
    check_sizes(source.header.size, pipeline.operations, limits, source.frames)
    durations = []

    def iterate_images() -> Iterator[Image.Image]:
        for image, duration in animation.frames:
            durations.append(duration)
            yield image

    results = tuple(run_pipeline_on_frames(iterate_images(), pipeline.operations, limits, load_asset))
    return Frames(results, tuple(durations), animation.plays)


def _find_warnings(source: ImageFile, pipeline: Pipeline) -> Iterator[str]:
    """Yield warnings about frames that are not written and characters that the font lacks."""
    if source.is_animation:
        stills = {
            output.format.image_format.name for output in pipeline.outputs if output.format not in ANIMATED_FORMATS
        }
        for name in sorted(stills):
            yield f"Only the first frame of the animation was written as {name}, which holds no animation."
    for operation in pipeline.operations:
        if isinstance(operation, Watermark) and operation.text:
            yield from find_text_warnings(operation.text, operation.font)
