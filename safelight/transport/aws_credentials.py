"""AWS credentials from the environment or the shared credentials file.

Other credentials, such as those of a role, of SSO or of a process, are not read. ``aws configure export-credentials
--format env`` prints them as environment variables.
"""

import configparser
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safelight.errors import CredentialsMissing

#: Domains of AWS's partitions.
_DOMAINS = (
    *("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu"),
    *("c2s.ic.gov", "sc2s.sgov.gov", "cloud.adc-e.uk", "csp.hci.ic.gov"),
)
_GATEWAY = re.compile(rf"^[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.({'|'.join(map(re.escape, _DOMAINS))})$")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS access key."""

    key_id: str
    secret: str = field(repr=False)
    #: Only temporary credentials have a session token.
    session_token: str | None = field(default=None, repr=False)


def find_credentials(environment: Mapping[str, str]) -> Credentials | None:
    """Return the credentials of the environment, or else those of the profile, or else None.

    The variables are those of the AWS CLI. Raises CredentialsMissing if ``AWS_PROFILE`` names a profile without keys,
    because all other keys belong to another identity.
    """
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if key_id and secret:
        return Credentials(key_id, secret, environment.get("AWS_SESSION_TOKEN"))
    home = environment.get("HOME") or str(Path.home())
    path = Path(environment.get("AWS_SHARED_CREDENTIALS_FILE") or Path(home, ".aws", "credentials"))
    profile = environment.get("AWS_PROFILE")
    credentials = _read_profile(path, profile or "default")
    if credentials is None and profile:
        raise CredentialsMissing(
            f"The profile {profile} has no keys in {path}. For a role or SSO, run "
            "`aws configure export-credentials --format env` and export its output."
        )
    return credentials


def find_region(host: str, environment: Mapping[str, str]) -> str | None:
    """Return the region to sign for: from the API Gateway's host name, or else from the environment, or else None."""
    match = _GATEWAY.match(host)
    return match[1] if match else environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")


def is_gateway(host: str) -> bool:
    """Return True if a host name is the default host name of an API Gateway."""
    return _GATEWAY.match(host) is not None


def _read_profile(path: Path, profile: str) -> Credentials | None:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
        section = parser[profile]
    except (KeyError, configparser.Error, OSError, UnicodeError):
        return None
    key_id, secret = section.get("aws_access_key_id"), section.get("aws_secret_access_key")
    return Credentials(key_id, secret, section.get("aws_session_token")) if key_id and secret else None
