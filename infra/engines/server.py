"""Serve MiniStack: ``python -m infra.engines.server HOST PORT``, in the environment that ``launch`` makes.

Runs MiniStack's application with sorted indexes (``patches.sorted_indexes``) on uvicorn. MiniStack itself uses
hypercorn, whose HTTP parser is pure Python. Every byte of an image passes through the engine four times, so a
compiled parser and event loop make a difference (``benchmarks/ingest.py``).
"""

import importlib
import importlib.metadata
import resource
import sys

import uvicorn

from infra.engines.patches import sorted_indexes
from infra.engines.record import VERSION

#: Same as in MiniStack: botocore and httpx reuse connections.
KEEP_ALIVE_SECONDS = 75
#: Time for running requests when the server stops, before it writes its state.
GRACE_SECONDS = 3


def main() -> None:
    """Serve until a signal stops the process."""
    host, port = sys.argv[1], int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    installed = importlib.metadata.version("ministack")
    if installed == VERSION:
        sorted_indexes.install(importlib.import_module("ministack.services.dynamodb"))
    else:
        print(f"MiniStack is {installed}: no sorted indexes, which need {VERSION}.", file=sys.stderr)  # noqa: T201
    uvicorn.run(
        "ministack.app:app",
        host=host,
        port=port,
        lifespan="on",
        ws="none",
        access_log=False,
        log_level="warning",
        # The application sends its own headers.
        date_header=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
