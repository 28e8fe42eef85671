"""Where the client looks for the API, and what it says when it finds none."""

import json
from pathlib import Path

import pytest

from safelight.address import find_api_url, find_state_dir
from safelight.errors import AddressUnknown


def test_what_is_given_comes_first_then_the_environment_then_the_stack(tmp_path: Path) -> None:
    """The nearest word counts; a slash at the end does not matter."""
    (tmp_path / "stack.json").write_text(json.dumps({"api_url": "http://stack.test/v1/"}))
    state = {"SAFELIGHT_STATE_DIR": str(tmp_path)}
    both = {**state, "SAFELIGHT_API_URL": "https://environment.test/v1"}
    assert find_api_url("http://given.test/v1/", both) == "http://given.test/v1"
    assert find_api_url(None, both) == "https://environment.test/v1"
    assert find_api_url(None, state) == "http://stack.test/v1"


def test_state_is_kept_in_the_current_folder_unless_told_otherwise() -> None:
    """The folder is the one that `safelight up` uses."""
    assert find_state_dir({}) == Path(".safelight")
    assert find_state_dir({"SAFELIGHT_STATE_DIR": "elsewhere"}) == Path("elsewhere")


def test_no_address_at_all_says_what_to_do(tmp_path: Path) -> None:
    """Both ways out are named."""
    with pytest.raises(AddressUnknown, match=r"`safelight up`.*--api-url"):
        find_api_url(None, {"SAFELIGHT_STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", "\udcff"])
def test_a_broken_state_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    """Half a file is no reason for a traceback."""
    (tmp_path / "stack.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(AddressUnknown, match="run `safelight up` again"):
        find_api_url(None, {"SAFELIGHT_STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize("url", ["api.test/v1", "ftp://api.test/v1", "http://", "http://[::1/v1", "/v1", "file:///v1"])
def test_what_is_no_address_is_shown_beside_one_that_is(url: str) -> None:
    """A slip of the hand is told before anything is sent."""
    with pytest.raises(AddressUnknown, match=r"https://example\.org/v1"):
        find_api_url(url, {})
