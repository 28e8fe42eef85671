"""Rendering: from the bytes of a raw image to the bytes of all outputs.

``render`` is stateless, and its parameters and results are plain values, so it can run in another process.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Final

from PIL import Image

from shared.errors import TooManyFrames, TooManyTotalPixels
from shared.pipeline.limits import Limits
from shared.pipeline.operations import Watermark
from shared.pipeline.output import ANIMATED_FORMATS, is_still_over_limits
from shared.pipeline.pipeline import Output, Pipeline
from worker.imaging.assets import make_asset_loader
from worker.imaging.containers.animation import list_unique
from worker.imaging.decode import ImageFile, decode, decode_animation, open_image
from worker.imaging.encode import EncodedImage, encode_frames
from worker.imaging.fonts import find_text_warnings
from worker.imaging.frames import Frames
from worker.imaging.heif import needs_heif
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
    warnings: list[str] = []
    frames = _render_animation(source, pipeline, load_asset, warnings) if _is_animated(source, pipeline) else None
    if frames is None:
        check_sizes(source.header.size, pipeline.operations, limits)
        decoded = decode(source, plan.decoding)
        frames = Frames((run_plan(decoded.image, plan, limits, load_asset),))
        warnings = [*decoded.warnings, *warnings]
    return RenderResult(
        format=source.header.format,
        width=source.header.size[0],
        height=source.header.size[1],
        outputs=tuple((output, encode_frames(frames, output, source.exif.rights)) for output in pipeline.outputs),
        warnings=list_unique([*warnings, *_find_warnings(source, pipeline)]),
        software=get_software_versions(heif=needs_heif(data, assets)),
    )


def _is_animated(source: ImageFile, pipeline: Pipeline) -> bool:
    return source.is_animation and any(output.format in ANIMATED_FORMATS for output in pipeline.outputs)


def _render_animation(
    source: ImageFile, pipeline: Pipeline, load_asset: LoadAsset, warnings: list[str]
) -> Frames | None:
    """Run the operations on all frames of an animation. Append warnings.

    Return None if only the still image can be shown: because of damage, or because the animation exceeds a limit and
    all outputs can be still images. Raises ImageError if a frame can't be processed.
    """
    limits = source.limits
    try:
        found = [*source.warnings]
        animation = decode_animation(source, found)
        check_sizes(source.header.size, pipeline.operations, limits, source.frames)
    except (TooManyFrames, TooManyTotalPixels) as error:
        if not is_still_over_limits(pipeline.outputs):
            raise
        warnings.append(f"{error.detail} Only the first frame was processed.")
        return None
    durations: list[float] = []

    def iterate_images() -> Iterator[Image.Image]:
        for image, duration in animation.frames:
            if image is not None:
                durations.append(duration)
                yield image

    images = iterate_images()
    first = next(images, None)
    if first is None:
        return None
    results = tuple(run_pipeline_on_frames(chain((first,), images), pipeline.operations, limits, load_asset))
    warnings.extend(found)
    if len(results) < source.frames:
        count = source.frames - len(results)
        warnings.append(f"{count} of {source.frames} frames of the animation are damaged and were left out.")
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
