"""Tests of upload declarations and their check."""

import hashlib

import pytest
from support import sample_images

from shared.errors import DigestMismatch, TypeMismatch
from shared.jobs.upload_declaration import ANY_TYPE, UploadDeclaration, is_declarable
from shared.pipeline.image_formats import INPUT_FORMATS


def compute_digest(data: bytes) -> str:
    """Return the SHA-256 digest of bytes."""
    return hashlib.sha256(data).hexdigest()


JPEG = sample_images.make_jpeg()
DIGEST = compute_digest(JPEG)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/jpg", "image/pjpeg", ANY_TYPE])
def test_matching_bytes_pass(media_type: str) -> None:
    """Bytes with the declared type, under any of its names, size and digest pass."""
    UploadDeclaration(media_type=media_type, size=len(JPEG), digest=DIGEST).require_match(JPEG, DIGEST)


@pytest.mark.parametrize("media_type", [each.media_type for each in INPUT_FORMATS if each.name != "JPEG"])
def test_other_image_type_is_refused(media_type: str) -> None:
    """An image of another type than declared raises TypeMismatch."""
    with pytest.raises(TypeMismatch):
        UploadDeclaration(media_type=media_type).require_match(JPEG, DIGEST)


def test_other_digest_is_refused() -> None:
    """One additional byte raises DigestMismatch."""
    with pytest.raises(DigestMismatch):
        UploadDeclaration(media_type="image/jpeg", digest=DIGEST).require_match(
            JPEG + b"\0", compute_digest(JPEG + b"\0")
        )


def test_bytes_that_are_not_an_image_pass() -> None:
    """Bytes of unknown type pass: the decoder reports the reason."""
    UploadDeclaration(media_type="image/jpeg").require_match(b"words", compute_digest(b"words"))


def test_every_input_format_can_be_declared() -> None:
    """Every input format can be declared, and no other."""
    assert all(is_declarable(each.media_type) for each in INPUT_FORMATS)
    assert not [
        each for each in ("image/svg+xml", "application/pdf", "image/jxl", "text/plain", "") if is_declarable(each)
    ]
