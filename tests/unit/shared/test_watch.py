"""The decisions of a watch: which objects, which batch, how far back a catch-up looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource, S3Location
from shared.jobs.watch import FULL_EVERY, OVERLAP, CatchUp, Grouping, Watch, is_day_over, mark_of, overlap
from shared.pipeline.pipeline import DEFAULT_PIPELINE

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
WATCH = Watch(
    id="01K0000000000000000000000A",
    owner="ann",
    bucket="shop",
    prefix="in/",
    created_at=NOON,
    since=NOON,
    **JobSpec(DEFAULT_PIPELINE).spec_fields(),
)


def make_source(key: str, version: str | None = None, etag: str = '"abc"') -> ImportSource:
    """Return an object."""
    return ImportSource(location=S3Location(bucket="shop", key=key, version=version), etag=etag)


@pytest.mark.parametrize(
    ("key", "include", "expected"),
    [
        ("in/a.jpg", (), True),
        ("in/deep/a.TIFF", (), True),
        ("in/a.txt", (), False),
        ("in/jpg", (), False),
        ("in/folder.jpg/", (), False),
        ("in", ("*",), False),
        ("out/in/a.jpg", ("*",), False),
        ("in/a.txt", ("*.txt",), True),
        ("in/a.jpg", ("**/*.jpg",), True),
        ("in/x/y/a.jpg", ("**/*.jpg",), True),
        ("in/x/a.jpg", ("x/**/a.jpg",), True),
        ("in/x/y/z/a.jpg", ("x/**/a.jpg",), True),
        ("in/y/a.jpg", ("x/**/a.jpg",), False),
        ("in/x/b/a.jpg", ("**/b/**/a.jpg",), True),
        ("in/b/x/a.jpg", ("**/b/**/a.jpg",), True),
        ("in/b/a.jpg", ("**/b/**/a.jpg",), True),
        ("in/x/b/y/z/a.jpg", ("**/b/**/a.jpg",), True),
        ("in/xb/a.jpg", ("**/b/**/a.jpg",), False),
        ("in/a/b/c/d/e.jpg", ("**/a/**/b/**/c/**/e.jpg",), True),
        ("in/a1.jpg", ("a[0-9].jpg",), True),
        ("in/a1.jpg", ("a[!0-9].jpg",), False),
        ("in/a[1].jpg", ("a[[]1].jpg",), True),
        ("in/a[1.jpg", ("a[1.jpg",), True),
        ("in/{a,b}.jpg", ("{a,b}.jpg",), True),
        ("in/a.jpg", ("{a,b}.jpg",), False),
        ("in/A.JPG", ("*.jpg",), False),
        ("in/.jpg", (), True),
    ],
)
def test_a_watch_is_responsible_for_matching_keys(key: str, include: tuple[str, ...], expected: bool) -> None:
    """Below its prefix, by pattern or by suffix."""
    assert replace(WATCH, include=include).matches(key) is expected


@pytest.mark.parametrize(
    ("prefix", "include", "expected"),
    [
        ("in/scan", (), True),
        ("in/scan", ("scan*.jpg",), True),
        ("in/scan", ("1.jpg",), False),
        ("in/scan", ("./*",), False),
        ("in/scan1.jpg", (), True),
        ("in/scan1.jpg", ("*.jpg",), True),
        ("in/scan1.jpg", ("*.png",), False),
        ("in/scan1.jpg/", (), False),
        ("", ("in/*.jpg",), True),
    ],
)
def test_a_prefix_may_end_within_a_file_name(prefix: str, include: tuple[str, ...], expected: bool) -> None:
    """Or be the whole key. The file name is always the part after the last slash."""
    assert replace(WATCH, prefix=prefix, include=include).matches("in/scan1.jpg") is expected


@pytest.mark.parametrize(
    ("prefix", "other", "expected"),
    [("a/", "a/", True), ("", "a/", True), ("a/b", "a/", True), ("a", "ab/", True), ("a/", "b/", False)],
)
def test_prefixes_overlap_if_an_object_can_be_under_both(prefix: str, other: str, expected: bool) -> None:
    """In both directions."""
    assert overlap(prefix, other) is overlap(other, prefix) is expected


def test_a_mark_stands_for_a_version() -> None:
    """With a version ID, the content does not count; without, it does. Keys and versions are not mixed up."""
    assert mark_of(make_source("a", "v1", '"x"')) == mark_of(make_source("a", "v1", '"y"'))
    assert mark_of(make_source("a", etag='"x"')) == mark_of(make_source("a", etag="x"))
    different = [
        *(make_source("a", "v1"), make_source("a", "v2"), make_source("b", "v1"), make_source("av", "1")),
        *(make_source("a", etag='"x"'), make_source("a", etag='"y"')),
    ]
    assert len({mark_of(each) for each in different}) == len(different)


def test_the_first_catch_up_and_one_each_week_examine_everything() -> None:
    """Others examine what was modified since shortly before the last one."""
    first = WATCH.start_catch_up(NOON)
    assert first.is_full
    assert WATCH.examines_since(first) == NOON
    assert replace(WATCH, since=None).examines_since(first) is None
    later = NOON + timedelta(days=5)
    watch = replace(WATCH, caught_up_at=later, fully_caught_up_at=NOON)
    partial = watch.start_catch_up(later + timedelta(hours=1))
    assert not partial.is_full
    assert watch.examines_since(partial) == later - OVERLAP
    assert replace(watch, since=None).examines_since(partial) == later - OVERLAP
    assert replace(watch, since=later).examines_since(partial) == later, "never before the watch"
    assert watch.start_catch_up(NOON + FULL_EVERY).is_full
    assert not watch.start_catch_up(NOON + FULL_EVERY - timedelta(seconds=1)).is_full


def test_the_batch_of_a_job_is_a_day_or_a_folder() -> None:
    """A day is that of UTC, whatever the clock's time zone."""
    late = datetime.fromisoformat("2026-12-01T01:30:00+02:00")
    assert WATCH.scope_of("in/a/b.jpg", late) == "2026-11-30"
    folders = replace(WATCH, grouping=Grouping.PREFIX)
    assert [folders.scope_of(key, late) for key in ("in/a/b.jpg", "in/c.jpg", "d.jpg")] == ["in/a", "in", ""]


def test_a_day_is_over_a_while_after_midnight() -> None:
    """Because the clocks of functions differ."""
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    assert not is_day_over("2026-11-30", midnight + timedelta(minutes=14))
    assert is_day_over("2026-11-30", midnight + timedelta(minutes=16))
    assert not is_day_over("2026-12-01", midnight + timedelta(hours=23))


def test_a_catch_up_that_is_under_way_keeps_its_kind() -> None:
    """Its position belongs to it."""
    full = CatchUp(started_at=NOON, is_full=True)
    assert replace(WATCH, caught_up_at=NOON + timedelta(days=9)).examines_since(full) == NOON
