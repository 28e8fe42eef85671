"""OpenCV, used as in its tutorials: decode, resize with INTER_AREA, encode."""

from typing import Any

import cv2
import numpy as np
from bench_jobs import BenchJob
from contenders.loop import run


def process(data: bytes, job: BenchJob) -> bytes:
    """Process one image."""
    image: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    if job.fit == "cover":
        scale = max(job.width / width, job.height / height)
        cut_width, cut_height = round(job.width / scale), round(job.height / scale)
        left, upper = (width - cut_width) // 2, (height - cut_height) // 2
        image = image[upper : upper + cut_height, left : left + cut_width]
        size = job.width, job.height
    else:
        scale = min(job.width / width, job.height / height, 1)
        size = round(width * scale), round(height * scale)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if job.mark:
        at = size[0] - 250, size[1] - 20
        cv2.putText(image, job.mark, at, cv2.FONT_HERSHEY_SIMPLEX, 1.6, (255, 255, 255), 2, cv2.LINE_AA)
    if job.gray:
        image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    options: dict[str, Any] = {
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 6],
        "jpeg": [cv2.IMWRITE_JPEG_QUALITY, job.quality],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, job.quality],
        "avif": [cv2.IMWRITE_AVIF_QUALITY, job.quality],
    }
    return bytes(cv2.imencode(f".{job.format}", image, options[job.format])[1])


if __name__ == "__main__":
    run(process)
