"""The pipeline: the loop over operations, on one image or on the frames of an animation."""

from collections.abc import Iterable, Iterator, Sequence

from PIL import Image

from shared.errors import AssetUnusable
from shared.pipeline.limits import Limits, check_result_size
from shared.pipeline.pipeline import Grayscale, Operation
from shared.pipeline.sizes import compute_size_after, is_size_exact
from worker.imaging.operations import OperationFunction, build_function_table
from worker.imaging.operations.content_aware import is_content_aware, resolve_to_crop
from worker.imaging.operations.tone import grayscale
from worker.imaging.operations.watermark import LoadAsset
from worker.imaging.planner import Plan
from worker.imaging.scaling import apply_orientation, scale


def refuse_assets(name: str) -> Image.Image:
    """Refuse every name. Raises AssetUnusable."""
    raise AssetUnusable(f"There is no stored picture named {name}.")


def check_sizes(size: tuple[int, int], operations: Sequence[Operation], limits: Limits, frames: int = 1) -> None:
    """Raise what ``limits`` raise if a step would make an image that is too large, as far as can be foretold."""
    for done, operation in enumerate(operations, 1):
        if not is_size_exact(operations[:done]):
            return
        size = compute_size_after(size, operation)
        limits.check_size(size)
        limits.check_frames(frames, size)


def run_plan(image: Image.Image, planned: Plan, limits: Limits, load_asset: LoadAsset = refuse_assets) -> Image.Image:
    """Run a plan on one image that was decoded as it says. Raises ImageError."""
    if planned.convert_to_gray:
        image = grayscale(image, Grayscale())
    if planned.scaling:
        image = scale(image, planned.scaling, planned.decoding.shrink)
    return run_pipeline(apply_orientation(image, planned.orientation), planned.operations, limits, load_asset)


def run_pipeline(
    image: Image.Image,
    operations: Iterable[Operation],
    limits: Limits,
    load_asset: LoadAsset = refuse_assets,
) -> Image.Image:
    """Run the operations on one image, in their order. Raises ImageError."""
    return next(run_pipeline_on_frames([image], operations, limits, load_asset))


def run_pipeline_on_frames(
    frames: Iterable[Image.Image],
    operations: Iterable[Operation],
    limits: Limits,
    load_asset: LoadAsset = refuse_assets,
) -> Iterator[Image.Image]:
    """Run the operations on each frame as it comes, so that few large ones are in memory at a time.

    Only an operation that depends on the content must see all frames before the first goes on.
    """
    table = build_function_table(load_asset)
    for operation in operations:
        settled = operation
        if is_content_aware(operation):
            frames = list(frames)
            settled = resolve_to_crop(frames, operation)
        frames = _run_operation(frames, settled, table[type(settled)], limits)
    return _check_results(frames)


def _run_operation(
    frames: Iterable[Image.Image],
    operation: Operation,
    function: OperationFunction,
    limits: Limits,
) -> Iterator[Image.Image]:
    for frame in frames:
        # After a trim, sizes are known only now.
        limits.check_size(compute_size_after(frame.size, operation))
        yield function(frame, operation)


def _check_results(frames: Iterable[Image.Image]) -> Iterator[Image.Image]:
    for frame in frames:
        check_result_size(frame.size)
        yield frame
