"""The caller's presets and assets."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safelight.connection import Connection, iterate_pages, quote_path
from safelight.models import Asset, AssetPage, Preset, PresetPage
from safelight.transport import responses
from safelight.uploads import prepare


class Presets:
    """Built-in presets and the caller's own. Every method raises ClientError."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def list(self) -> Iterator[Preset]:
        """Yield the built-in presets, then the caller's, each by name."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "presets", query=query), PresetPage),
            lambda page: page.presets,
        )

    def get(self, name: str, version: int | None = None) -> Preset:
        """Return one version of a preset, by default the newest."""
        query = {} if version is None else {"version": version}
        return responses.read(self._connection.request("GET", f"presets/{quote_path(name)}", query=query), Preset)

    def put(
        self, name: str, pipeline: Mapping[str, Any], *, description: str = "", expected: int | None = None
    ) -> Preset:
        """Store a new version and return it.

        Raises ApiError ``PRESET_CHANGED`` if the newest version is not ``expected``, where 0 means none.
        """
        response = self._connection.request(
            "PUT",
            f"presets/{quote_path(name)}",
            headers=_precondition(expected),
            document={"pipeline": pipeline, "description": description},
            repeatable=False,  # a retry after a lost response would store one more version
        )
        return responses.read(response, Preset)

    def delete(self, name: str, *, expected: int | None = None) -> None:
        """Delete a preset. Its versions can still be read by number."""
        path, headers = f"presets/{quote_path(name)}", _precondition(expected)
        self._connection.request("DELETE", path, headers=headers, repeatable=False)


class Assets:
    """The caller's watermark images. Every method raises ClientError."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def list(self) -> Iterator[Asset]:
        """Yield all assets by name."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "assets", query=query), AssetPage),
            lambda page: page.assets,
        )

    def get(self, name: str) -> Asset:
        """Return the metadata of an asset."""
        return responses.read(self._connection.request("GET", f"assets/{quote_path(name)}"), Asset)

    def put(self, name: str, image: str | Path | bytes) -> Asset:
        """Store an image under a name, replacing the previous one. Raises LocalFileError too."""
        headers = {"Content-Type": "application/octet-stream"}
        body = prepare(image).opened
        response = self._connection.request("PUT", f"assets/{quote_path(name)}", headers=headers, body=body)
        return responses.read(response, Asset)

    def delete(self, name: str) -> None:
        """Delete an asset with all its versions."""
        self._connection.request("DELETE", f"assets/{quote_path(name)}", repeatable=False)


def _precondition(expected: int | None) -> dict[str, str]:
    if expected is None:
        return {}
    return {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
