"""The client room: a typed client of Safelight's HTTP API, and the ``safelight`` command.

``from safelight import Safelight`` is all that a program needs. The room knows the HTTP contract alone.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.client import Safelight

__all__ = ["Safelight"]


def __getattr__(name: str) -> object:
    """Import the client when it is first asked for: ``safelight --help`` should not wait for httpx."""
    if name in __all__:
        from safelight import client  # noqa: PLC0415 - this is the point of the function

        return getattr(client, name)
    raise AttributeError(name)
