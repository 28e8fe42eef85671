"""Rendering: from the bytes of a raw image to the bytes of all outputs.

``render`` is stateless, and its parameters and results are plain values, so it can run in another process.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Final

from PIL import Image

from shared.errors import ResourceLimit, TooManyFrames, TooManyTotalPixels
from shared.pipeline.facts import FactsRequest, ImageFacts
from shared.pipeline.limits import Limits
from shared.pipeline.operations import Watermark
from shared.pipeline.output import ANIMATED_FORMATS, is_still_over_limits
from shared.pipeline.output_errors import name_output
from shared.pipeline.pipeline import Output, Pipeline
from shared.pipeline.sizes import compute_size_after, is_size_exact
from worker.imaging.assets import make_asset_loader
from worker.imaging.containers.animation import FRAMES_IGNORED, list_unique
from worker.imaging.decode import DecodedImage, ImageFile, decode, decode_animation, open_image
from worker.imaging.encode import EncodedImage, encode_frames
from worker.imaging.facts.collection import FactsCollector
from worker.imaging.fonts import find_text_warnings
from worker.imaging.frames import Frames
from worker.imaging.heif import needs_heif
from worker.imaging.operations.watermark import LoadAsset
from worker.imaging.pipeline import apply_operations, check_all_sizes, finish_plan, run_pipeline_on_frames, start_plan
from worker.imaging.planner import Decoding, Planner, make_plan
from worker.imaging.scaling import apply_orientation
from worker.imaging.software import get_software_versions
from worker.imaging.variants import (
    arrange,
    can_share_decoding,
    describe_image,
    group_outputs,
    iterate_variants,
    plan_variants,
)

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
    #: Width in pixels after the shared operations. Responsive outputs are never wider.
    full_width: int
    outputs: tuple[tuple[Output, EncodedImage], ...]
    warnings: tuple[str, ...]
    #: Facts about the raw image. None if the request wants none.
    facts: ImageFacts | None = None
    #: Versions of the libraries that rendered the image, by name.
    software: dict[str, str] = field(default_factory=dict)
    #: Names of the sandbox layers that were applied completely; see ``worker.sandbox.confinement``.
    sandbox: tuple[str, ...] = ()


def render(  # noqa: PLR0913, PLR0917 - the image, the pipeline, the limits
    data: bytes,
    pipeline: Pipeline,
    limits: Limits,
    assets: Mapping[str, bytes] = NO_ASSETS,
    facts_request: FactsRequest | None = None,
    planner: Planner = make_plan,
    max_result_bytes: int | None = None,
) -> RenderResult:
    """Decode an image once, run the operations and encode each output.

    ``assets`` contains the files that operations refer to, by name. ``facts_request`` says which facts about the image
    are collected; they change no output. ``planner`` optimizes the pipeline; pass ``make_unoptimized_plan`` to disable
    this. Raises ImageError if the image or one of its outputs can't be processed, or if all outputs together have more
    than ``max_result_bytes``.
    """
    source = open_image(data, limits)
    facts = FactsCollector(source, facts_request)
    job = _Rendering(source, pipeline, make_asset_loader(assets, limits), planner, facts, max_result_bytes)
    warnings: list[str] = []
    frames = (
        _render_animation(source, pipeline, job.load_asset, warnings, facts) if _is_animated(source, pipeline) else None
    )
    if frames is None:
        warnings = [*job.render_still(), *warnings]
    else:
        job.render_frames(frames)
    outputs = job.list_results()
    collected, fact_warnings = facts.finish()
    return RenderResult(
        format=source.header.format,
        width=source.header.size[0],
        height=source.header.size[1],
        full_width=job.full_width,
        outputs=outputs,
        warnings=list_unique([*warnings, *_find_warnings(source, pipeline), *fact_warnings]),
        facts=collected,
        software=get_software_versions(heif=needs_heif(data, assets)),
    )


class _Rendering:
    """The outputs of one image. They are encoded one after the other; their sum is limited."""

    def __init__(  # noqa: PLR0913, PLR0917 - the image, the pipeline, the limits
        self,
        source: ImageFile,
        pipeline: Pipeline,
        load_asset: LoadAsset,
        planner: Planner,
        facts: FactsCollector,
        max_bytes: int | None,
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self.load_asset = load_asset
        self._planner = planner
        self._facts = facts
        self._max_bytes = max_bytes
        self._encoded: dict[str, EncodedImage] = {}
        self._size = 0
        self.full_width = source.header.size[0]

    def render_still(self) -> tuple[str, ...]:
        """Render all outputs of a still image. Return the warnings from decoding it."""
        source, shared = self._source, self._pipeline.operations
        header, limits = source.header, source.limits
        self._check_sizes()
        is_known = self._pipeline.responsive is None or is_size_exact(shared)
        groups = group_outputs(self._list_outputs()) if is_known else ()
        if len(groups) == 1 or can_share_decoding(shared):
            variants = plan_variants(header, shared, groups, self._planner)
            decoded = self._decode(variants[0].plan.decoding)
            image, stored = decoded.image, header.stored_size
        else:
            plan = self._planner(header, shared)
            decoded = self._decode(plan.decoding)
            upright = apply_orientation(start_plan(decoded.image, plan), plan.orientation)
            image = next(iter(apply_operations((upright,), plan.operations, limits, self.load_asset)))
            self.full_width, stored = image.width, image.size
            groups = group_outputs(self._list_outputs())
            variants = plan_variants(describe_image(image), (), groups, self._planner)
        finish = partial(finish_plan, limits=limits, load_asset=self.load_asset)
        for variant, make_image in iterate_variants(image, arrange(variants, stored), stored, finish):
            with self._name_output(variant.outputs[0]):
                frames = Frames((make_image(),))
            self._encode(frames, variant.outputs)
        return decoded.warnings

    def _decode(self, decoding: Decoding) -> DecodedImage:
        """Decode the still image, and collect facts from it."""
        decoding = self._facts.choose_decoding(decoding)
        decoded = decode(self._source, decoding)
        self._facts.observe_decoded(decoded, decoding)
        return decoded

    def render_frames(self, frames: Frames) -> None:
        """Render all outputs of an animation. ``frames`` are the frames after the shared operations."""
        self.full_width = frames.images[0].width
        for operations, outputs in group_outputs(self._list_outputs()):
            with self._name_output(outputs[0]):
                images = tuple(run_pipeline_on_frames(frames.images, operations, self._source.limits, self.load_asset))
            self._encode(Frames(images, frames.durations, frames.plays), outputs)

    def list_results(self) -> tuple[tuple[Output, EncodedImage], ...]:
        """Return the outputs in the order of the pipeline."""
        return tuple((output, self._encoded[output.name]) for output in self._list_outputs())

    def _list_outputs(self) -> tuple[Output, ...]:
        return self._pipeline.expand_outputs(self.full_width).outputs

    def _check_sizes(self) -> None:
        """Check the sizes after all operations before anything is decoded. Set the width for responsive outputs."""
        shared, size = self._pipeline.operations, self._source.header.size
        check_all_sizes(size, self._pipeline, self._source.limits)
        for operation in shared if is_size_exact(shared) else ():
            size = compute_size_after(size, operation)
        self.full_width = size[0]

    def _encode(self, frames: Frames, outputs: Iterable[Output]) -> None:
        for output in outputs:
            with self._name_output(output):
                encoded = encode_frames(frames, output, self._source.exif.rights)
                self._size += len(encoded.data)
                if self._max_bytes is not None and self._size > self._max_bytes:
                    raise ResourceLimit(
                        f"The outputs have {self._size:,} bytes in total; at most {self._max_bytes:,} are allowed."
                    )
            self._encoded[output.name] = encoded

    def _name_output(self, output: Output) -> AbstractContextManager[None]:
        return name_output(output.name, is_only=self._pipeline.is_single)


def _is_animated(source: ImageFile, pipeline: Pipeline) -> bool:
    return source.is_animation and any(each in ANIMATED_FORMATS for each in pipeline.list_formats())


def _render_animation(
    source: ImageFile, pipeline: Pipeline, load_asset: LoadAsset, warnings: list[str], facts: FactsCollector
) -> Frames | None:
    """Run the operations on all frames of an animation. Append warnings.

    Return None if only the still image can be shown: because of damage, or because the animation exceeds a limit and
    all outputs can be still images. Raises ImageError if a frame can't be processed.
    """
    limits = source.limits
    try:
        found = [*source.warnings]
        animation = decode_animation(source, found)
        check_all_sizes(source.header.size, pipeline, limits, source.frames)
    except (TooManyFrames, TooManyTotalPixels) as error:
        if not is_still_over_limits(pipeline.list_formats()):
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
    facts.observe_frame(first)
    results = tuple(apply_operations(chain((first,), images), pipeline.operations, limits, load_asset))
    if len(results) < source.frames:
        count = source.frames - len(results)
        found = [each for each in found if each != FRAMES_IGNORED]
        warnings.append(f"{count} of {source.frames} frames of the animation are damaged and were left out.")
    warnings.extend(found)
    return Frames(results, tuple(durations), animation.plays)


def _find_warnings(source: ImageFile, pipeline: Pipeline) -> Iterator[str]:
    """Yield warnings about frames that are not written and characters that the font lacks."""
    if source.is_animation:
        stills = {each.image_format.name for each in pipeline.list_formats() if each not in ANIMATED_FORMATS}
        for name in sorted(stills):
            yield f"Only the first frame of the animation was written as {name}, which holds no animation."
    for operation in pipeline.iterate_operations():
        if isinstance(operation, Watermark) and operation.text:
            yield from find_text_warnings(operation.text, operation.font)
