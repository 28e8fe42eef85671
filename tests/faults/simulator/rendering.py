"""Images that cost nothing: a few bytes that look like a JPEG, and a render double that obeys them.

The double stands where ``worker.imaging.render`` does; what it makes differs from attempt to attempt, so that two
attempts can't hide behind equal bytes.
"""

from collections.abc import Callable, Mapping
from typing import Final

from shared.errors import CorruptImage
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, Rendered
from worker.imaging.encode import EncodedImage

GOOD: Final = b"\xff\xd8\xff\xe0 good"
#: Fails its own job with CORRUPT_IMAGE.
BAD: Final = b"\xff\xd8\xff\xe0 bad"
#: Takes its worker down, every time.
DEADLY: Final = b"\xff\xd8\xff\xe0 deadly"


def quick_render(
    nonce: Callable[[], int], die: Callable[[], None], work: Callable[[], None]
) -> Callable[..., Rendered]:
    """Make a render double; ``nonce`` tells attempts apart, ``work`` lets time pass."""

    def render(data: bytes, pipeline: Pipeline, limits: Limits, assets: Mapping[str, bytes]) -> Rendered:  # noqa: ARG001
        work()
        if data.startswith(DEADLY):
            die()
        if data.startswith(BAD):
            raise CorruptImage
        made = EncodedImage
        return Rendered(
            format="JPEG",
            width=1,
            height=1,
            outputs=tuple(
                (
                    output,
                    made(data=b"%s %d" % (data, nonce()), width=1, height=1, format=output.format),
                )
                for output in pipeline.outputs
            ),
            warnings=(),
        )

    return render


class QuickSandbox:
    """Stands in for ``worker.sandbox.Sandbox``: no processes, and a render that the stage chooses."""

    #: Set by the stage.
    render: Callable[..., Rendered]

    def __init__(self, *_: object, **__: object) -> None:
        """Need nothing."""

    def warm_up(self) -> None:
        """Start nothing."""
