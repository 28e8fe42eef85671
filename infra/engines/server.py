"""Serve MiniStack: run as a program with HOST and PORT, in the environment that ``launch`` prepares.

This module runs MiniStack's application on uvicorn, with sorted indexes (``patches.sorted_indexes``). MiniStack itself
uses hypercorn, whose HTTP parser is written in Python. Every byte of an image passes through the engine four times, so
the compiled parser and event loop of uvicorn make the engine faster (``benchmarks/ingest.py``).
"""

import importlib
import importlib.metadata
import os
import resource
import sys
from pathlib import Path

import uvicorn

from infra.engines.patches import (
    batch_permissions,
    function_logs,
    gateway_compression,
    request_gate,
    sorted_indexes,
    stable_names,
    state_files,
    stream_pace,
    unfinished_uploads,
)
from infra.engines.record import VERSION
from infra.engines.snapshots import Application, Snapshots

#: The same value as in MiniStack. Clients such as botocore and httpx reuse connections.
KEEP_ALIVE_SECONDS = 75
#: How long a stopping server waits for running requests before it writes its state.
GRACE_SECONDS = 3


def main() -> None:
    """Serve until a signal stops the process."""
    host, port = sys.argv[1], int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    installed = importlib.metadata.version("ministack")
    if installed == VERSION:
        gateway = importlib.import_module("ministack.services.apigateway_v1")
        sorted_indexes.install(importlib.import_module("ministack.services.dynamodb"))
        gateway_compression.install(gateway)
        request_gate.install(gateway, request_gate.RequestGate(request_gate.count_processes()))
        batch_permissions.install(importlib.import_module("ministack.core.iam_actions"))
        function_logs.install(importlib.import_module("ministack.core.lambda_runtime"))
        stream_pace.install(importlib.import_module("ministack.services.lambda_svc"))
        stable_names.install_api_ids(gateway)
        provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")
        s3 = importlib.import_module("ministack.services.s3")
        stable_names.install_bucket_names(provisioners, s3)
        unfinished_uploads.install(s3, Path(os.environ["S3_DATA_DIR"]).with_name("parts"))
    else:
        print(f"MiniStack is {installed}: no patches, which need {VERSION}.", file=sys.stderr)  # noqa: T201
    application: Application = importlib.import_module("ministack.app").app
    uvicorn.run(
        Snapshots(application, state_files.save_all),
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
