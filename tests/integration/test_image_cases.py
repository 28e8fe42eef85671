"""Files with unusual color facts, or damaged outside the pixels, from the API to the stored result."""

import base64
import zlib
from dataclasses import dataclass
from typing import Final

import pytest
from support import color_profiles, raw_files, sample_images
from support.jpeg_parts import insert, make_profile_segments, make_segment
from support.moto_cloud import BUCKET, Cloud
from support.rendered_pngs import break_crc

LINEAR_CENTER: Final = (229, 168, 122)
#: No operations, PNG.
EMPTY_PIPELINE: Final = "{}"
P3_CENTER: Final = (215, 93, 31)
CENTER: Final = (200, 100, 50)
XMP_DAMAGED: Final = "The XMP data is damaged, so facts may be missing."
XMP_ORIENTATION: Final = (
    b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    b' tiff:Orientation="6"/>'
)


@dataclass(frozen=True, slots=True)
class Case:
    """One file, with the expected color and size of its result."""

    data: bytes
    color: tuple[int, int, int] = CENTER
    size: tuple[int, int] = (64, 48)
    warnings: tuple[str, ...] = ()


def make_png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG in one color."""
    return raw_files.make_png([[CENTER] * 64] * 48, 8, chunks=chunks)


def make_profile_chunk(profile: bytes) -> tuple[bytes, bytes]:
    """Return the chunk with an ICC profile."""
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


def make_cases() -> dict[str, Case]:
    """Return the files by name."""
    p3 = color_profiles.make_display_p3_profile()
    large = color_profiles.pad_profile(p3, 1_200_000)
    image = sample_images.decode(make_png())
    jpeg = sample_images.encode(image, "JPEG", quality=95)
    text = (b"tEXt", b"Comment\0hello")
    cicp = (b"cICP", bytes((12, 13, 0, 1)))
    large_text = (b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2_000_000)))
    return {
        "linear profile named sRGB": Case(
            make_png(make_profile_chunk(color_profiles.make_linear_profile())), LINEAR_CENTER
        ),
        "large profile in JPEG": Case(insert(jpeg, *make_profile_segments(large)), P3_CENTER),
        **{
            f"large profile in {name}": Case(sample_images.encode(image, name, icc_profile=large, **options), P3_CENTER)
            for name, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("AVIF", {"quality": 90}))
        },
        "CICP in PNG": Case(make_png(cicp), P3_CENTER),
        "wrong checksum of a profile": Case(
            break_crc(make_png(make_profile_chunk(p3)), b"iCCP"),
            warnings=("The PNG chunk iCCP is damaged and was ignored.",),
        ),
        "wrong checksum of text": Case(
            break_crc(make_png(text), b"tEXt"), warnings=("The PNG chunk tEXt is damaged and was ignored.",)
        ),
        "large text": Case(make_png(large_text)),
        "empty JFIF": Case(insert(jpeg, make_segment(0xE0, b""))),
        "orientation in XMP": Case(insert(jpeg, make_segment(0xE1, XMP_ORIENTATION)), warnings=(XMP_DAMAGED,)),
    }


CASES: Final = make_cases()


def test_files_have_the_expected_pixels(cloud: Cloud) -> None:
    """Color, size and warnings of each result, and the size that its plan states."""
    jobs = {name: cloud.submit(case.data, query={"pipeline": EMPTY_PIPELINE}) for name, case in CASES.items()}
    while messages := cloud.receive():
        assert cloud.deliver(messages) == []
        for message in messages:
            cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])
    for name, case in CASES.items():
        done = cloud.call("GET", f"/v1/jobs/{jobs[name]['id']}").json
        assert (done["status"], done["error"]) == ("COMPLETED", None), name
        assert tuple(done["warnings"]) == case.warnings, name
        data = cloud.clients.s3.get_object(Bucket=BUCKET, Key=done["key"])["Body"].read()
        image = sample_images.decode(data).convert("RGB")
        assert image.size == case.size, name
        assert image.getpixel((32, 24)) == pytest.approx(case.color, abs=3), name
        if name == "orientation in XMP":
            head = base64.b64encode(case.data).decode()
            plan = cloud.post("/v1/plan", {"head": head, "size": len(case.data), "pipeline": {}}).json
            assert (plan["picture"]["width"], plan["picture"]["height"]) == case.size


def test_wrong_checksum_of_the_header_fails(cloud: Cloud) -> None:
    """The size could be wrong."""
    job = cloud.submit(break_crc(make_png(), b"IHDR"))
    assert cloud.deliver(cloud.receive()) == []
    assert cloud.call("GET", f"/v1/jobs/{job['id']}").json["error"]["code"] == "CORRUPT_IMAGE"
