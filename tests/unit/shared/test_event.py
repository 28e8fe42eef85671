"""Tests of the events that are sent when jobs end."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from support.sample_jobs import LATER, RAW, make_job, make_processing_job

from shared.clock import to_iso
from shared.jobs.job import TERMINAL, Job, JobFailure, JobStatus, ProcessedImage
from shared.webhooks.event import JOB_EVENTS, build_job_event, event_id

FACTS = ProcessedImage(
    name="large", key="processed/k", size=9, width=4, height=3, format="PNG", media_type="image/png", digest="00"
)
FAILURE = JobFailure(code="NOT_AN_IMAGE", message="It is none.", retriable=False)


def ended() -> dict[JobStatus, Job]:
    """Return a job in each state in which one may end."""
    return {
        JobStatus.COMPLETED: make_processing_job().complete(raw=RAW, outputs=(FACTS,), warnings=(), now=LATER),
        JobStatus.FAILED: make_processing_job().fail(FAILURE, now=LATER),
        JobStatus.CANCELLED: make_job().cancel(now=LATER),
        JobStatus.EXPIRED: replace(make_job(), status=JobStatus.AWAITING_UPLOAD).expire(FAILURE, now=LATER),
    }


def parse_event(job: Job, api_url: str = "") -> dict[str, Any]:
    """Return the envelope about a job."""
    document: dict[str, Any] = json.loads(build_job_event(job, source="urn:safelight:test", api_url=api_url).body)
    return document


def test_every_terminal_status_has_an_event_type() -> None:
    """Each terminal status has its own event type; other statuses have none."""
    assert JOB_EVENTS.keys() == TERMINAL
    assert len(set(JOB_EVENTS.values())) == len(TERMINAL)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_event_is_a_cloudevent(status: JobStatus) -> None:
    """It has the required attributes of CloudEvents 1.0 and the time of the transition."""
    event = parse_event(ended()[status])
    assert event["specversion"] == "1.0"
    for attribute in ("id", "source", "type", "subject"):
        assert isinstance(event[attribute], str)
        assert event[attribute]
    assert all(name.isalnum() and name.islower() for name in event), "the names that CloudEvents allows"
    assert datetime.fromisoformat(event["time"]) == LATER
    assert (event["data"]["status"], event["data"]["job_id"]) == (status.value, event["subject"])


def test_event_id_depends_on_job_and_generation() -> None:
    """Duplicates have the same ID; the end after a retry has another one."""
    failed = ended()[JobStatus.FAILED]
    again = failed.retry(now=LATER, due_after=LATER - failed.uploaded_at).cancel(now=LATER)
    assert build_job_event(failed, source="a", api_url="").id == event_id(failed) == parse_event(failed)["id"]
    assert event_id(again) != event_id(failed)
    assert "." not in event_id(failed), "a full stop would be ambiguous in a signature"


def test_event_has_no_object_keys_and_no_caller() -> None:
    """It has facts and links, but neither object keys nor the caller."""
    job = ended()[JobStatus.COMPLETED]
    text = json.dumps(parse_event(job, "https://api.test/prod"))
    assert FACTS.key not in text
    assert RAW.key not in text
    assert job.owner not in text
    assert parse_event(job, "https://api.test/prod")["data"]["links"] == {
        "self": f"https://api.test/prod/v1/jobs/{job.id}",
        "result": f"https://api.test/prod/v1/jobs/{job.id}/result",
    }
    assert parse_event(job)["data"]["timestamp"] == to_iso(LATER)


def test_failure_event_has_the_error() -> None:
    """It has code, message and retryability, and no link to a result."""
    data = parse_event(ended()[JobStatus.FAILED])["data"]
    assert data["error"] == {"code": FAILURE.code, "message": FAILURE.message, "retriable": False}
    assert data["links"].keys() == {"self"}


def test_open_job_has_no_event() -> None:
    """A job that has not ended has no event."""
    with pytest.raises(KeyError):
        build_job_event(make_job(), source="a", api_url="")
