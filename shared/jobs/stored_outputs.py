"""Stored form of a job's outputs and receipt, which is shorter for jobs with many outputs.

DynamoDB charges for each started KB of an item at each write. 24 outputs take 11 KB in the long form and 3 KB in the
short one, and their receipt 9 KB as text and 2 KB compressed (``tests/unit/shared/test_job_item.py``).
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from shared.jobs import object_keys
from shared.jobs.job import ProcessedImage
from shared.pipeline.image_formats import BY_NAME

#: Up to this number of outputs, the long form is stored, which other programs can read with less effort.
MAX_LONG_OUTPUTS: Final = 4
#: Receipts that are longer are compressed, bytes.
MAX_PLAIN_RECEIPT: Final = 4096
#: Largest receipt, bytes: a limit for the decompression.
_MAX_RECEIPT: Final = 1024 * 1024


def to_maps(outputs: Sequence[ProcessedImage], job_id: str, attempt: int) -> list[dict[str, Any]]:
    """Return the outputs of an attempt as maps."""
    if len(outputs) <= MAX_LONG_OUTPUTS:
        return [_to_map(output) for output in outputs]
    return [_shorten(output, job_id, attempt) for output in outputs]


def from_map(output: Mapping[str, Any], job_id: str, attempt: int) -> ProcessedImage:
    """Return the output that a map of either form holds."""
    image_format = BY_NAME[output["Format"]]
    digest = output["Digest"]
    return ProcessedImage(
        name=output["Name"],
        key=output.get("Key") or _derive_key(job_id, attempt, output["Name"], output["Format"]),
        size=output["Size"],
        width=output["Width"],
        height=output["Height"],
        format=output["Format"],
        media_type=output.get("MediaType") or image_format.media_type,
        digest=digest if isinstance(digest, str) else bytes(digest).hex(),
    )


def compress_receipt(receipt: str | None) -> str | bytes | None:
    """Return a receipt as it is stored: short ones as text."""
    if receipt is None or len(receipt) <= MAX_PLAIN_RECEIPT:
        return receipt
    return zlib.compress(receipt.encode(), 9)


def read_receipt(stored: Any) -> str | None:  # noqa: ANN401 - text or one of boto3's types for bytes
    """Return the text of a stored receipt."""
    if stored is None or isinstance(stored, str):
        return stored
    return zlib.decompressobj().decompress(bytes(stored), _MAX_RECEIPT).decode()


def _to_map(output: ProcessedImage) -> dict[str, Any]:
    return {
        "Name": output.name,
        "Key": output.key,
        "Size": output.size,
        "Width": output.width,
        "Height": output.height,
        "Format": output.format,
        "MediaType": output.media_type,
        "Digest": output.digest,
    }


def _shorten(output: ProcessedImage, job_id: str, attempt: int) -> dict[str, Any]:
    """Return the map without what follows from the other values, and with the digest as bytes."""
    derived = {
        "Key": _derive_key(job_id, attempt, output.name, output.format),
        "MediaType": BY_NAME[output.format].media_type,
    }
    long = _to_map(output) | {"Digest": bytes.fromhex(output.digest)}
    return {name: value for name, value in long.items() if derived.get(name) != value}


def _derive_key(job_id: str, attempt: int, name: str, image_format: str) -> str:
    return object_keys.processed_key(job_id, attempt, name, BY_NAME[image_format].extension)
