"""Facts about images in the API, and where they must not appear."""

import json
import logging
from io import StringIO
from typing import Any

import boto3
import pytest
from support import metadata_files, sample_images
from support.moto_cloud import BUCKET, TABLE, Cloud

import api.dependencies
import notifier.app
import worker.app

#: Values of ``make_photo`` that only a read of its job may return.
PRIVATE = ("SECRET-CAPTION", "SECRET-NAME", "SECRET-CAMERA", "52.52", "13.41", "2026-05-01T12:30:45")
WITH_GPS = '{"gps": true}'


def make_photo() -> bytes:
    """Return a JPEG whose metadata is private."""
    text, rational = metadata_files.text, metadata_files.rational
    exif = metadata_files.make_exif(
        main=[text(0x010E, PRIVATE[0]), text(0x013B, PRIVATE[1]), text(0x0110, PRIVATE[2])],
        exif=[text(0x9003, "2026:05:01 12:30:45")],
        gps=[
            *(text(1, "N"), rational(2, (5252, 100), (0, 1), (0, 1))),
            *(text(3, "E"), rational(4, (1341, 100), (0, 1), (0, 1))),
        ],
    )
    return metadata_files.make_jpeg(exif=exif)


def complete_job(cloud: Cloud, **more: Any) -> str:
    """Create and process a job. Return its ID."""
    job_id: str = cloud.submit(make_photo(), **more)["id"]
    assert cloud.deliver(cloud.receive()) == []
    return job_id


def read_facts(cloud: Cloud, job_id: str) -> Any:
    """Return the facts of a job, or None."""
    return cloud.call("GET", f"/v1/jobs/{job_id}").json["facts"]


def find_private(document: Any) -> list[str]:
    """Return the private values that a document contains."""
    text = document if isinstance(document, str) else json.dumps(document, default=str)
    return [value for value in PRIVATE if value in text]


def test_completed_job_has_facts(cloud: Cloud) -> None:
    """Before, there are none."""
    job_id = cloud.submit(make_photo())["id"]
    assert read_facts(cloud, job_id) is None
    cloud.deliver(cloud.receive())
    facts = read_facts(cloud, job_id)
    assert (facts["width"], facts["height"], facts["orientation"], facts["frames"]) == (40, 30, 1, 1)
    assert (facts["caption"], facts["creator"], facts["camera"]["model"]) == PRIVATE[:3]
    assert facts["taken_at"] == PRIVATE[-1]
    assert (facts["has_c2pa"], facts["has_alpha"], facts["bit_depth"], facts["color_space"]) == (
        False,
        False,
        8,
        "sRGB",
    )
    assert len(facts["palette"]) == 5
    assert facts["dominant_color"] == facts["palette"][0]
    assert facts["thumbhash"]
    assert len(facts["perceptual_hash"]) == 16


def test_failed_job_has_no_facts(cloud: Cloud) -> None:
    """Its file may not be an image."""
    job_id = cloud.submit(make_photo()[:400])["id"]
    cloud.deliver(cloud.receive())
    job = cloud.call("GET", f"/v1/jobs/{job_id}").json
    assert (job["status"], job["facts"]) == ("FAILED", None)


@pytest.mark.parametrize("query", [{}, {"facts": "true"}, {"facts": "{}"}, {"facts": '{"gps": false}'}])
def test_position_is_absent_unless_the_request_asks_for_it(cloud: Cloud, query: dict[str, str]) -> None:
    """Not even the record has it."""
    job_id = complete_job(cloud, query=query)
    assert read_facts(cloud, job_id)["gps"] is None
    item = boto3.client("dynamodb").get_item(TableName=TABLE, Key={"ID": {"S": job_id}})["Item"]
    assert not {"52.52", "13.41"} & set(find_private(item))


def test_request_can_ask_for_the_position(cloud: Cloud) -> None:
    """It is an option of one job."""
    job_id = complete_job(cloud, query={"facts": WITH_GPS})
    assert read_facts(cloud, job_id)["gps"] == {"latitude": 52.52, "longitude": 13.41, "altitude": None}


