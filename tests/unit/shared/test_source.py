"""Tests of S3 locations and import sources."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.dynamodb.job_item import from_item, to_item
from shared.aws.dynamodb.wire import from_wire, to_wire
from shared.jobs.job import ANONYMOUS, Job, JobStatus, RawImage
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource, S3Location, parse_s3_location
from shared.pipeline.pipeline import DEFAULT_PIPELINE

NOW = datetime(2026, 11, 22, tzinfo=UTC)
KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200).filter(
    lambda key: not {".", ".."} & set(key.split("/"))
)


@given(KEYS, st.none() | st.text(min_size=1))
def test_location_round_trips(key: str, version: str | None) -> None:
    """Slashes and spaces are part of the key."""
    found = parse_s3_location(f"s3://a-bucket/{key}", version)
    assert found == S3Location(bucket="a-bucket", key=key, version=version)
    assert found.uri == f"s3://a-bucket/{key}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "S3://bucket/key",
        "https://bucket/key",
        "bucket/key",
        "s3://bucket/a/../b",
        "s3://bucket/..",
        "s3://bucket/./a",
        "s3://bucket/\ud800",
        "s3://bucket/" + "ü" * 513,
    ],
)
def test_malformed_locations_are_refused(text: str) -> None:
    """Malformed URIs, ambiguous keys and keys that S3 does not allow are refused."""
    assert parse_s3_location(text) is None


@given(KEYS, st.none() | st.text(st.characters(codec="utf-8"), min_size=1))
def test_item_keeps_the_source(key: str, version: str | None) -> None:
    """The source round-trips through the item, and the job is PENDING."""
    source = ImportSource(location=S3Location(bucket="a-bucket", key=key, version=version), etag='"1-2"')
    job = Job.new(
        JobSpec(DEFAULT_PIPELINE),
        job_id="01HZY3Q1M8Z3J5W7XK9V2B4C6D",
        filename="a.jpg",
        raw=RawImage(key="raw/import/01HZY3Q1M8Z3J5W7XK9V2B4C6D", size=7),
        owner=ANONYMOUS,
        now=NOW,
        due_after=timedelta(minutes=1),
        retention=timedelta(days=1),
        source=source,
    )
    assert (job.status, job.source) == (JobStatus.PENDING, source)
    assert from_item(from_wire(to_wire(to_item(job, "images", 4)))) == job
