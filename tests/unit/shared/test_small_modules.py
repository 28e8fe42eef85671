"""Keys, IDs, messages, formats, file names, clock, settings: small rules, each with its promise."""

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


def test_no_two_attempts_share_a_key() -> None:
    """The attempt is part of the key, so a late loser never overwrites the winner."""
    assert object_keys.processed_key(JOB_ID, 1, "image", "png") != object_keys.processed_key(JOB_ID, 2, "image", "png")


def test_s3_uri_reads_back() -> None:
    """Bucket and key come out of an s3:// path as they went in."""
    assert object_keys.split_s3_uri(object_keys.s3_uri("a-bucket", "raw/api/x")) == ("a-bucket", "raw/api/x")


def test_new_ids_are_ids_and_differ() -> None:
    """A thousand IDs are all different and all of the right shape."""
    made = {ids.new_id(datetime.now(UTC)) for _ in range(1000)}
    assert len(made) == 1000
    assert all(map(ids.is_id, made))


@pytest.mark.parametrize(
    "text", ["", "x", JOB_ID.lower(), JOB_ID + "0", JOB_ID[:-1] + "U", "../" + JOB_ID, JOB_ID + "\n"]
)
def test_other_texts_are_no_ids(text: str) -> None:
    """What is not 26 of Crockford's characters is no ID."""
    assert not ids.is_id(text)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_first_id_at_bounds_the_ids_of_its_moment(moment: datetime) -> None:
    """An ID made at a moment is at or above that moment's bound, and below the next millisecond's."""
    assert ids.first_id_at(moment) <= ids.new_id(moment) < ids.first_id_at(moment + timedelta(milliseconds=1))


def test_message_reads_back() -> None:
    """What was sent is what is received."""
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
def test_foreign_message_is_refused(body: str) -> None:
    """Whatever is none of ours, also one of a future version, is a bad message and not a crash."""
    with pytest.raises(BadMessage):
        decode_message(body)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"])
def test_each_accepted_format_is_told_by_its_content(name: str) -> None:
    """A real file of each format is recognised."""
    detected = image_formats.detect_format(sample_images.encoded(sample_images.scene(), name))
    assert detected is image_formats.BY_NAME[name]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"hello, world", None),
        (b"BMerely text", None),
        (b"", None),
    ],
)
def test_other_content_is_no_image_and_known_kinds_have_a_name(data: bytes, name: str | None) -> None:
    """What is not accepted is not detected; common kinds are refused by name."""
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
def test_filename_is_kept_as_data(given_name: str, cleaned: str | None) -> None:
    """Path parts, control and bidi characters go; what a person meant stays."""
    assert filenames.clean_filename(given_name) == cleaned


@given(st.text(max_size=600))
def test_any_filename_is_short_clean_and_stable(name: str) -> None:
    """Whatever comes in, what is kept fits a file system and does not change when cleaned again."""
    cleaned = filenames.clean_filename(name)
    if cleaned is not None:
        assert len(cleaned.encode()) <= filenames.MAX_BYTES
        assert not set(cleaned) & set("/\\\n\r\0\u202e")
        assert filenames.clean_filename(cleaned) == cleaned


@given(st.text(min_size=1, max_size=300))
def test_disposition_is_one_ascii_header_line(name: str) -> None:
    """No file name breaks out of its header."""
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
def test_extension_is_replaced_where_there_is_one(name: str, changed: str) -> None:
    """A result is named after its raw image, with its own extension."""
    assert filenames.replace_extension(name, "png") == changed


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - hypothesis adds the zone below
def test_written_moments_sort_as_the_moments_do(moment: datetime, hours: int) -> None:
    """The text of a moment has a fixed width, is UTC, and reads back."""
    aware = moment.replace(microsecond=moment.microsecond // 1000 * 1000, tzinfo=timezone(timedelta(hours=hours)))
    text = to_iso(aware)
    assert len(text) == 24
    assert from_iso(text) == aware
    assert to_iso(aware + timedelta(milliseconds=1)) > text


def test_wrong_setting_is_named() -> None:
    """The complaint about a setting names its environment variable and quotes none: the environment holds keys."""
    with pytest.raises(ValidationError) as refused:
        WorkerSettings.read({"LEASE_SECONDS": "soon"})
    wrong = {error["loc"][0]: error["type"] for error in refused.value.errors()}
    assert wrong["LEASE_SECONDS"] == "int_parsing"
    assert wrong["IMAGE_BUCKET"] == "missing"
    assert "soon" not in str(refused.value)


def test_each_code_means_one_thing() -> None:
    """No two errors share a code, save those that inherit it from their parent on purpose."""
    seen: dict[str, type[SafelightError]] = {}
    for error in error_classes():
        other = seen.setdefault(error.code, error)
        assert other is error or issubclass(error, other), f"{error.__name__} and {other.__name__}: {error.code}"
