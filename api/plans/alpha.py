"""Whether an image can have transparent pixels after an operation: True, False, or None where nobody knows."""

from shared.pipeline.operations import Background, Fit, Operation, Pad, Resize, Rotate, RoundCorners
from shared.pipeline.sizes import Size, fit_size


def alpha_after(alpha: bool | None, operation: Operation, before: Size) -> bool | None:
    """Return what an operation makes of transparency, given the size before it."""
    match operation:
        case RoundCorners():
            return True
        case Background(color=color):
            return False if _is_opaque(color) else alpha
        case Pad(background=color) | Rotate(background=color) | Resize(background=color) if _lays_on(operation, before):
            return not _is_opaque(color)
        case _:
            return alpha


def _lays_on(operation: Pad | Rotate | Resize, before: Size) -> bool:
    """Tell whether an operation adds area that the background fills."""
    if isinstance(operation, Pad):
        return any((operation.top, operation.right, operation.bottom, operation.left))
    if isinstance(operation, Rotate):
        return operation.angle % 90 != 0
    box = (operation.width, operation.height)
    return operation.fit is Fit.CONTAIN and fit_size(before, box, enlarge=operation.enlarge) != box


def _is_opaque(color: str) -> bool:
    """Tell ``#rrggbb`` and ``#rrggbbff`` from colors that something shows through."""
    return len(color) == 7 or color.lower().endswith("ff")
