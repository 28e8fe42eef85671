"""What a caller keeps at the API: presets and assets."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from safelight.errors import RequestNotSent
from safelight.models import Asset, AssetPage, Preset, PresetPage
from safelight.transport import responses
from safelight.upload_source import prepare

#: Entries asked for at once when listing.
PAGE_SIZE = 100


class Call(Protocol):
    """Send one request to the API, with retries; raises ClientError."""

    def __call__(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int | bool] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], Any] | None = None,
        repeatable: bool,
    ) -> httpx.Response:
        """Return a success; ``content`` opens the body anew for every try."""


class Presets:
    """The caller's presets and the built-in ones. Every method raises ClientError."""

    def __init__(self, call: Call) -> None:
        """Work through ``call``."""
        self._call = call

    def list(self) -> Iterator[Preset]:
        """Yield all presets: built-in ones, then the caller's by name."""
        cursor: str | None = None
        while True:
            page = responses.read(self._call("GET", "presets", query=_page(cursor), repeatable=True), PresetPage)
            yield from page.presets
            cursor = page.next_cursor
            if cursor is None:
                return

    def get(self, name: str, version: int | None = None) -> Preset:
        """Return a preset in its newest version, or in a certain one."""
        query = {} if version is None else {"version": version}
        return responses.read(self._call("GET", f"presets/{path_part(name)}", query=query, repeatable=True), Preset)

    def put(
        self,
        name: str,
        pipeline: Mapping[str, Any],
        *,
        description: str = "",
        expected: int | None = None,
    ) -> Preset:
        """Write a new version and return it.

        ``expected`` is the version that must be the newest, 0 for none at all: else ApiError ``PRESET_CHANGED``.
        """
        headers = {"Content-Type": "application/json"} | _precondition(expected)
        body = json.dumps({"pipeline": pipeline, "description": description}).encode()
        # A second try after a lost answer would be one more version.
        return responses.read(
            self._call("PUT", f"presets/{path_part(name)}", headers=headers, content=lambda: body, repeatable=False),
            Preset,
        )

    def delete(self, name: str, *, expected: int | None = None) -> None:
        """Delete a preset; its versions stay readable by number."""
        self._call("DELETE", f"presets/{path_part(name)}", headers=_precondition(expected), repeatable=False)


class Assets:
    """The caller's images for watermarks. Every method raises ClientError."""

    def __init__(self, call: Call) -> None:
        """Work through ``call``."""
        self._call = call

    def list(self) -> Iterator[Asset]:
        """Yield all assets by name."""
        cursor: str | None = None
        while True:
            page = responses.read(self._call("GET", "assets", query=_page(cursor), repeatable=True), AssetPage)
            yield from page.assets
            cursor = page.next_cursor
            if cursor is None:
                return

    def get(self, name: str) -> Asset:
        """Return the facts of an asset."""
        return responses.read(self._call("GET", f"assets/{path_part(name)}", repeatable=True), Asset)

    def put(self, name: str, picture: str | Path | bytes) -> Asset:
        """Keep an image, in the place of what the name had before. Raises LocalFileError too."""
        upload = prepare(picture)

        def content() -> bytes:
            with upload.opened() as opened:
                return opened if isinstance(opened, bytes) else opened.read()

        headers = {"Content-Type": "application/octet-stream"}
        path = f"assets/{path_part(name)}"
        return responses.read(self._call("PUT", path, headers=headers, content=content, repeatable=True), Asset)

    def delete(self, name: str) -> None:
        """Delete an asset with every content that it has had."""
        self._call("DELETE", f"assets/{path_part(name)}", repeatable=False)


def path_part(text: str) -> str:
    """Write one path part: whatever is asked for, it never leads to another route."""
    if not text:
        raise RequestNotSent("A name is missing.")
    # A part of dots alone would climb to another path.
    return quote(text, safe="", errors="replace").replace(".", "%2E")


def _page(cursor: str | None) -> dict[str, str | int | bool]:
    return {"limit": PAGE_SIZE} | ({} if cursor is None else {"cursor": cursor})


def _precondition(expected: int | None) -> dict[str, str]:
    if expected is None:
        return {}
    return {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
