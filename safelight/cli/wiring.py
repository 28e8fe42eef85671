"""Dependencies of the commands, which ``safelight.cli.app`` injects."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from safelight.address import find_api_url

if TYPE_CHECKING:
    from safelight.client import Safelight


class Stack(Protocol):
    """The URLs of a running stack."""

    @property
    def api_url(self) -> str:
        """URL of the API, ending in ``/v1``."""

    @property
    def ui_url(self) -> str:
        """URL of the web page."""


class Finding(Protocol):
    """The result of one comparison with a receipt."""

    @property
    def what(self) -> str:
        """What was compared."""

    @property
    def state(self) -> str:
        """One of the states in ``worker.receipt_check``."""

    @property
    def detail(self) -> str:
        """Explanation."""


class Verify(Protocol):
    """A function that verifies a receipt."""

    def __call__(
        self,
        document: dict[str, Any],
        raw: bytes | None,
        outputs: Mapping[str, bytes | None],
        assets: Mapping[str, bytes],
    ) -> list[Finding]:
        """Repeat the job of a receipt and return the findings. An image that is not stored is None.

        Raises ClientError if the document is not a receipt.
        """


@dataclass(frozen=True, slots=True)
class Wiring:
    """Functions that need more than the package ``safelight.client``."""

    #: Returns a client for the URL of an API.
    connect: Callable[[str], "Safelight"]
    #: Starts the local stack, given its state folder and a function that prints progress.
    start_engine: Callable[[Path, Callable[[str], None]], Stack]
    #: Verifies a receipt with the code of the worker.
    verify: Verify
    #: Yields the objects below ``s3://bucket/prefix/``, given the URL of the API and this name. None if not supported.
    list_objects: Callable[[str, str], Iterator[str]] | None = None


def connect(context: typer.Context, api_url: str | None) -> "Safelight":
    """Return the client of a command. Raises AddressUnknown."""
    wiring: Wiring = context.obj
    return wiring.connect(find_api_url(api_url))
