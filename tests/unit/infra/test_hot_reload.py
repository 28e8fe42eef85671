"""Hot reload: what counts as a change, and how it is deployed."""

from pathlib import Path

import pytest

from infra import hot_reload, local_stack
from infra.errors import SetupError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source tree with all packages."""
    for room in ("api", "worker", "notifier", "shared", "safelight", "web"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("# one\n")
    return tmp_path


def test_each_change_is_reported_once() -> None:
    """Looks with equal results yield nothing."""
    looks = iter([1, 1, 2, 2, 2, 3, 1])
    seen: list[int] = []

    def look() -> int:
        seen.append(next(looks))
        return seen[-1]

    found = hot_reload.watch_changes(look, pause=lambda: None)
    for so_far in ([1, 1, 2], [1, 1, 2, 2, 2, 3], [1, 1, 2, 2, 2, 3, 1]):
        next(found)
        assert seen == so_far


@pytest.mark.parametrize(
    ("name", "counts"),
    [("api/new.py", True), ("shared/__init__.py", True), ("web/index.html", True), ("safelight/x.py", False)],
)
def test_only_deployed_files_count(source: Path, name: str, counts: bool) -> None:
    """Files of the functions' packages and of the page count; others do not."""
    before = hot_reload.take_fingerprint(source)
    (source / name).write_text("# another line\n")
    assert (hot_reload.take_fingerprint(source) != before) == counts


def test_a_failed_deployment_does_not_stop_the_watch(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next change is deployed again."""
    outcomes = iter([SetupError("The template is torn."), None])
    told: list[str] = []

    def up(*_: object, **__: object) -> None:
        outcome = next(outcomes)
        if outcome:
            raise outcome

    monkeypatch.setattr(local_stack, "up", up)
    monkeypatch.setattr(hot_reload, "watch_changes", lambda _: iter([None, None]))
    hot_reload.follow_changes(tmp_path, "embedded", told.append, source)
    assert told[0] == "The template is torn."
    assert told[1].startswith("redeployed in")
