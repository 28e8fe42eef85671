"""The evidence for a receipt: the receipt itself, the raw image and the outputs, as they are stored now."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from safelight.client import Safelight
from safelight.errors import ApiError, DownloadFailed, LocalFileError
from safelight.models import ReceiptResponse

_GONE = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Evidence:
    """A receipt and the stored images. An image that is not stored is None."""

    #: The receipt to verify, with its digest.
    document: dict[str, Any]
    #: Digest of the receipt that the API returns; None if it returns no receipt.
    current_digest: str | None
    raw: bytes | None
    outputs: Mapping[str, bytes | None]


def collect_evidence(client: Safelight, job_id: str, file: Path | None) -> Evidence:
    """Download a receipt, or read it from ``file`` if given, and download its images. Raises ClientError."""
    current = _fetch_receipt(client, job_id, required=file is None)
    document = read_receipt(file) if file is not None else current.document() if current is not None else {}
    receipt = document.get("receipt")
    outputs = receipt.get("outputs") if isinstance(receipt, dict) else None
    names = [str(each.get("name")) for each in outputs or () if isinstance(each, dict)]
    with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
        path = Path(folder) / "image"
        raw = _download(partial(client.download_raw, job_id, path, check_size=False))
        images = {name: _download(partial(client.download, job_id, path, name, check_size=False)) for name in names}
    return Evidence(document, current.digest if current is not None else None, raw, images)


def read_receipt(file: Path) -> dict[str, Any]:
    """Return a saved receipt. Raises LocalFileError."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise LocalFileError(f"{file} can't be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise LocalFileError(f"{file} is not a receipt.") from error
    if not isinstance(document, dict):
        raise LocalFileError(f"{file} is not a receipt.")
    return document


def _fetch_receipt(client: Safelight, job_id: str, *, required: bool) -> ReceiptResponse | None:
    try:
        return client.receipt(job_id)
    except ApiError as error:
        if required or error.status not in _GONE:
            raise
        return None


def _download(download: Callable[[], Path]) -> bytes | None:
    """Return the content of a download, or None if it is not stored."""
    try:
        return download().read_bytes()
    except (ApiError, DownloadFailed) as error:
        if error.status not in _GONE:
            raise
    return None
