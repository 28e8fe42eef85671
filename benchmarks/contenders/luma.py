"""A lower bound for the time: decode the luma of a JPEG in full size without processing it."""

from io import BytesIO

from bench_jobs import BenchJob
from contenders.loop import run
from PIL import Image


def process(data: bytes, job: BenchJob) -> bytes:  # noqa: ARG001 - the job is ignored
    """Decode the image, and return empty bytes."""
    image = Image.open(BytesIO(data))
    image.draft("L", image.size)
    image.load()
    return b""


if __name__ == "__main__":
    run(process)
