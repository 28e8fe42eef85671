"""pyvips, used as its documentation recommends: ``thumbnail_buffer`` scales the image down during decoding."""

import pyvips
from bench_jobs import BenchJob
from contenders.loop import run


def process(data: bytes, job: BenchJob) -> bytes:
    """Process one image."""
    crop = {"crop": "centre"} if job.fit == "cover" else {}
    image = pyvips.Image.thumbnail_buffer(
        data, job.width, height=job.height, size="down", export_profile="srgb", **crop
    )
    if job.gray:
        image = image.colourspace("b-w")
    if job.mark:
        mask = pyvips.Image.text(job.mark, dpi=72, font=f"sans {image.width // 20}")
        left, upper = image.width - mask.width - 20, image.height - mask.height - 20
        white = mask.new_from_image([255, 255, 255]).copy(interpretation="srgb").bandjoin(mask)
        image = image.composite2(white, "over", x=left, y=upper).flatten()
    options = {"compression": 6} if job.format == "png" else {"Q": job.quality}
    return bytes(image.write_to_buffer(f".{job.format}", strip=True, **options))


if __name__ == "__main__":
    run(process)
