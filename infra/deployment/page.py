"""The web page in its bucket: files, media types, cache times, and their upload.

The files of `web/` are served unchanged, with three exceptions:

* `config.json` contains the URL of the API.
* The Content-Security-Policy in the start page names the hosts that the web page may contact.
* The name of the folder of scripts and styles contains a hash of its content. So browsers can cache the folder forever,
  and never mix two versions.

The bucket has HTML, styles, scripts and SVG compressed with gzip, because S3 does not compress what it sends.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from infra.deployment.packaging import SOURCE_ROOT, walk_files
from infra.errors import SetupError
from infra.sessions import Clients
from infra.stack import get_api_address
from shared.version import VERSION

START_PAGE: Final = "index.html"
CONFIG: Final = "config.json"
#: Folder of all files that the start page loads.
APP_FOLDER: Final = "app"
TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webp": "image/webp",
}
CACHE_FOREVER: Final = "public, max-age=31536000, immutable"
#: Cached, but revalidated before each use.
REVALIDATE: Final = "no-cache"
#: Only editors and type checkers read them.
_TYPE_DECLARATIONS: Final = ".d.ts"
_COMPRESSED: Final = frozenset(TYPES[each] for each in (".css", ".html", ".js", ".svg"))
_OWN_HOST_ONLY: Final = ("connect-src 'self'", "img-src 'self'")


@dataclass(frozen=True, slots=True)
class File:
    """One object in the bucket of the web page."""

    data: bytes
    media_type: str
    cache: str

    def encode(self) -> tuple[bytes, dict[str, Any]]:
        """Return the stored bytes, and the parameters of PutObject that describe them."""
        described: dict[str, Any] = {"ContentType": self.media_type, "CacheControl": self.cache}
        if self.media_type not in _COMPRESSED:
            return self.data, described
        # Without a time, the same data has the same ETag.
        return gzip.compress(self.data, mtime=0), described | {"ContentEncoding": "gzip"}


def make_configuration(outputs: Mapping[str, str], auth: str) -> dict[str, Any]:
    """Return the content of ``config.json``: the API's URL and how to sign in. ``auth`` is the value of ApiAuth.

    On a local engine, the URL is only a path, because the web page and the API have the same host.
    """
    cognito = None
    if auth == "cognito" and "CognitoDomain" in outputs:
        cognito = {"domain": outputs["CognitoDomain"], "client_id": outputs["CognitoClientId"]}
    return {"api_url": get_api_address(outputs), "auth": auth, "cognito": cognito, "version": VERSION}


def build_files(outputs: Mapping[str, str], auth: str, source: Path = SOURCE_ROOT) -> dict[str, File]:
    """Return the bucket's objects by key, the start page last. Raises SetupError if a file has an unknown type."""
    folder = source / "web"
    parts = {
        name: path.read_bytes()
        for name, path in sorted(walk_files(folder / APP_FOLDER))
        if not name.endswith(_TYPE_DECLARATIONS)
    }
    digest = hashlib.sha256()
    for name, data in parts.items():
        digest.update(f"{name} {len(data)} ".encode() + data)
    versioned = f"{APP_FOLDER}-{digest.hexdigest()[:12]}"
    found = {f"{versioned}/{name}": File(data, _type(name), CACHE_FOREVER) for name, data in parts.items()}
    config = make_configuration(outputs, auth)
    found[CONFIG] = File(json.dumps(config, indent=2).encode(), TYPES[".json"], REVALIDATE)
    page = (folder / START_PAGE).read_text(encoding="utf-8").replace(f'"{APP_FOLDER}/', f'"{versioned}/')
    found[START_PAGE] = File(_allow(page, _hosts(outputs, config)).encode(), TYPES[".html"], REVALIDATE)
    return found


def _type(name: str) -> str:
    suffix = Path(name).suffix
    if suffix not in TYPES:
        raise SetupError(f"web/{APP_FOLDER}/{name} has an unknown type; add it to TYPES in infra/deployment/page.py.")
    return TYPES[suffix]


def _hosts(outputs: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
    """Return the origins that the web page contacts besides its own. On a local engine, there are none."""
    named = [config["api_url"], outputs.get("ImageBucketUrl", ""), (config["cognito"] or {}).get("domain", "")]
    split = [urlsplit(each) for each in named]
    return [f"{each.scheme}://{each.netloc}" for each in split if each.netloc]


def _allow(page: str, hosts: list[str]) -> str:
    """Return the start page with these hosts added to its policy, which otherwise allows only its own origin."""
    for directive in _OWN_HOST_ONLY:
        if directive not in page:
            raise SetupError(f"web/{START_PAGE} has no policy with {directive}.")
        page = page.replace(directive, " ".join([directive, *hosts]))
    return page


def publish(clients: Clients, bucket: str, files: Mapping[str, File]) -> int:
    """Upload the files that have changed, then delete files that are no longer needed. Return the number of uploads.

    The start page is uploaded last, so that until then the bucket contains the complete old web page.
    """
    stored = {
        entry["Key"]: entry["ETag"].strip('"')
        for page in clients.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for entry in page.get("Contents", [])
    }
    encoded = {key: file.encode() for key, file in files.items()}
    changed = [key for key, (data, _) in encoded.items() if stored.get(key) != _etag(data)]
    for key in sorted(changed, key=lambda each: each == START_PAGE):
        data, described = encoded[key]
        clients.s3.put_object(Bucket=bucket, Key=key, Body=data, **described)
    for key in stored.keys() - files.keys():
        clients.s3.delete_object(Bucket=bucket, Key=key)
    return len(changed)


def _etag(data: bytes) -> str:
    """Return the ETag of an object that was uploaded in one part and is encrypted with S3's own keys."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
