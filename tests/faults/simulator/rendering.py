"""Images that cost nothing: a few bytes that look like a JPEG, and a double of ``render`` that obeys them.

The output differs between attempts, so equal bytes cannot hide two attempts.
"""

from collections.abc import Callable, Mapping
from typing import Final

from shared.errors import CorruptImage, RenderInterrupted
from shared.pipeline.facts import FactsRequest, GpsPosition, ImageFacts
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult
from worker.imaging.encode import EncodedImage

GOOD: Final = b"\xff\xd8\xff\xe0 good"
#: The render double raises CorruptImage, so the job fails with CORRUPT_IMAGE.
BAD: Final = b"\xff\xd8\xff\xe0 bad"
#: Kills its worker every time.
DEADLY: Final = b"\xff\xd8\xff\xe0 deadly"
#: A good image whose child process is killed from outside in the first attempt.
KILLED_ONCE: Final = GOOD + b", child killed once"
#: Kills its child process in every attempt.
KILLING: Final = b"\xff\xd8\xff\xe0 killing"
#: No event may contain the text of the caption.
PRIVATE_TEXT: Final = "PRIVATE-CAPTION"
PRIVATE_FACTS: Final = ImageFacts(
    width=1,
    height=1,
    orientation=1,
    frames=1,
    has_alpha=False,
    bit_depth=8,
    color_space="sRGB",
    thumbhash="",
    perceptual_hash="0" * 16,
    has_c2pa=False,
    caption=PRIVATE_TEXT,
    gps=GpsPosition(latitude=52.52, longitude=13.41),
)

#: Width of every image after the shared operations, pixels.
FULL_WIDTH: Final = 1000
#: Six outputs; three more are wider than the image.
SEVERAL: Final = Pipeline.model_validate(
    {"responsive": {"widths": [320, 640, 2000], "formats": ["avif", "webp", "jpeg"]}}
)


def quick_render(
    nonce: Callable[[], int],
    die: Callable[[], None],
    work: Callable[[], None],
    is_first: Callable[[], bool],
) -> Callable[..., RenderResult]:
    """Return a render double; ``nonce`` distinguishes attempts, ``work`` lets time pass.

    ``is_first`` returns True once per run of the simulator.
    """

    def render(
        data: bytes,
        pipeline: Pipeline,
        limits: Limits,  # noqa: ARG001
        assets: Mapping[str, bytes],  # noqa: ARG001
        facts: FactsRequest | None = None,
    ) -> RenderResult:
        work()
        if data.startswith(DEADLY):
            die()
        if data.startswith(KILLING) or (data.startswith(KILLED_ONCE) and is_first()):
            raise RenderInterrupted
        if data.startswith(BAD):
            raise CorruptImage
        made = EncodedImage
        return RenderResult(
            format="JPEG",
            width=1,
            height=1,
            full_width=FULL_WIDTH,
            outputs=tuple(
                (
                    output,
                    made(data=b"%s %d" % (data, nonce()), width=1, height=1, format=output.format),
                )
                for output in pipeline.expand_outputs(FULL_WIDTH).outputs
            ),
            warnings=(),
            facts=PRIVATE_FACTS if facts else None,
        )

    return render


class QuickSandbox:
    """A double of ``worker.sandbox.Sandbox``: no processes, and a render double."""

    #: Set by ``Functions``.
    render: Callable[..., RenderResult]

    def __init__(self, *_: object, **__: object) -> None:
        """Ignore all arguments."""

    def warm_up(self) -> None:
        """Start nothing."""
