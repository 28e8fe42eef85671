"""Requests that clients send with small irregularities: accepted if the image is whole, refused by name if not."""

import base64
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Cloud

IMAGE = sample_images.make_png(64, 48)
TEXT = base64.b64encode(IMAGE).decode()
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
PLAIN = {"Content-Type": "text/plain"}


def _form(*parts: bytes) -> bytes:
    """Write a form from the parameters of each part's header; a part named ``empty`` has no content."""
    written = b""
    for part in parts:
        content = b"" if b"empty" in part else IMAGE
        written += b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n\r\n" + content + b"\r\n"
    return written + b"--x--\r\n"


@pytest.mark.parametrize(
    ("body", "headers", "filename"),
    [
        (_form(b"name=\"file\"; filename*=UTF-8''na%C3%AFve.png"), FORM, "naïve.png"),
        (_form(b'name="file"; filename="na\xefve.png"'), FORM, None),
        (_form(b'name="empty"; filename=""', b'name="file"; filename="a.png"'), FORM, "a.png"),
        (base64.urlsafe_b64encode(IMAGE).decode().rstrip("="), PLAIN, None),
        ("\ufeffDATA:image/png;BASE64," + TEXT, PLAIN, None),
    ],
)
def test_irregular_body_is_accepted(cloud: Cloud, body: Any, headers: dict[str, str], filename: str | None) -> None:
    """The raw image is stored unchanged."""
    answer = cloud.call("POST", "/v1/jobs", body, headers=headers)
    assert answer.status == 202, answer.text
    assert answer.json["filename"] == (filename or f"{answer.json['id']}.png")
    raw = cloud.clients.s3.get_object(Bucket="images-for-tests", Key=f"raw/api/{answer.json['id']}")
    assert raw["Body"].read() == IMAGE


def test_base64_with_blanks_for_plus_is_refused(cloud: Cloud) -> None:
    """The problem document names the cause and the remedy."""
    answer = cloud.call("POST", "/v1/jobs", TEXT[:9] + " " + TEXT[10:], headers=PLAIN)
    assert (answer.status, answer.json["code"]) == (400, "BAD_BASE64")
    assert "%2B" in answer.json["detail"]


def test_watermark_accepts_joiners_and_crop_reaches_the_last_column(cloud: Cloud) -> None:
    """The job is COMPLETED with one column."""
    operations = [
        {"op": "watermark", "text": "می\u200cخواهم\u00a0\u200d"},
        {"op": "crop", "unit": "relative", "x": 0.995, "y": 0, "width": 0.005, "height": 1},
    ]
    answer = cloud.post("/v1/jobs", {"content": TEXT, "pipeline": {"operations": operations}})
    assert answer.status == 202, answer.text
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{answer.json['id']}").json
    assert (done["status"], done["result"]["width"], done["result"]["height"]) == ("COMPLETED", 1, 48)
