"""The main job on a real engine: the template, the gateway, the queue, the functions, HTTP."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import Site, until

from safelight import Safelight

DEMO_PICTURES = Path(__file__).parents[2] / "safelight" / "demo_images"
PHOTO = (DEMO_PICTURES / "astronaut.jpg").read_bytes()


def test_seed_flow(site: Site) -> None:
    """Base64 text in, 202 with the job; later the object under processed/ and the seven attributes of the record."""
    text = base64.b64encode(PHOTO).decode()
    headers = {"Content-Type": "text/plain", "Content-Disposition": 'attachment; filename="astronaut.jpg"'}
    answer = site.http.post("jobs", content=text, headers=headers)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"] == f"{site.stack.api_url}/jobs/{job['id']}"
    done = site.finished(job["id"])
    assert httpx.get(answer.headers["Location"]).json()["status"] == "COMPLETED"
    assert done["key"].startswith("processed/")
    data = site.s3.get_object(Bucket=site.stack.bucket, Key=done["key"])["Body"].read()
    image = sample_images.opened(data)
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


def test_waiting_gives_the_classic_200(site: Site) -> None:
    """With Prefer: wait=20 the answer is 200 with the job and its image key."""
    headers = {"Content-Type": "text/plain", "Prefer": "wait=20"}
    answer = site.http.post("jobs", content=base64.b64encode(PHOTO), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert site.keys(answer.json()["key"]) == [answer.json()["key"]]


@pytest.mark.parametrize("file", sorted(path.name for path in DEMO_PICTURES.glob("*.[jpw]*")))
def test_real_pictures_of_every_kind(site: Site, file: str, tmp_path: Path) -> None:
    """Sideways, transparent, progressive, WebP, twelve megapixels: each comes out, through its link, as recorded."""
    raw = (DEMO_PICTURES / file).read_bytes()
    done = site.finished(site.submit(raw, filename=file)["id"])
    if file == "not-a-picture.png":
        assert (done["status"], done["error"]["code"]) == ("FAILED", "NOT_AN_IMAGE")
        return
    assert done["status"] == "COMPLETED", done["error"]
    with Safelight(site.stack.api_url) as client:
        saved = client.download(done["id"], tmp_path / "result.png")
    data = saved.read_bytes()
    assert hashlib.sha256(data).hexdigest() == done["result"]["digest"]
    image = sample_images.opened(data)
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
            marks=pytest.mark.not_on("localstack", reason="it parses such a body as a form and drops what is none"),
        ),
        (base64.encodebytes(PHOTO), {"Content-Type": "text/plain"}),
        (b"data:image/jpeg;base64," + base64.b64encode(PHOTO), {"Content-Type": "text/plain"}),
        (b'{"content": "' + base64.b64encode(PHOTO) + b'"}', {"Content-Type": "application/json"}),
    ],
)
def test_every_shape_of_body_arrives_whole(site: Site, content: bytes, headers: dict[str, str]) -> None:
    """Whatever the gateway does to a body, the bytes that arrive are those of the image."""
    answer = site.http.post("jobs", content=content, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["raw"]["digest"] == hashlib.sha256(PHOTO).hexdigest()


def test_form_arrives_whole(site: Site) -> None:
    """A form, as browsers and curl -F send it, carries file, name and options."""
    answer = site.http.post("jobs", files={"file": ("me.jpg", PHOTO, "image/jpeg")}, data={"width": "50"})
    assert answer.status_code == 202, answer.text
    done = site.finished(answer.json()["id"])
    assert (done["filename"], done["result"]["width"]) == ("me.jpg", 50)
    assert done["raw"]["digest"] == hashlib.sha256(PHOTO).hexdigest()


def test_two_hundred_pictures_by_sixteen_callers(site: Site) -> None:
    """All are completed, each once, the counts are exact, and the worker takes them several at a time."""

    def submit(number: int) -> str:
        return str(site.submit(sample_images.jpeg(40 + number, 30), filename=f"{number}.jpg")["id"])

    with ThreadPoolExecutor(16) as callers:
        ids = list(callers.map(submit, range(200)))
    assert len(set(ids)) == 200
    done = [site.finished(job_id) for job_id in ids]
    assert {job["status"] for job in done} == {"COMPLETED"}
    assert {job["attempts"] for job in done} == {1}
    assert [job["result"]["width"] for job in done] == [40 + number for number in range(200)]
    made = [key for key in site.keys("processed/") if key.split("/")[1] in set(ids)]
    assert len(made) == 200
    counts = [line for line in site.log_lines("worker") if '"Records received"' in line]
    assert any('"count":1}' not in line for line in counts), "every delivery had one record"


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
def test_bad_input_leaves_no_trace(  # noqa: PLR0917 - one row of the table above
    site: Site,
    content: bytes,
    headers: dict[str, str],
    params: dict[str, str],
    status: int,
    code: str,
) -> None:
    """Each refusal has its status and code as a problem document; nothing is stored, recorded or queued."""
    raw, records = site.keys("raw/"), site.dynamodb.scan(TableName=site.stack.table, Select="COUNT")["Count"]
    answer = site.http.post("jobs", content=content, headers=headers, params=params)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert site.keys("raw/") == raw
    assert site.dynamodb.scan(TableName=site.stack.table, Select="COUNT")["Count"] == records


def test_truncated_picture_fails_its_job(site: Site) -> None:
    """Only decoding shows that a file is cut: the job fails by name and leaves no processed image."""
    done = site.finished(site.submit(PHOTO[: len(PHOTO) // 2])["id"])
    assert (done["status"], done["error"]["code"], done["attempts"]) == ("FAILED", "TRUNCATED_IMAGE", 1)
    assert site.keys(f"processed/{done['id']}/") == []


@pytest.mark.parametrize("job_id", ["01HZY3Q1M8Z3J5W7XK9V2B4C6D", "no-id", "..%2F..%2Fetc", "%00", "x" * 300])
def test_unknown_id_is_not_found(site: Site, job_id: str) -> None:
    """An unknown ID and one of the wrong shape are the same 404."""
    answer = site.http.get(f"jobs/{job_id}")
    assert (answer.status_code, answer.json()["code"]) in {(404, "JOB_NOT_FOUND"), (404, "ROUTE_NOT_FOUND")}


@pytest.mark.parametrize("name", ["../../etc/passwd", 'quo"ted.jpg', "two\nlines.jpg", "😀.jpg"])
def test_any_file_name_is_only_data(site: Site, name: str) -> None:
    """A hostile name reaches neither a key nor a header, and the result can be fetched."""
    done = site.finished(site.submit(sample_images.jpeg(), filename=name)["id"])
    assert done["key"] == f"processed/{done['id']}/1/image.png"
    assert not set(done["filename"]) & set("/\n")
    redirected = site.http.get(f"jobs/{done['id']}/result", follow_redirects=True)
    assert redirected.status_code == 200
    assert redirected.headers["Content-Disposition"].startswith("attachment; ")
    assert sample_images.opened(redirected.content).size == (64, 48)


def test_poison_message_is_kept_and_harms_nobody(site: Site) -> None:
    """A message that nobody can read ends under dead-letters/; the job beside it is completed."""
    sent = site.sqs.send_message(QueueUrl=site.stack.dead_letter_queue_url, MessageBody="who sent this?")
    done = site.finished(site.submit(sample_images.jpeg())["id"])
    assert done["status"] == "COMPLETED"
    until(lambda: site.keys(f"dead-letters/{sent['MessageId']}"))


def test_listing_and_documents_are_served(site: Site) -> None:
    """The list shows what was just made; the OpenAPI document and its page are there."""
    job = site.submit(sample_images.jpeg())
    assert job["id"] in [each["id"] for each in site.http.get("jobs").json()["jobs"]]
    assert site.http.get("openapi.json").json()["servers"][0]["url"] + "/v1" == site.stack.api_url
    assert "<html" in site.http.get("docs").text
    assert site.http.get("health").json()["status"] == "ok"


def test_wrong_method_and_unknown_path_are_problems(site: Site) -> None:
    """The gateway hands everything on, so that every answer is ours."""
    for method, path, status, code in (
        ("PATCH", "jobs", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "nothing/here", 404, "ROUTE_NOT_FOUND"),
    ):
        answer = site.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_links_lead_back_the_way_the_caller_came(site: Site) -> None:
    """Under another name for the engine, Location and the link to the result have that name, and the link works."""
    url = httpx.URL(site.stack.api_url)
    other = str(url.copy_with(host="localhost"))
    answer = httpx.post(f"{other}/jobs", content=PHOTO, headers={"Content-Type": "image/jpeg"}, timeout=60)
    assert answer.headers["Location"].startswith(f"{other}/jobs/")
    job = site.finished(answer.json()["id"])
    redirect = httpx.get(f"{other}/jobs/{job['id']}/result", timeout=60)
    assert redirect.status_code == 303
    assert httpx.URL(redirect.headers["Location"]).netloc == httpx.URL(other).netloc
    data = httpx.get(redirect.headers["Location"], timeout=60).raise_for_status().content
    assert hashlib.sha256(data).hexdigest() == job["result"]["digest"]
