"""Inspection of local files."""

import hashlib
from pathlib import Path

import pytest

from safelight.ingest.inspection import UNKNOWN, FileFacts, detect_media_type, inspect_files


def test_inspection_returns_the_facts_of_a_file(tmp_path: Path) -> None:
    """Size, media type and SHA-256."""
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    (facts,) = inspect_files([(7, str(path))])
    assert isinstance(facts, FileFacts)
    assert (facts.number, facts.size, facts.media_type) == (7, 3, "image/jpeg")
    assert facts.digest == hashlib.sha256(b"\xff\xd8\xff").hexdigest()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", UNKNOWN),
        (b"II*\0", "image/tiff"),
        (b"\0\0\0\x1cftypavif", "image/avif"),
        (b"\0\0\0\x1cftypmp42", UNKNOWN),
        (b"%PDF-1.7", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_media_type_is_detected_from_the_content(header: bytes, expected: str) -> None:
    """The API detects what the client does not know."""
    assert detect_media_type(header) == expected
