"""The code that runs the operations of a pipeline on one image or on the frames of an animation."""

from collections.abc import Iterable, Iterator, Sequence

from PIL import Image

from shared.errors import AssetUnusable
from shared.pipeline.limits import Limits, check_result_size
from shared.pipeline.output_errors import name_output
from shared.pipeline.pipeline import Grayscale, Operation, Pipeline
from shared.pipeline.sizes import Size, compute_size_after, is_size_exact
from worker.imaging.operations import OperationFunction, build_function_table
from worker.imaging.operations.content_aware import is_content_aware, resolve_to_crop
from worker.imaging.operations.tone import grayscale
from worker.imaging.operations.watermark import LoadAsset
from worker.imaging.planner import Plan
from worker.imaging.scaling import apply_orientation, scale


def refuse_assets(name: str) -> Image.Image:
    """Raise AssetUnusable for every name. This is the asset loader of pipelines without assets."""
    raise AssetUnusable(f"There is no asset named {name}.")


def check_sizes(size: Size, operations: Sequence[Operation], limits: Limits, frames: int = 1) -> None:
    """Raise the error of the limit that an operation would exceed, if any.

    The check stops at the first operation after which the size depends on the content of the image.
    """
    for count, operation in enumerate(operations, 1):
        if not is_size_exact(operations[:count]):
            return
        size = compute_size_after(size, operation)
        limits.check_size(size)
        limits.check_frames(frames, size)


def run_plan(image: Image.Image, plan: Plan, limits: Limits, load_asset: LoadAsset = refuse_assets) -> Image.Image:
    """Run a plan on an image that was decoded according to the plan. Raises ImageError if an operation fails."""
    return finish_plan(start_plan(image, plan), plan, limits, load_asset)


def check_all_sizes(size: Size, pipeline: Pipeline, limits: Limits, frames: int = 1) -> None:
    """Raise the error of the limit that a shared operation or an operation of an output would exceed, if any.

    Responsive outputs are never larger than the image, so they exceed no limit.
    """
    check_sizes(size, pipeline.operations, limits, frames)
    for output in pipeline.outputs:
        with name_output(output.name, is_only=pipeline.is_single):
            check_sizes(size, (*pipeline.operations, *output.operations), limits, frames)


def start_plan(image: Image.Image, plan: Plan) -> Image.Image:
    """Run the steps of a plan before its orientation: convert to gray and scale."""
    if plan.convert_to_gray:
        image = grayscale(image, Grayscale())
    return scale(image, plan.scaling, plan.decoding.shrink) if plan.scaling else image


def finish_plan(image: Image.Image, plan: Plan, limits: Limits, load_asset: LoadAsset = refuse_assets) -> Image.Image:
    """Run the rest of a plan after ``start_plan``. Raises ImageError if an operation fails."""
    return run_pipeline(apply_orientation(image, plan.orientation), plan.operations, limits, load_asset)


def run_pipeline(
    image: Image.Image,
    operations: Iterable[Operation],
    limits: Limits,
    load_asset: LoadAsset = refuse_assets,
) -> Image.Image:
    """Run the operations on one image, in order. Raises ImageError if an operation fails."""
    return next(run_pipeline_on_frames([image], operations, limits, load_asset))


def run_pipeline_on_frames(
    frames: Iterable[Image.Image],
    operations: Iterable[Operation],
    limits: Limits,
    load_asset: LoadAsset = refuse_assets,
) -> Iterator[Image.Image]:
    """Yield each frame after all operations. Raises ImageError if an operation fails.

    Frames are processed one at a time to save memory. Only a content-aware operation needs all frames in memory.
    """
    return _check_results(apply_operations(frames, operations, limits, load_asset))


def apply_operations(
    frames: Iterable[Image.Image],
    operations: Iterable[Operation],
    limits: Limits,
    load_asset: LoadAsset = refuse_assets,
) -> Iterable[Image.Image]:
    """Yield each frame after operations that are followed by others, so it may be larger than a result."""
    table = build_function_table(load_asset)
    for operation in operations:
        resolved = operation
        if is_content_aware(operation):
            frames = list(frames)
            resolved = resolve_to_crop(frames, operation)
        frames = _run_operation(frames, resolved, table[type(resolved)], limits)
    return frames


def _run_operation(
    frames: Iterable[Image.Image],
    operation: Operation,
    function: OperationFunction,
    limits: Limits,
) -> Iterator[Image.Image]:
    for frame in frames:
        # After a content-aware operation, the size is not known before this point.
        limits.check_size(compute_size_after(frame.size, operation))
        yield function(frame, operation)


def _check_results(frames: Iterable[Image.Image]) -> Iterator[Image.Image]:
    for frame in frames:
        check_result_size(frame.size)
        yield frame
