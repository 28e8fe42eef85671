"""Where the client looks for the API, and what it says when it finds none."""

import json
from pathlib import Path

import pytest

from safelight.address import find_api_url, find_state_dir
from safelight.errors import AddressUnknown


def test_given_address_overrides_environment_and_stack(tmp_path: Path) -> None:
    """The nearest word counts; a slash at the end does not matter."""
    (tmp_path / "stack.json").write_text(json.dumps({"api_url": "http://stack.test/v1/"}))
    state = {"SAFELIGHT_STATE_DIR": str(tmp_path)}
    both = {**state, "SAFELIGHT_API_URL": "https://environment.test/v1"}
    assert find_api_url("http://given.test/v1/", both) == "http://given.test/v1"
    assert find_api_url(None, both) == "https://environment.test/v1"
    assert find_api_url(None, state) == "http://stack.test/v1"


def test_state_folder_is_configurable() -> None:
    """The folder is the one that `safelight up` uses."""
    assert find_state_dir({}) == Path(".safelight")
    assert find_state_dir({"SAFELIGHT_STATE_DIR": "elsewhere"}) == Path("elsewhere")


def test_missing_address_error_shows_both_solutions(tmp_path: Path) -> None:
    """The error names the command and the option."""
    with pytest.raises(AddressUnknown, match=r"--api-url.*`safelight up`"):
        find_api_url(None, {"SAFELIGHT_STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", "\udcff"])
def test_broken_state_file_error_shows_the_solution(tmp_path: Path, content: str) -> None:
    """An incomplete file raises AddressUnknown."""
    (tmp_path / "stack.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(AddressUnknown, match="Run `safelight up` again"):
        find_api_url(None, {"SAFELIGHT_STATE_DIR": str(tmp_path)})


@pytest.mark.parametrize("url", ["api.test/v1", "ftp://api.test/v1", "http://", "http://[::1/v1", "/v1", "file:///v1"])
def test_invalid_address_error_shows_an_example(url: str) -> None:
    """The address is checked before a request is sent."""
    with pytest.raises(AddressUnknown, match=r"https://example\.org/v1"):
        find_api_url(url, {})
