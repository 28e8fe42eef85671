"""Limit of the work of one job, which several outputs can multiply.

The worker limits the CPU time and the bytes of a job while it renders. A pipeline that would exceed these limits with
an ordinary photograph is refused when it is sent, instead of failing later for each image.
"""

from dataclasses import dataclass
from typing import Final, Self

from shared.errors import FieldError, InvalidPipeline
from shared.jobs.job import RawImage
from shared.pipeline.estimate import estimate
from shared.pipeline.image_formats import BY_NAME, JPEG, ImageFormat
from shared.pipeline.image_header import read_image_header
from shared.pipeline.pipeline import Pipeline
from shared.settings import ApiSettings

#: The outputs of a job may have this many times the bytes of the largest raw image, as in ``worker.sandbox.budget``.
_RESULT_FACTOR: Final = 2


@dataclass(frozen=True, slots=True)
class ExpectedImage:
    """The image for which the cost of a pipeline is estimated. By default, a photograph of 12 megapixels."""

    width: int = 4000
    height: int = 3000
    image_format: ImageFormat = JPEG

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return the image that a file contains, or the default if its header can't be read."""
        header = read_image_header(data)
        return cls(header.width, header.height, header.image_format) if header else cls()

    @classmethod
    def of(cls, raw: RawImage) -> Self:
        """Return the image that a job has stored, or the default if no worker has read its header."""
        image_format = BY_NAME.get(raw.format or "")
        return cls(raw.width, raw.height, image_format) if raw.width and raw.height and image_format else cls()


@dataclass(frozen=True, slots=True)
class OutputBudget:
    """What all outputs of a job may cost together."""

    #: CPU time.
    seconds: int
    result_bytes: int

    @classmethod
    def of(cls, settings: ApiSettings) -> Self:
        """Return the budget of the worker."""
        return cls(settings.render_seconds, _RESULT_FACTOR * settings.max_raw_bytes)

    def check(self, pipeline: Pipeline, pointer: str, image: ExpectedImage | None = None) -> None:
        """Raise InvalidPipeline if several outputs of an image are estimated to exceed the budget.

        ``pointer`` is the field of the request with the outputs. A pipeline with one output is not checked, because its
        cost depends only on the image.
        """
        if pipeline.is_single:
            return
        image = image or ExpectedImage()
        expected = estimate(image.image_format, (image.width, image.height), pipeline)
        for is_exceeded, cost, allowed, remedy in (
            (
                expected.milliseconds > self.seconds * 1000,
                f"take about {expected.milliseconds / 1000:.0f} s of CPU time",
                f"{self.seconds} s",
                "JPEG or WebP instead of AVIF",
            ),
            (
                expected.result_bytes > self.result_bytes,
                f"have about {expected.result_bytes:,} bytes",
                f"{self.result_bytes:,}",
                "a lossy format",
            ),
        ):
            if is_exceeded:
                raise InvalidPipeline(
                    errors=(
                        FieldError(
                            pointer,
                            f"the outputs of an image of {image.width} × {image.height} pixels {cost} together; at most"
                            f" {allowed} are allowed. Use fewer or smaller outputs, or {remedy}",
                        ),
                    )
                )
