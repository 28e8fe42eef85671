"""A typed Python client of the Safelight HTTP API, and the ``safelight`` command.

The client imports nothing from the other packages of the repository.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.async_client import AsyncSafelight
    from safelight.client import Safelight

    __version__: str

__all__ = ["AsyncSafelight", "Safelight", "__version__"]


def __getattr__(name: str) -> object:
    """Import the client or read the version only when it is used, so that ``safelight --help`` does not load httpx."""
    if name == "Safelight":
        from safelight.client import Safelight  # noqa: PLC0415 - lazy, see the docstring

        return Safelight
    if name == "AsyncSafelight":
        from safelight.async_client import AsyncSafelight  # noqa: PLC0415 - lazy, see the docstring

        return AsyncSafelight
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - lazy, see the docstring

        return version("safelight")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
