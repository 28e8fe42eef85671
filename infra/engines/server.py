"""Serve MiniStack: run as a program with HOST and PORT, in the environment that ``launch`` prepares.

This module runs MiniStack's application on uvicorn, with sorted indexes (``patches.sorted_indexes``). MiniStack itself
uses hypercorn, whose HTTP parser is written in Python. Every byte of an image passes through the engine four times, so
the compiled parser and event loop of uvicorn make the engine faster (``benchmarks/ingest.py``).
"""

import gc
import importlib
import importlib.metadata
import os
import resource
import sys
from pathlib import Path

import uvicorn
from uvicorn.protocols.http import httptools_impl

from infra.engines.patches import (
    batch_permissions,
    cached_expressions,
    function_logs,
    gateway_compression,
    log_pages,
    object_events,
    object_files,
    pace,
    request_gate,
    sorted_indexes,
    stable_names,
    state_files,
    unfinished_uploads,
)
from infra.engines.record import VERSION
from infra.engines.snapshots import Application, Snapshots

#: The same value as in MiniStack. Clients such as botocore and httpx reuse connections.
KEEP_ALIVE_SECONDS = 75
#: How long a stopping server waits for running requests before it writes its state.
GRACE_SECONDS = 3
#: Bytes of a body that uvicorn reads before it waits for the application, which needs the whole body anyway. Each wait
#: costs more time than reading 64 KiB, which is uvicorn's own limit.
BODY_BYTES = 64 * 1024 * 1024
#: New objects before Python looks for cycles among them: more than the 700 that are the default, because a request
#: leaves hardly any cycles.
YOUNG_OBJECTS = 10_000


def main() -> None:
    """Serve until a signal stops the process."""
    host, port = sys.argv[1], int(sys.argv[2])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    installed = importlib.metadata.version("ministack")
    if installed == VERSION:
        gateway = importlib.import_module("ministack.services.apigateway_v1")
        dynamodb = importlib.import_module("ministack.services.dynamodb")
        sorted_indexes.install(dynamodb)
        cached_expressions.install(dynamodb)
        gateway_compression.install(gateway)
        request_gate.install(gateway, request_gate.RequestGate(request_gate.count_processes()))
        batch_permissions.install(importlib.import_module("ministack.core.iam_actions"))
        function_logs.install(importlib.import_module("ministack.core.lambda_runtime"))
        log_pages.install(importlib.import_module("ministack.services.cloudwatch_logs"))
        functions = importlib.import_module("ministack.services.lambda_svc")
        pace.pace_schedules(importlib.import_module("ministack.services.eventbridge"), functions)
        pace.pace_streams(functions)
        pace.pace_queues(importlib.import_module("ministack.services.sqs"), functions)
        stable_names.install_api_ids(gateway)
        provisioners = importlib.import_module("ministack.services.cloudformation.provisioners")
        s3 = importlib.import_module("ministack.services.s3")
        stable_names.install_bucket_names(provisioners, s3)
        object_events.install(s3)
        object_files.install(s3)
        unfinished_uploads.install(s3, Path(os.environ["S3_DATA_DIR"]).with_name("parts"))
    else:
        print(f"MiniStack is {installed}: no patches, which need {VERSION}.", file=sys.stderr)  # noqa: T201
    httptools_impl.HIGH_WATER_LIMIT = BODY_BYTES  # type: ignore[attr-defined] # imported there
    gc.set_threshold(YOUNG_OBJECTS, 20, 20)
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
