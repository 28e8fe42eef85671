"""What the commands are given by ``safelight.cli.app``: how to reach an API, how to start an engine."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer

from safelight.address import find_api_url

if TYPE_CHECKING:
    from safelight.client import Safelight


class Stack(Protocol):
    """What the demo needs to know of a running stack."""

    @property
    def api_url(self) -> str:
        """Address of the API; ends in ``/v1``."""

    @property
    def ui_url(self) -> str:
        """Address of the page for people."""


class Finding(Protocol):
    """One thing that was compared with a receipt."""

    @property
    def what(self) -> str:
        """Name the thing."""

    @property
    def state(self) -> str:
        """Say how it is."""

    @property
    def detail(self) -> str:
        """Say more."""


class Verify(Protocol):
    """Do a job again from its receipt and compare. Raises ClientError."""

    def __call__(
        self,
        document: dict[str, Any],
        raw: bytes | None,
        outputs: Mapping[str, bytes | None],
        assets: Mapping[str, bytes],
    ) -> list[Finding]:
        """Return what was found; None stands for what is not there."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Made once for each run of the command."""

    #: Make a client for an address.
    connect: Callable[[str], "Safelight"]
    #: Bring up the local stack: its state folder, and where to say what happens.
    start_engine: Callable[[Path, Callable[[str], None]], Stack]
    #: Compare with a receipt, by the worker's own code.
    verify: Verify
    #: Yield the names of what lies below ``s3://bucket/prefix/``, given the API's address and that; None: no way.
    list_objects: Callable[[str, str], Iterator[str]] | None = None


def connect(context: typer.Context, api_url: str | None) -> "Safelight":
    """Make the client for a command. Raises AddressUnknown."""
    wiring: Wiring = context.obj
    return wiring.connect(find_api_url(api_url))