def test_request_can_leave_facts_out(cloud: Cloud) -> None:
    """And then the record has none."""
    job_id = complete_job(cloud, query={"facts": "false"})
    assert read_facts(cloud, job_id) is None
    item = boto3.client("dynamodb").get_item(TableName=TABLE, Key={"ID": {"S": job_id}})["Item"]
    assert "Facts" not in item
    assert find_private(item) == []


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ("maybe", "/facts"),
        ("1", "/facts"),
        ('{"gps": "yes"}', "/facts/gps"),
        ('{"gps": 1}', "/facts/gps"),
        ('{"place": true}', "/facts/place"),
        ("[]", "/facts"),
    ],
)
def test_invalid_option_is_refused(cloud: Cloud, value: str, pointer: str) -> None:
    """The error names the field."""
    answer = cloud.call("POST", "/v1/jobs", body=make_photo(), query={"facts": value})
    assert (answer.status, answer.json["code"]) == (422, "INVALID_REQUEST")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_members_have_the_option_of_their_batch(cloud: Cloud) -> None:
    """A member can have another one."""
    types = {"content_type": "image/jpeg"}
    batch = cloud.post("/v1/batches", {"facts": False, "items": [types, {**types, "facts": {"gps": True}}]}).json
    first, second = (cloud.job(item["job"]["id"]) for item in batch["items"])
    assert first.facts_request is None
    assert second.facts_request is not None
    assert second.facts_request.gps


def test_retry_keeps_the_option(cloud: Cloud) -> None:
    """It can't be changed."""
    job_id = cloud.submit(make_photo()[:400], query={"facts": "false"})["id"]
    cloud.deliver(cloud.receive())
    refused = cloud.post(f"/v1/jobs/{job_id}/retry", {"facts": True})
    assert refused.json["errors"][0]["pointer"] == "/facts"
    assert cloud.post(f"/v1/jobs/{job_id}/retry", {}).status == 202
    assert cloud.job(job_id).facts_request is None


def test_listings_have_no_facts(cloud: Cloud) -> None:
    """Neither lists of jobs nor lists of members."""
    batch = cloud.post("/v1/batches", {"items": []}).json["batch"]["id"]
    job_id = complete_job(cloud, query={"facts": WITH_GPS})
    listed = cloud.call("GET", "/v1/jobs")
    assert [job["facts"] for job in listed.json["jobs"]] == [None]
    assert [job.facts for job in cloud.listing.fetch([job_id])] == [None]
    members = cloud.call("GET", f"/v1/batches/{batch}/results")
    assert find_private(listed.text) == find_private(members.text) == []


def test_events_have_no_facts(cloud: Cloud) -> None:
    """An event links to the job."""
    job_id = complete_job(cloud, query={"facts": WITH_GPS})
    assert cloud.notify(cloud.make_stream_record(job_id)) == []
    events = cloud.receive_events()
    assert len(events) == 1
    assert find_private(events) == []


def test_unreadable_changes_are_kept_without_facts(cloud: Cloud) -> None:
    """The queue of unreadable changes is for operators."""
    job_id = complete_job(cloud, query={"facts": WITH_GPS})
    change = cloud.make_stream_record(job_id)
    assert find_private(change) != []
    change["dynamodb"]["NewImage"]["Status"] = {"S": "UNKNOWN"}
    assert cloud.notify(change) == []
    (kept,) = cloud.receive(cloud.event_dead_letter_queue_url)
    assert job_id in kept["Body"]
    assert find_private(kept["Body"]) == []


