"""Where the API is: told, or left behind by ``safelight up``."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from safelight.errors import AddressUnknown

STATE_DIR_VARIABLE = "SAFELIGHT_STATE_DIR"
API_URL_VARIABLE = "SAFELIGHT_API_URL"
DEFAULT_STATE_DIR = ".safelight"


def find_state_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in which ``safelight up`` keeps its state."""
    return Path(environment.get(STATE_DIR_VARIABLE) or DEFAULT_STATE_DIR)


def find_api_url(given: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the API's address: what was given, else the environment's, else that of the local stack.

    Raises AddressUnknown, with a sentence that says what to do.
    """
    told = given or environment.get(API_URL_VARIABLE)
    return check_api_url(told or _from_stack(find_state_dir(environment) / "stack.json"))


def check_api_url(text: str) -> str:
    """Return the address without its last slash. Raises AddressUnknown for what is no HTTP address."""
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"}:
        raise AddressUnknown(f"{text!r} is not the address of an API; it should look like https://example.org/v1.")
    return text.rstrip("/")


def _from_stack(path: Path) -> str:
    try:
        stack = json.loads(path.read_bytes())
        url = stack["api_url"]
    except FileNotFoundError as error:
        raise AddressUnknown(
            f"No Safelight is known here: run `safelight up`, or give its address with --api-url or {API_URL_VARIABLE}."
        ) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise AddressUnknown(f"{path} does not name an API: run `safelight up` again.") from error
    return str(url)
