"""The web page as it lies in its bucket: which files, of which type, and how long a browser may keep them.

The files are served as they stand in `web/`, but for three things that only a deployment knows: `config.json`
says where the API is, the page's policy names the hosts that it may talk to, and the folder of scripts and
styles carries a hash of its content, so that a browser keeps it for good and never mixes two versions.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from infra.deployment.packaging import SOURCE, walk
from infra.faults import SetupFault
from infra.stack import api_address
from shared.version import VERSION

START: Final = "index.html"
CONFIG: Final = "config.json"
#: Folder of everything that the page loads.
PARTS: Final = "app"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
FOR_GOOD: Final = "public, max-age=31536000, immutable"
#: Kept, but shown only after the server has said that it is still the newest.
ASK_FIRST: Final = "no-cache"
_OWN_HOST_ONLY: Final = ("connect-src 'self'", "img-src 'self'")


@dataclass(frozen=True, slots=True)
class File:
    """One object of the page's bucket."""

    data: bytes
    media_type: str
    cache: str


def configuration(outputs: Mapping[str, str], auth: str) -> dict[str, Any]:
    """Return what the page must know: where the API is and how one signs in. ``auth`` is ApiAuth's value.

    On a local engine the address is a path: page and API have one host there, by whatever name it is called.
    """
    cognito = None
    if auth == "cognito" and "CognitoDomain" in outputs:
        cognito = {"domain": outputs["CognitoDomain"], "client_id": outputs["CognitoClientId"]}
    return {"api_url": api_address(outputs), "auth": auth, "cognito": cognito, "version": VERSION}


def files(outputs: Mapping[str, str], auth: str, source: Path = SOURCE) -> dict[str, File]:
    """Return the bucket's objects by key, the start page last. Raises SetupFault for a file of unknown type."""
    folder = source / "web"
    parts = {name: path.read_bytes() for name, path in sorted(walk(folder / PARTS))}
    digest = hashlib.sha256()
    for name, data in parts.items():
        digest.update(f"{name} {len(data)} ".encode() + data)
    versioned = f"{PARTS}-{digest.hexdigest()[:12]}"
    found = {f"{versioned}/{name}": File(data, _type(name), FOR_GOOD) for name, data in parts.items()}
    config = configuration(outputs, auth)
    found[CONFIG] = File(json.dumps(config, indent=2).encode(), TYPES[".json"], ASK_FIRST)
    page = (folder / START).read_text(encoding="utf-8").replace(f'"{PARTS}/', f'"{versioned}/')
    found[START] = File(_allow(page, _hosts(outputs, config)).encode(), TYPES[".html"], ASK_FIRST)
    return found


def _type(name: str) -> str:
    suffix = Path(name).suffix
    if suffix not in TYPES:
        raise SetupFault(f"web/{PARTS}/{name} has no known type; infra/page.py lists those that there are.")
    return TYPES[suffix]


def _hosts(outputs: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
    """Name the hosts beside its own that the page needs; none on a local engine."""
    named = [config["api_url"], outputs.get("ImageBucketUrl", ""), (config["cognito"] or {}).get("domain", "")]
    split = [urlsplit(each) for each in named]
    return [f"{each.scheme}://{each.netloc}" for each in split if each.netloc]


def _allow(page: str, hosts: list[str]) -> str:
    """Add hosts to the page's policy, which allows its own alone."""
    for written in _OWN_HOST_ONLY:
        if written not in page:
            raise SetupFault(f"web/{START} has no policy with {written}.")
        page = page.replace(written, " ".join([written, *hosts]))
    return page
