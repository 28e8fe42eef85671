"""Hot reload: what counts as a change, and what follows from it."""

from pathlib import Path

import pytest

from infra import hot_reload, local_stack
from infra.errors import SetupError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tree with the rooms."""
    for room in ("api", "worker", "notifier", "shared", "safelight", "web"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("# one\n")
    return tmp_path


def test_each_change_counts_once() -> None:
    """Looks that show the same bring nothing; each that differs from the one before brings one deployment."""
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
def test_what_is_deployed_counts(source: Path, name: str, counts: bool) -> None:
    """New and changed files of the functions' rooms and of the page are a change; other rooms are not."""
    before = hot_reload.take_fingerprint(source)
    (source / name).write_text("# another line\n")
    assert (hot_reload.take_fingerprint(source) != before) == counts


def test_a_faulty_state_is_reported_and_waited_out(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Code that can't be deployed ends nothing: the next change is tried again."""
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