def test_logs_have_no_facts(cloud: Cloud) -> None:
    """Of no function, at the most detailed level, not even if a change can't be read."""
    loggers = (api.dependencies.get_logger(), worker.app.logger, notifier.app.logger)
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(loggers[0].registered_formatter)
    levels = [logger.log_level for logger in loggers]
    try:
        for logger in loggers:
            logging.getLogger(logger.name).addHandler(handler)
            logger.setLevel("DEBUG")
        job_id = complete_job(cloud, query={"facts": WITH_GPS})
        change = cloud.make_stream_record(job_id)
        cloud.notify(change)
        change["dynamodb"]["NewImage"]["History"] = {"S": "damaged"}
        cloud.notify(change)
        cloud.call("GET", f"/v1/jobs/{job_id}")
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logging.getLogger(logger.name).removeHandler(handler)
            logger.setLevel(level)
    for message in ("Job accepted", "Record processed", "Event published", "Change can't be read"):
        assert message in written.getvalue()
    assert find_private(written.getvalue()) == []


def test_receipts_and_results_have_no_facts(cloud: Cloud) -> None:
    """Both can be shared with others."""
    job_id = complete_job(cloud, query={"facts": WITH_GPS})
    assert find_private(cloud.call("GET", f"/v1/jobs/{job_id}/receipt").text) == []
    for entry in boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="processed/")["Contents"]:
        stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=entry["Key"])
        assert find_private(stored["Body"].read().decode("latin-1") + json.dumps(stored["Metadata"])) == []


def test_deletion_removes_facts(cloud: Cloud) -> None:
    """The statement about the deletion does not contain them."""
    job_id = complete_job(cloud, query={"facts": WITH_GPS})
    job = cloud.job(job_id)
    tombstone = job.delete(now=job.timestamp, due_at=job.timestamp)
    assert job.facts is not None
    assert tombstone.facts is None
    assert cloud.jobs.compare_and_swap(job, tombstone)
    item = boto3.client("dynamodb").get_item(TableName=TABLE, Key={"ID": {"S": job_id}})["Item"]
    assert "Facts" not in item


def test_only_the_owner_reads_facts(cloud: Cloud) -> None:
    """Everyone else gets 404."""
    ann, bob = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("ann", "bob"))
    job_id = complete_job(cloud, identity=ann)
    assert cloud.call("GET", f"/v1/jobs/{job_id}", identity=bob).status == 404
    assert cloud.call("GET", f"/v1/jobs/{job_id}", identity=ann).json["facts"]


def test_upload_token_shows_no_facts_from_metadata(cloud: Cloud) -> None:
    """Others can have the token, too. Its options are those of its jobs."""
    made = cloud.post("/v1/tokens", {"facts": {"gps": True}}).json
    headers = {"Authorization": f"Bearer {made['token']}"}
    job_id = cloud.call("POST", "/v1/jobs", make_photo(), headers=headers).json["id"]
    cloud.deliver(cloud.receive())
    shown = cloud.call("GET", f"/v1/jobs/{job_id}", headers=headers)
    assert shown.json["facts"]["thumbhash"]
    assert find_private(shown.text) == []
    assert read_facts(cloud, job_id)["gps"]["latitude"] == 52.52


def test_repr_of_a_job_has_no_facts(cloud: Cloud) -> None:
    """A traceback or a log line can contain it."""
    job = cloud.job(complete_job(cloud, query={"facts": WITH_GPS}))
    assert find_private(repr(job)) == []


def test_facts_of_another_version_are_ignored(cloud: Cloud) -> None:
    """The job can still be read."""
    job_id = complete_job(cloud)
    boto3.client("dynamodb").update_item(
        TableName=TABLE,
        Key={"ID": {"S": job_id}},
        UpdateExpression="SET Facts = :facts",
        ExpressionAttributeValues={":facts": {"S": '{"width": "wide"}'}},
    )
    assert read_facts(cloud, job_id) is None


def test_default_job_of_a_large_jpeg_has_no_colors(cloud: Cloud) -> None:
    """Only its luma is decoded, because the result is gray. All other facts are there."""
    data = sample_images.make_jpeg(1200, 900)
    job_id = cloud.submit(data)["id"]
    colored = cloud.submit(data, query={"preset": "web"})["id"]
    cloud.deliver(cloud.receive())
    facts = read_facts(cloud, job_id)
    assert (facts["dominant_color"], facts["palette"]) == (None, [])
    assert facts["thumbhash"]
    assert len(read_facts(cloud, colored)["palette"]) > 1
