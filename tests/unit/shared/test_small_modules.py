"""Tests of object keys, IDs, messages, formats, file names, timestamps and settings."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support import sample_images

from shared import filenames, ids
from shared.clock import from_iso, to_iso
from shared.errors import BadMessage, SafelightError, error_classes
from shared.jobs import object_keys
from shared.jobs.message import JobMessage, decode_message
from shared.pipeline import image_formats
from shared.settings import WorkerSettings

JOB_ID = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"


def test_keys_of_attempts_and_jobs_are_apart() -> None:
    """Each attempt copies an upload to a key of its own, and no job's prefix covers the objects of another."""
    one, other = "01HZY3Q1M8Z3J5W7XK9V000001", "01HZY3Q1M8Z3J5W7XK9V000002"
    assert object_keys.pinned_key(one, 1) != object_keys.pinned_key(one, 2)
    for prefix in (object_keys.pinned_prefix, object_keys.processed_prefix):
        assert not prefix(other).startswith(prefix(one))
    assert object_keys.pinned_key(one, 1).startswith(object_keys.pinned_prefix(one))


def test_no_two_attempts_share_a_key() -> None:
    """The attempt is part of the key, so a superseded attempt never overwrites the newest."""
    assert object_keys.processed_key(JOB_ID, 1, "image", "png") != object_keys.processed_key(JOB_ID, 2, "image", "png")


def test_s3_uri_round_trips() -> None:
    """Splitting a URI returns its bucket and key."""
    assert object_keys.split_s3_uri(object_keys.s3_uri("a-bucket", "raw/api/x")) == ("a-bucket", "raw/api/x")


def test_new_ids_are_valid_and_unique() -> None:
    """A thousand IDs are valid and unique."""
    created = {ids.new_id(datetime.now(UTC)) for _ in range(1000)}
    assert len(created) == 1000
    assert all(map(ids.is_id, created))


@pytest.mark.parametrize(
    "text", ["", "x", JOB_ID.lower(), JOB_ID + "0", JOB_ID[:-1] + "U", "../" + JOB_ID, JOB_ID + "\n"]
)
def test_other_texts_are_not_ids(text: str) -> None:
    """Texts other than 26 characters of Crockford's alphabet are refused."""
    assert not ids.is_id(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_first_id_at_bounds_the_ids_of_its_time(moment: datetime) -> None:
    """IDs of a time are at or above its bound and below the next millisecond's."""
    assert ids.first_id_at(moment) <= ids.new_id(moment) < ids.first_id_at(moment + timedelta(milliseconds=1))


def test_message_round_trips() -> None:
    """A received message equals the sent one."""
    message = JobMessage(job_id=JOB_ID, generation=3)
    assert decode_message(message.encode()) == message


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "[]",
        "null",
        '{"job_id": null, "generation": 1}',
        '{"job_id": "../../x", "generation": 1}',
        f'{{"job_id": "{JOB_ID}", "generation": 0}}',
        f'{{"job_id": "{JOB_ID}", "generation": 1, "version": 2}}',
        "x" * 300_000,
    ],
)
def test_malformed_message_is_refused(body: str) -> None:
    """Malformed messages and unknown versions raise BadMessage."""
    with pytest.raises(BadMessage):
        decode_message(body)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIC"])
def test_each_input_format_is_detected(name: str) -> None:
    """A real file of each format is detected."""
    detected = image_formats.detect_format(sample_images.encode(sample_images.draw_scene(), name))
    assert detected is image_formats.BY_NAME[name]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1", "a video or other ISO media file"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a", "JPEG XL"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"hello, world", None),
        (b"BMerely text", None),
        (b"", None),
    ],
)
def test_unsupported_content_is_not_detected(data: bytes, name: str | None) -> None:
    """Unsupported content is not detected; known formats are named."""
    assert image_formats.detect_format(data) is None
    assert image_formats.describe_unsupported_format(data) == name


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\cat.png", "cat.png"),
        ('a"b;c.png', 'a"b;c.png'),
        ("line\nbreak\r\n.png", "linebreak.png"),
        ("👩‍🚀 space.png", "👩‍🚀 space.png"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("nul\0l.gif", "null.gif"),
        ("..", None),
        ("", None),
        ("///", None),
        (" . ", None),
    ],
)
def test_filename_is_cleaned(given_name: str, cleaned: str | None) -> None:
    """Path components, control and bidi characters are removed; the rest is kept."""
    assert filenames.clean_filename(given_name) == cleaned


@given(st.text(max_size=600))
def test_cleaned_filename_is_short_and_stable(name: str) -> None:
    """Cleaned names fit a file system and do not change when cleaned again."""
    cleaned = filenames.clean_filename(name)
    if cleaned is not None:
        assert len(cleaned.encode()) <= filenames.MAX_BYTES
        assert not set(cleaned) & set("/\\\n\r\0\u202e")
        assert filenames.clean_filename(cleaned) == cleaned


@given(st.text(min_size=1, max_size=300))
def test_disposition_is_one_ascii_header_line(name: str) -> None:
    """No file name breaks the header."""
    cleaned = filenames.clean_filename(name)
    if cleaned is not None:
        header = filenames.content_disposition(cleaned)
        assert header.isascii()
        assert "\n" not in header
        assert "\r" not in header
        assert header.count('"') == 2


@pytest.mark.parametrize(
    ("name", "changed"),
    [("a.jpeg", "a.png"), ("a", "a.png"), (".hidden", ".hidden.png"), ("v1.0 final", "v1.0 final.png")],
)
def test_extension_is_replaced(name: str, changed: str) -> None:
    """A result has the name of its raw image with its own extension."""
    assert filenames.replace_extension(name, "png") == changed


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - hypothesis adds the zone below
def test_timestamps_sort_by_time(moment: datetime, hours: int) -> None:
    """Timestamps have a fixed width, are UTC and round-trip."""
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=timezone(timedelta(hours=hours)))
    text = to_iso(aware)
    assert len(text) == 24
    assert from_iso(text) == aware
    assert to_iso(aware + timedelta(milliseconds=1)) > text


def test_invalid_setting_is_named() -> None:
    """The error has the environment variable and no values, because the environment holds keys."""
    with pytest.raises(ValidationError) as refused:
        WorkerSettings.read({"LEASE_SECONDS": "soon"})
    wrong = {error["loc"][0]: error["type"] for error in refused.value.errors()}
    assert wrong["LEASE_SECONDS"] == "int_parsing"
    assert wrong["IMAGE_BUCKET"] == "missing"
    assert "soon" not in str(refused.value)


def test_error_codes_are_unique() -> None:
    """Two errors share a code only if one inherits it from its parent."""
    seen: dict[str, type[SafelightError]] = {}
    for error in error_classes():
        other = seen.setdefault(error.code, error)
        assert other is error or issubclass(error, other), f"{error.__name__} and {other.__name__}: {error.code}"
