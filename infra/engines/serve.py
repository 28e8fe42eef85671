"""Serves MiniStack: ``python -m infra.engines.serve HOST PORT``, in the environment that ``launch`` makes.

The application is MiniStack's own, but for the order of its indexes (``sorted_indexes``). Its own start serves it by
hypercorn, whose HTTP is Python alone; every byte of an image goes through the engine four times, so a compiled parser
and event loop are felt (``benchmarks/ingest.py``).
"""

import importlib
import resource
import sys

import uvicorn

from infra.engines import sorted_indexes

#: As MiniStack's own start has it: botocore and httpx keep connections for later.
KEEP_ALIVE_SECONDS = 75
#: For requests under way when it is told to stop; then it writes its state.
GRACE_SECONDS = 3


def main() -> None:
    """Serve until told to stop."""
    host, port = sys.argv[1], int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    sorted_indexes.install(importlib.import_module("ministack.services.dynamodb"))
    uvicorn.run(
        "ministack.app:app",
        host=host,
        port=port,
        lifespan="on",
        ws="none",
        access_log=False,
        log_level="warning",
        # The application sends its own.
        date_header=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


if __name__ == "__main__":
    main()
