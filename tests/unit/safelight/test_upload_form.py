"""Uploads with a request that the API has signed."""

from pathlib import Path

import httpx
import pytest

from safelight.models import SignedPut
from safelight.transport import upload_form

PUT = SignedPut(url="https://store.test/raw/x", headers={"Content-Type": "image/jpeg", "If-None-Match": "*"})
#: More than two blocks.
DATA = bytes(range(256)) * 2100


@pytest.mark.parametrize("skipped", [0, 7])
def test_files_are_sent_whole_with_their_size(tmp_path: Path, skipped: int) -> None:
    """From their position on. S3 accepts no request without a size, and the signature covers it."""
    requests = []

    def store(request: httpx.Request) -> httpx.Response:
        requests.append((dict(request.headers), request.read()))
        return httpx.Response(200)

    path = tmp_path / "image.jpg"
    path.write_bytes(DATA)
    with path.open("rb") as file, httpx.Client(transport=httpx.MockTransport(store)) as client:
        file.seek(skipped)
        upload_form.send(PUT, file, client)
    ((headers, body),) = requests
    assert body == DATA[skipped:]
    assert headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in headers
    assert headers["if-none-match"] == "*"
