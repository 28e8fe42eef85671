"""The caller's presets and assets."""

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.connection import Connection, iterate_pages, quote_path
from safelight.local_images import Image, prepare
from safelight.models import Asset, AssetPage, Preset, PresetPage
from safelight.transport import responses


class Presets:
    """The built-in presets and the caller's presets. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def list(self) -> Iterator[Preset]:
        """Yield the built-in presets and then the caller's presets, both sorted by name."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "presets", query=query), PresetPage),
            lambda page: page.presets,
        )

    def get(self, name: str, version: int | None = None) -> Preset:
        """Return one version of a preset, by default the newest version."""
        query = {} if version is None else {"version": version}
        return responses.read(self._connection.request("GET", f"presets/{quote_path(name)}", query=query), Preset)

    def put(
        self, name: str, pipeline: Mapping[str, Any], *, description: str = "", expected: int | None = None
    ) -> Preset:
        """Store a new version of a preset and return it.

        If ``expected`` is given, raises ApiError ``PRESET_CHANGED`` unless it is the number of the newest version. With
        0, the preset must not exist yet.
        """
        response = self._connection.request(
            "PUT",
            f"presets/{quote_path(name)}",
            headers=_precondition(expected),
            document={"pipeline": pipeline, "description": description},
            repeatable=False,  # a retry after a lost response would store another version
        )
        return responses.read(response, Preset)

    def delete(self, name: str, *, expected: int | None = None) -> None:
        """Delete a preset. Each version can still be read by its number. ``expected`` is that of :meth:`put`."""
        path, headers = f"presets/{quote_path(name)}", _precondition(expected)
        self._connection.request("DELETE", path, headers=headers, repeatable=False)


class Assets:
    """The caller's assets, such as watermark images. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def list(self) -> Iterator[Asset]:
        """Yield all assets, sorted by name."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "assets", query=query), AssetPage),
            lambda page: page.assets,
        )

    def get(self, name: str) -> Asset:
        """Return the metadata of an asset."""
        return responses.read(self._connection.request("GET", f"assets/{quote_path(name)}"), Asset)

    def put(self, name: str, image: Image) -> Asset:
        """Store an image as an asset, which replaces an asset of the same name. Return the new asset.

        Raises LocalFileError if the file can't be read.
        """
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
