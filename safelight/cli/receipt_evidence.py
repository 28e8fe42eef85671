"""Gathering what a receipt speaks of: the receipt itself, the raw image, the results."""

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
class Gathered:
    """What is there now; None for what is not."""

    #: The receipt to verify, with its digest.
    document: dict[str, Any]
    #: Digest of the receipt that the API has; None where it has none any more.
    kept: str | None
    raw: bytes | None
    outputs: Mapping[str, bytes | None]


def gather(client: Safelight, job_id: str, file: Path | None) -> Gathered:
    """Fetch what is to be compared; the receipt from a file, where one is given. Raises ClientError."""
    kept = _receipt(client, job_id, needed=file is None)
    document = read_receipt(file) if file is not None else kept.document() if kept is not None else {}
    receipt = document.get("receipt")
    made = receipt.get("outputs") if isinstance(receipt, dict) else None
    names = [str(each.get("name")) for each in made or () if isinstance(each, dict)]
    with tempfile.TemporaryDirectory(prefix="safelight-") as folder:
        path = Path(folder) / "picture"
        raw = _fetched(partial(client.download_raw, job_id, path, check_size=False))
        outputs = {name: _fetched(partial(client.download, job_id, path, name, check_size=False)) for name in names}
    return Gathered(document, kept.digest if kept is not None else None, raw, outputs)


def read_receipt(file: Path) -> dict[str, Any]:
    """Read a receipt that was kept. Raises LocalFileError."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise LocalFileError(f"{file} can't be read ({error.strerror or error}).") from error
    except (ValueError, RecursionError) as error:
        raise LocalFileError(f"{file} is no receipt.") from error
    if not isinstance(document, dict):
        raise LocalFileError(f"{file} is no receipt.")
    return document


def _receipt(client: Safelight, job_id: str, *, needed: bool) -> ReceiptResponse | None:
    try:
        return client.receipt(job_id)
    except ApiError as error:
        if needed or error.status not in _GONE:
            raise
        return None


def _fetched(download: Callable[[], Path]) -> bytes | None:
    """Return what a download brings, None where there is nothing to be had."""
    try:
        return download().read_bytes()
    except DownloadFailed as error:
        if error.status not in _GONE:
            raise
    except ApiError as error:
        if error.status not in _GONE:
            raise
    return None
