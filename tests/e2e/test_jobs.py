"""Jobs on an engine: template, gateway, queue, functions and HTTP."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site, count_attempts, get, send_until_admitted, wait_until

from safelight import Safelight

DEMO_IMAGES = Path(__file__).parents[2] / "safelight" / "demo_images"
PHOTO = (DEMO_IMAGES / "astronaut.jpg").read_bytes()


def test_required_job_flow(site: Site) -> None:
    """Base64 text leads to 202, the processed object, and the seven attributes of the record."""
    text = base64.b64encode(PHOTO).decode()
    headers = {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="astronaut.jpg"'}
    answer = site.http.post("jobs", content=text, headers=headers)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"{site.stack.api_url}/jobs/{job['id']}"
    done = site.wait_until_done(job["id"])
    assert get(answer.headers["Location"]).json()["status"] == "COMPLETED"
    assert done["key"].startswith("processed/")
    data = site.s3.get_object(Bucket=site.stack.bucket, Key=done["key"])["Body"].read()
    image = sample_images.decode(data)
    assert (image.format, image.mode) == ("PNG", "L")
    item = site.item(job["id"])
    assert {name: item[name] for name in ("ID", "Filename", "Status", "Timestamp", "S3Path", "Size", "Format")} == {
        "ID": {"S": job["id"]},
        "Filename": {"S": "astronaut.jpg"},
        "Status": {"S": "COMPLETED"},
        "Timestamp": {"S": done["timestamp"]},
        "S3Path": {"S": f"s3://{site.stack.bucket}/{done['key']}"},
        "Size": {"N": str(len(data))},
        "Format": {"S": "PNG"},
    }


def test_head_has_the_headers_of_get_without_a_body(site: Site) -> None:
    """Also the length of the body, on a connection that then serves the next request."""
    job = site.wait_until_done(site.submit(PHOTO)["id"])
    for path in (f"jobs/{job['id']}", f"jobs/{job['id']}/receipt", "nothing", "presets/web"):
        known, asked = (
            send_until_admitted(partial(site.http.request, method, path, headers={"Accept-Encoding": "identity"}))
            for method in ("GET", "HEAD")
        )
        assert (asked.status_code, asked.content) == (known.status_code, b"")
        assert {name: asked.headers.get(name) for name in ("Content-Type", "ETag")} == {
            name: known.headers.get(name) for name in ("Content-Type", "ETag")
        }
        assert int(asked.headers["Content-Length"]) == len(known.content)


def test_prefer_wait_returns_the_finished_job(site: Site) -> None:
    """With 200 and the image key."""
    headers = {"Content-Type": "text/plain", "Prefer": "wait=20"}
    answers: list[httpx.Response] = []

    def is_finished() -> bool:
        """Return False if the machine was too busy to finish the job within 20 s."""
        answers.append(site.http.post("jobs", content=base64.b64encode(PHOTO), headers=headers))
        assert answers[-1].status_code in {200, 202}
        return answers[-1].status_code == 200

    wait_until(is_finished)
    answer = answers[-1]
    assert answer.headers["Preference-Applied"] == "wait=10"
    assert site.keys(answer.json()["key"]) == [answer.json()["key"]]


@pytest.mark.parametrize("file", sorted(path.name for path in DEMO_IMAGES.glob("*.[jpw]*")))
def test_demo_images_are_processed(site: Site, file: str, tmp_path: Path) -> None:
    """Sideways, transparent, progressive, WebP, 12 megapixels: each result matches its record."""
    raw = (DEMO_IMAGES / file).read_bytes()
    done = site.wait_until_done(site.submit(raw, filename=file)["id"])
    if file == "not-an-image.png":
        assert (done["status"], done["error"]["code"]) == ("FAILED", "NOT_AN_IMAGE")
        return
    assert done["status"] == "COMPLETED", done["error"]
    with Safelight(site.stack.api_url) as client:
        saved = client.download(done["id"], tmp_path / "result.png")
    data = saved.read_bytes()
    assert hashlib.sha256(data).hexdigest() == done["result"]["digest"]
    image = sample_images.decode(data)
    assert image.size == (done["result"]["width"], done["result"]["height"])
    assert max(image.size) <= 1024
    assert (image.width > image.height) == (done["raw"]["width"] > done["raw"]["height"])


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (PHOTO, {"Content-Type": "application/octet-stream"}),
        pytest.param(
            PHOTO,
            {"Content-Type": "application/x-www-form-urlencoded"},
            marks=pytest.mark.not_on("localstack", reason="it parses such a body as a form and drops the rest"),
        ),
        (base64.encodebytes(PHOTO), {"Content-Type": "text/plain"}),
        (b"data:image/jpeg;base64," + base64.b64encode(PHOTO), {"Content-Type": "text/plain"}),
        (b'{"content": "' + base64.b64encode(PHOTO) + b'"}', {"Content-Type": "application/json"}),
    ],
)
def test_every_body_type_arrives_unchanged(site: Site, content: bytes, headers: dict[str, str]) -> None:
    """The digest of the raw image is that of the file."""
    answer = site.http.post("jobs", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["raw"]["digest"] == hashlib.sha256(PHOTO).hexdigest()


def test_form_arrives_unchanged(site: Site) -> None:
    """With file, name and options, as browsers and curl -F send it."""
    answer = site.http.post("jobs", files={"file": ("me.jpg", PHOTO, "image/jpeg")}, data={"width": "50"})
    assert answer.status_code == 202, answer.text
    done = site.wait_until_done(answer.json()["id"])
    assert (done["filename"], done["result"]["width"]) == ("me.jpg", 50)
    assert done["raw"]["digest"] == hashlib.sha256(PHOTO).hexdigest()


def test_many_images_are_processed_concurrently(site: Site, request: pytest.FixtureRequest) -> None:
    """Each job is completed in one attempt, and the worker gets batches of several records."""
    count = 100 if request.config.getoption("--thorough") else 40

    def submit(number: int) -> str:
        return str(site.submit(sample_images.make_jpeg(40 + number, 30), filename=f"{number}.jpg")["id"])

    # The messages collect in the queue, so that batches do not depend on the speed of the callers.
    with site.pause_worker(), ThreadPoolExecutor(16) as callers:
        ids = list(callers.map(submit, range(count)))
    assert len(set(ids)) == count
    done = [site.wait_until_done(job_id) for job_id in ids]
    assert {job["status"] for job in done} == {"COMPLETED"}
    assert set(map(count_attempts, done)) == {1}
    assert [job["result"]["width"] for job in done] == [40 + number for number in range(count)]
    created = [key for key in site.keys("processed/") if key.split("/")[1] in set(ids)]
    assert len(created) == count

    def list_larger_batches() -> list[str]:
        counts = (line for line in site.read_log("worker") if '"Records received"' in line)
        return [line for line in counts if '"count":1}' not in line]

    wait_until(list_larger_batches)


REFUSED: list[tuple[Any, dict[str, str], dict[str, str], int, str]] = [
    (b"", {"Content-Type": "image/jpeg"}, {}, 400, "BODY_EMPTY"),
    (b"not base64!", {"Content-Type": "text/plain"}, {}, 400, "BAD_BASE64"),
    (base64.b64encode(b"just words"), {"Content-Type": "text/plain"}, {}, 415, "UNSUPPORTED_TYPE"),
    (bytes(7_000_000), {"Content-Type": "image/jpeg"}, {}, 413, "BODY_TOO_LARGE"),
    (PHOTO, {"Content-Type": "text/html"}, {}, 415, "UNSUPPORTED_MEDIA_TYPE"),
    (b"{", {"Content-Type": "application/json"}, {}, 400, "BAD_JSON"),
    (PHOTO, {"Content-Type": "image/jpeg"}, {"width": "0", "height": "0"}, 422, "INVALID_PIPELINE"),
    (PHOTO, {"Content-Type": "image/jpeg"}, {"pipeline": '{"operations":[{"op":"swirl"}]}'}, 422, "INVALID_PIPELINE"),
]


@pytest.mark.parametrize(("content", "headers", "params", "status", "code"), REFUSED)
def test_invalid_requests_store_nothing(  # noqa: PLR0917 - one row of the table above
    site: Site,
    content: bytes,
    headers: dict[str, str],
    params: dict[str, str],
    status: int,
    code: str,
) -> None:
    """Each refusal is a problem document with its status and code."""
    before = site.list_single_jobs()
    answer = site.http.post("jobs", content=content, headers=headers, params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    # Jobs of earlier tests may still be copied, deleted or expired meanwhile.
    assert site.list_single_jobs() <= before


def test_truncated_image_fails_its_job(site: Site) -> None:
    """In one attempt and without a processed image."""
    done = site.wait_until_done(site.submit(PHOTO[: len(PHOTO) // 2])["id"])
    assert (done["status"], done["error"]["code"], count_attempts(done)) == ("FAILED", "TRUNCATED_IMAGE", 1)
    assert site.keys(f"processed/{done['id']}/") == []


@pytest.mark.parametrize("job_id", ["01HZY3Q1M8Z3J5W7XK9V2B4C6D", "no-id", "..%2F..%2Fetc", "%00", "x" * 300])
def test_unknown_id_is_not_found(site: Site, job_id: str) -> None:
    """Unknown and malformed IDs both get 404."""
    answer = site.http.get(f"jobs/{job_id}")
    assert (answer.status_code, answer.json()["code"]) in {(404, "JOB_NOT_FOUND"), (404, "ROUTE_NOT_FOUND")}


@pytest.mark.parametrize("name", ["../../etc/passwd", 'quo"ted.jpg', "two\nlines.jpg", "😀.jpg"])
def test_hostile_file_names_are_harmless(site: Site, name: str) -> None:
    """They are in no key or header, and the result can be downloaded."""
    done = site.wait_until_done(site.submit(sample_images.make_jpeg(), filename=name)["id"])
    assert done["key"] == f"processed/{done['id']}/{done['attempts']}/image.png"
    assert not set(done["filename"]) & set("/\n")
    redirected = site.http.get(f"jobs/{done['id']}/result", follow_redirects=True)
    assert redirected.status_code == 200
    assert redirected.headers["Content-Disposition"].startswith("attachment; ")
    assert sample_images.decode(redirected.content).size == (64, 48)


def test_unreadable_message_becomes_a_dead_letter(site: Site) -> None:
    """Other jobs are completed."""
    sent = site.sqs.send_message(QueueUrl=site.stack.dead_letter_queue_url, MessageBody="who sent this?")
    done = site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])
    assert done["status"] == "COMPLETED"
    wait_until(lambda: site.keys(f"dead-letters/{sent['MessageId']}"))


def test_list_and_documents_are_served(site: Site) -> None:
    """The list has the new job."""
    # By its name, because the walker may create many jobs for backfills of earlier tests.
    job = site.submit(sample_images.make_jpeg(), filename="listed.jpg")
    listed = site.http.get("jobs", params={"filename": "listed.jpg"}).json()["jobs"]
    assert [each["id"] for each in listed] == [job["id"]]
    assert (
        site.http.get("openapi.json").json()["servers"][0]["variables"]["baseUrl"]["default"] + "/v1"
        == site.stack.api_url
    )
    assert "<html" in site.http.get("docs").text
    assert site.http.get("health").json()["status"] == "ok"


def test_wrong_method_and_unknown_path_are_problems(site: Site) -> None:
    """The function answers them, not the gateway."""
    for method, path, status, code in (
        ("PATCH", "jobs", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "nothing/here", 404, "ROUTE_NOT_FOUND"),
    ):
        answer = site.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_links_use_the_host_of_the_request(site: Site) -> None:
    """Location and result link have the host name of the caller and work."""
    url = httpx.URL(site.stack.api_url)
    other = str(url.copy_with(host="localhost"))
    answer = httpx.post(f"{other}/jobs", content=PHOTO, headers={"Content-Type": "image/jpeg"}, timeout=HTTP_SECONDS)
    assert answer.headers["Location"].startswith(f"{other}/jobs/")
    job = site.wait_until_done(answer.json()["id"])
    redirect = httpx.get(f"{other}/jobs/{job['id']}/result", timeout=HTTP_SECONDS)
    assert redirect.status_code == 303
    assert httpx.URL(redirect.headers["Location"]).netloc == httpx.URL(other).netloc
    data = httpx.get(redirect.headers["Location"], timeout=HTTP_SECONDS).raise_for_status().content
    assert hashlib.sha256(data).hexdigest() == job["result"]["digest"]
