"""Decisions of the image processor that need no AWS."""

from dataclasses import replace

import pytest
from support.sample_jobs import make_job

from shared.aws.dynamodb.job_table import ClaimRefusal, RefusalReason
from shared.jobs.s3_events import CreatedObject
from worker.image_processor import FINAL_REFUSALS, _is_unused

JOB = make_job()
UPLOAD = CreatedObject(bucket="b", key=JOB.raw.key, size=1)
PINNED = replace(JOB, raw=replace(JOB.raw, key="raw/pinned/x/1"))


@pytest.mark.parametrize("reason", RefusalReason)
def test_an_upload_is_deleted_only_if_no_attempt_will_read_it(reason: RefusalReason) -> None:
    """Its job is gone or has expired, or refers to a copy of another upload."""
    is_final = reason in {RefusalReason.GONE, RefusalReason.EXPIRED}
    assert (reason in FINAL_REFUSALS) is is_final
    assert _is_unused(UPLOAD, ClaimRefusal(reason)) is is_final
    assert _is_unused(UPLOAD, ClaimRefusal(reason, JOB)) is is_final
    assert _is_unused(UPLOAD, ClaimRefusal(reason, PINNED))
