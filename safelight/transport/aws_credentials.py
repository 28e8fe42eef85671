"""The caller's AWS keys: from the environment, else from the shared credentials file.

Keys of a role, of SSO or of a process are none of these: ``aws configure export-credentials --format env`` brings
them into the environment.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safelight.errors import CredentialsMissing

_GATEWAY = re.compile(r"^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a signature is made with."""

    key_id: str
    secret: str = field(repr=False)
    #: Of temporary keys.
    session_token: str | None = field(default=None, repr=False)


def find_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return the keys of the environment, else those of the profile, or None. Raises CredentialsMissing.

    The names are those of AWS's own tools. A profile that was asked for by name (``AWS_PROFILE``) and has no keys in
    the file is an error, for other keys would be somebody else's.
    """
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret:
        return Credentials(key_id, secret, environment.get("AWS_SESSION_TOKEN"))
    home = environment.get("HOME") or str(Path.home())
    path = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or Path(home, ".aws", "credentials"))
    asked = environment.get("AWS_PROFILE")
    found = _of_profile(path, asked or "default")
    if found is None and asked:
        raise CredentialsMissing(
            f"The profile {asked} has no keys in {path}; "
            "`aws configure export-credentials --format env` exports those of a role or of SSO."
        )
    return found


def find_region(host: str, environment: Mapping[str, str]) -> str | None:
    """Return the region that a signature must name: the gateway's own, else the environment's."""
    named = _GATEWAY.match(host)
    return named[1] if named else environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")


def is_gateway(host: str) -> bool:
    """Tell whether a host is an API Gateway of AWS under its own name."""
    return _GATEWAY.match(host) is not None


def _of_profile(path: Path, profile: str) -> Credentials | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        section = parser[profile]
    except (KeyError, configparser.Error, OSError, UnicodeError):
        return None
    key_id, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    return Credentials(key_id, secret, section.get("aws_session_token")) if key_id and secret else None
