"""Pages with links to many outputs."""

from dataclasses import replace

import pytest
from support.sample_jobs import NOW, make_processing_job

from api.jobs.responses import MAX_LINKED_OUTPUTS, limit_outputs
from shared.jobs.job import Job, ProcessedImage


def make_job(outputs: int) -> Job:
    """Return a completed job with a number of outputs."""
    image = ProcessedImage(
        name="a", key="processed/a", size=1, width=1, height=1, format="PNG", media_type="image/png", digest="00" * 32
    )
    job = make_processing_job()
    return job.complete(
        raw=job.raw,
        outputs=tuple(replace(image, name=f"a{number}") for number in range(outputs)),
        warnings=(),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("outputs", "count"),
    [
        ([1] * 100, 100),
        ([40] * 100, 25),
        ([40] * 25, 25),
        ([MAX_LINKED_OUTPUTS + 1, 1], 1),
        ([], 0),
    ],
)
def test_page_with_links_fits_into_a_response(outputs: list[int], count: int) -> None:
    """It ends before the job that would exceed the limit, and has at least one job."""
    assert len(limit_outputs([make_job(each) for each in outputs])) == count
