"""One raw image to all of its outputs: bytes in, bytes out, no state.

It takes and returns plain values, so that it can run in a process of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from shared.pipeline import Output, Pipeline
from worker.imaging.decode import decode
from worker.imaging.encode import EncodedImage, encode
from worker.imaging.limits import Limits
from worker.imaging.run import check_sizes, run_pipeline

NO_ASSETS: Final[Mapping[str, bytes]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a pipeline made of a picture."""

    format: str
    """Of the raw image, as decoded."""
    width: int
    """Of the raw image, upright, pixels."""
    height: int
    outputs: tuple[tuple[Output, EncodedImage], ...]
    warnings: tuple[str, ...]


def render(
    data: bytes,
    pipeline: Pipeline,
    limits: Limits,
    assets: Mapping[str, bytes] = NO_ASSETS,  # noqa: ARG001 - no operation needs one yet
) -> Rendered:
    """Decode, run the operations, encode each output. Raises ImageError.

    ``assets`` are the files, by name, that operations of the pipeline refer to.
    """
    picture = decode(data, limits)
    check_sizes(picture.size, pipeline.operations, limits)
    image = run_pipeline(picture.image, pipeline.operations)
    return Rendered(
        format=picture.format,
        width=picture.size[0],
        height=picture.size[1],
        outputs=tuple((output, encode(image, output)) for output in pipeline.outputs),
        warnings=picture.warnings,
    )
