"""Steps of a plan: operations with the sizes before and after them."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.errors import ImageError
from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import Operation
from shared.pipeline.sizes import Size, compute_largest_size_after, compute_size_after, is_size_exact


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, and the size of the image before and after it."""

    operation: Operation
    before: Size
    #: The largest possible size if ``exact`` is False.
    after: Size
    #: False from a ``trim`` on, because it depends on the content of the image.
    exact: bool = True


class Steps(list[Step]):
    """The steps from a start size on."""

    def __init__(self, start: Size, *, exact: bool = True) -> None:
        """Start without steps. ``exact`` is False if ``start`` is only the largest possible size."""
        super().__init__()
        self._start = start
        self._starts_exact = exact

    @property
    def size(self) -> Size:
        """Return the size after the last step."""
        return self[-1].after if self else self._start

    @property
    def exact(self) -> bool:
        """Return True if the size is certain, that is, if there was no ``trim``."""
        return self[-1].exact if self else self._starts_exact

    def apply(self, operations: Sequence[Operation], limits: Limits, frames: int) -> None:
        """Append a step for each operation. Raises ImageError if the image exceeds a limit.

        From a ``trim`` on, sizes are only upper bounds, so no failure is predicted.
        """
        for operation in operations:
            exact = self.exact and is_size_exact((operation,))
            before = self.size
            try:
                after = (compute_size_after if self.exact else compute_largest_size_after)(before, operation)
            except ImageError:
                if exact:
                    raise
                after = before
            self.append(Step(operation, before, after, exact))
            if exact:
                limits.check_size(after)
                limits.check_frames(frames, after)
