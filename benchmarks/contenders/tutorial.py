"""Pillow, used as in tutorials: open, convert to RGB, resize with LANCZOS, convert to grayscale, save."""

from io import BytesIO

from bench_jobs import BenchJob
from contenders.loop import run
from PIL import Image, ImageDraw, ImageFont, ImageOps


def process(data: bytes, job: BenchJob) -> bytes:
    """Process one image."""
    image = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGB")
    if job.fit == "cover":
        image = ImageOps.fit(image, (job.width, job.height), Image.Resampling.LANCZOS)
    else:
        scale = min(job.width / image.width, job.height / image.height, 1)
        size = round(image.width * scale), round(image.height * scale)
        image = image.resize(size, Image.Resampling.LANCZOS)
    if job.mark:
        font = ImageFont.load_default(image.width // 20)
        ImageDraw.Draw(image).text((image.width - 20, image.height - 20), job.mark, "white", font, "rd")
    if job.gray:
        image = image.convert("L")
    file = BytesIO()
    options = {"compress_level": 6} if job.format == "png" else {"quality": job.quality}
    image.save(file, job.format, **options)
    return file.getvalue()


if __name__ == "__main__":
    run(process)
