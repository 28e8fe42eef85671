"""The URL of the API, from an argument, from the environment or from the local stack."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from safelight.errors import AddressUnknown, StateDirUnknown

STATE_DIR_VARIABLE = "SAFELIGHT_STATE_DIR"
API_URL_VARIABLE = "SAFELIGHT_API_URL"
DEFAULT_STATE_DIR = ".safelight"
#: The user's state directory (XDG Base Directory Specification), if XDG_STATE_HOME is not set.
_USER_STATE_HOME = ".local/state"


def find_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in which ``safelight up`` stores its state."""
    return Path(environment.get(STATE_DIR_VARIABLE) or DEFAULT_STATE_DIR)


def find_user_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder for the progress of uploads, which is the same in every current folder.

    It is ``SAFELIGHT_STATE_DIR``, or else ``safelight`` in the user's state directory. Raises StateDirUnknown if the
    user has no home directory.
    """
    given = environment.get(STATE_DIR_VARIABLE)
    if given:
        return Path(given)
    home = environment.get("XDG_STATE_HOME", "")
    if os.path.isabs(home):  # noqa: PTH117 - the specification ignores relative paths
        return Path(home) / "safelight"
    try:
        return Path.home() / _USER_STATE_HOME / "safelight"
    except RuntimeError as error:
        raise StateDirUnknown(f"There is no home directory. Set {STATE_DIR_VARIABLE} to a folder.") from error


def find_api_url(given: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the URL of the API: ``given``, or else ``SAFELIGHT_API_URL``, or else the URL of the local stack.

    Raises AddressUnknown if there is no URL or it is invalid.
    """
    url = given or environment.get(API_URL_VARIABLE)
    return check_api_url(url or _read_stack_url(find_state_dir(environment) / "stack.json"))


def check_api_url(text: str) -> str:
    """Return the URL without a trailing slash. Raises AddressUnknown unless it is an HTTP or HTTPS URL."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise AddressUnknown(f"{text!r} is not the address of an API. Use a URL such as https://example.org/v1.")
    return text.rstrip("/")


def _read_stack_url(path: Path) -> str:
    try:
        stack = json.loads(path.read_bytes())
        url = stack["api_url"]
    except FileNotFoundError as error:
        raise AddressUnknown(
            f"The URL of the API is not set. Set {API_URL_VARIABLE}, or pass --api-url. "
            "To start a local stack instead, run `safelight up`."
        ) from error
    except OSError as error:
        raise AddressUnknown(
            f"{path} can't be read ({error.strerror or error}). Set {API_URL_VARIABLE}, or {STATE_DIR_VARIABLE} to "
            "another folder."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise AddressUnknown(f"{path} does not contain the address of an API. Run `safelight up` again.") from error
    return str(url)
