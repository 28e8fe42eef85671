"""The pipeline: the loop, and nothing else."""

from collections.abc import Iterable

from PIL import Image

from shared.pipeline import Operation
from shared.sizes import size_after
from worker.imaging import operations as table
from worker.imaging.limits import Limits


def check_sizes(size: tuple[int, int], operations: Iterable[Operation], limits: Limits) -> None:
    """Raise what ``limits`` raise if a step would make a picture that is too large."""
    for operation in operations:
        size = size_after(size, operation)
        limits.check_size(size)


def run_pipeline(image: Image.Image, operations: Iterable[Operation]) -> Image.Image:
    """Run the operations in their order."""
    for operation in operations:
        image = table.apply(image, operation)
    return image
