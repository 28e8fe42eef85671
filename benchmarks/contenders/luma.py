"""The floor: decode the luma of a JPEG at its full size, and do nothing with it."""

from io import BytesIO

from contenders.loop import run
from contest import BenchJob
from PIL import Image


def process(data: bytes, job: BenchJob) -> bytes:  # noqa: ARG001 - no job is done
    """Decode; there is no result."""
    image = Image.open(BytesIO(data))
    image.draft("L", image.size)
    image.load()
    return b""


if __name__ == "__main__":
    run(process)
