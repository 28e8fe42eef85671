"""Links to processed images, signed for whoever asks."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.aws.s3.image_store import ImageStore
from shared.filenames import with_extension
from shared.jobs.job import Job, ProcessedImage
from shared.pipeline.image_formats import BY_NAME

Sign = Callable[[Job, ProcessedImage], str]


def signer(images: ImageStore, now: datetime, lifetime: timedelta) -> Sign:
    """Return what signs a link to an output, which downloads it under the job's name."""

    def sign(job: Job, facts: ProcessedImage) -> str:
        filename = with_extension(job.filename, BY_NAME[facts.format].extension)
        return images.link(facts, filename=filename, lifetime=lifetime, now=now).url

    return sign
