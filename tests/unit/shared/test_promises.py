"""What was promised of bytes, and whether they keep it."""

import hashlib

import pytest
from support import sample_images

from shared.errors import DigestMismatch, TypeMismatch
from shared.jobs.upload_declaration import ANY_TYPE, UploadDeclaration, is_declarable
from shared.pipeline.image_formats import INPUT_FORMATS

JPEG = sample_images.jpeg()


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/jpg", "image/pjpeg", ANY_TYPE])
def test_kept_promises_pass(media_type: str) -> None:
    """The type by any of its names, the size and the digest of the bytes are kept by the bytes."""
    UploadDeclaration(media_type=media_type, size=len(JPEG), digest=hashlib.sha256(JPEG).hexdigest()).require_match(
        JPEG
    )


@pytest.mark.parametrize("media_type", [each.media_type for each in INPUT_FORMATS if each.name != "JPEG"])
def test_picture_of_another_type_breaks_it(media_type: str) -> None:
    """An image is never processed as what it is not."""
    with pytest.raises(TypeMismatch):
        UploadDeclaration(media_type=media_type).require_match(JPEG)


def test_other_bytes_break_it() -> None:
    """One byte more is another file."""
    with pytest.raises(DigestMismatch):
        UploadDeclaration(media_type="image/jpeg", digest=hashlib.sha256(JPEG).hexdigest()).require_match(JPEG + b"\0")


def test_what_is_no_picture_is_left_to_the_decoder() -> None:
    """Bytes of no known type fail by the decoder's own reason, not by their type."""
    UploadDeclaration(media_type="image/jpeg").require_match(b"words")


def test_every_accepted_format_may_be_announced() -> None:
    """What can be processed can be uploaded; what is refused by name can't."""
    assert all(is_declarable(each.media_type) for each in INPUT_FORMATS)
    assert not [
        each for each in ("image/svg+xml", "application/pdf", "image/heic", "text/plain", "") if is_declarable(each)
    ]
