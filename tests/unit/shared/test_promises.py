"""What was promised of bytes, and whether they keep it."""

import hashlib

import pytest
from support import sample_images

from shared.errors import DigestMismatch, TypeMismatch
from shared.jobs.upload_declaration import ANY_TYPE, Promise, is_promisable
from shared.pipeline.image_formats import ACCEPTED

JPEG = sample_images.jpeg()


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/jpg", "image/pjpeg", ANY_TYPE])
def test_kept_promises_pass(media_type: str) -> None:
    """The type by any of its names, the size and the digest of the bytes are kept by the bytes."""
    Promise(media_type=media_type, size=len(JPEG), digest=hashlib.sha256(JPEG).hexdigest()).demand_kept(JPEG)


@pytest.mark.parametrize("media_type", [each.media_type for each in ACCEPTED if each.name != "JPEG"])
def test_picture_of_another_type_breaks_it(media_type: str) -> None:
    """An image is never processed as what it is not."""
    with pytest.raises(TypeMismatch):
        Promise(media_type=media_type).demand_kept(JPEG)


def test_other_bytes_break_it() -> None:
    """One byte more is another file."""
    with pytest.raises(DigestMismatch):
        Promise(media_type="image/jpeg", digest=hashlib.sha256(JPEG).hexdigest()).demand_kept(JPEG + b"\0")


def test_what_is_no_picture_is_left_to_the_decoder() -> None:
    """Bytes of no known type fail by the decoder's own reason, not by their type."""
    Promise(media_type="image/jpeg").demand_kept(b"words")


def test_every_accepted_format_may_be_announced() -> None:
    """What can be processed can be uploaded; what is refused by name can't."""
    assert all(is_promisable(each.media_type) for each in ACCEPTED)
    assert not [
        each for each in ("image/svg+xml", "application/pdf", "image/heic", "text/plain", "") if is_promisable(each)
    ]
