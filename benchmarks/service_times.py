"""Durations of requests, deliveries and records, read from the logs of a local stack.

All points in time are in seconds since a time that the caller chooses.
"""

import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from infra.sessions import local_session
from infra.stack import Stack

_DURATION = re.compile(r"^REPORT .*?\tDuration: ([0-9.]+) ms")


@dataclass(frozen=True, slots=True)
class Record:
    """One SQS record of an invocation."""

    #: When the message of the record was sent.
    sent: float
    started: float
    ended: float
    outcome: str
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One invocation of the worker."""

    #: When the handler started.
    started: float
    #: Duration reported by the engine, which includes the invocation itself.
    seconds: float
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API."""

    ended: float
    #: Duration of the handler.
    seconds: float
    #: Duration reported by the engine.
    invocation: float
    method: str
    #: The path with ``{id}`` in place of IDs.
    route: str
    status: int


def read_deliveries(stack: Stack, since: datetime) -> list[Delivery]:
    """Return the worker's invocations since a time, in the order of their start."""
    deliveries = []
    for lines, seconds in _read_invocations(stack, "worker"):
        started = next((line for line in lines if line["message"] == "Records received"), None)
        if started is None or _seconds_since(started, since) < 0:
            continue
        records = tuple(_parse_record(line, since) for line in lines if line["message"] == "Record processed")
        deliveries.append(Delivery(_seconds_since(started, since), seconds, records))
    return sorted(deliveries, key=lambda each: each.started)


def read_requests(stack: Stack, since: datetime) -> list[Request]:
    """Return the requests that the API has handled since a time, in the order of their start."""
    requests = []
    for lines, seconds in _read_invocations(stack, "api"):
        for line in lines:
            if line["message"] == "Request answered" and _seconds_since(line, since) >= 0:
                route = re.sub(r"/[0-9A-Z]{26}", "/{id}", line["path"])
                handler_seconds = line["milliseconds"] / 1000
                requests.append(
                    Request(
                        _seconds_since(line, since), handler_seconds, seconds, line["method"], route, line["status"]
                    )
                )
    return sorted(requests, key=lambda each: each.ended)


def summarize(deliveries: Sequence[Delivery], requests: Sequence[Request]) -> dict[str, Any]:
    """Return the median and the mean of each step, in seconds."""
    records = [record for delivery in deliveries for record in delivery.records]
    overhead = [
        delivery.seconds - (max(r.ended for r in delivery.records) - min(r.started for r in delivery.records))
        for delivery in deliveries
        if delivery.records
    ]
    routes = sorted({f"{each.method} {each.route}" for each in requests})
    return {
        "records_per_delivery": statistics.mean(len(delivery.records) for delivery in deliveries),
        "record": _average([record.ended - record.started for record in records]),
        "queue": _average([record.started - record.sent for record in records]),
        "delivery": _average([delivery.seconds for delivery in deliveries]),
        "delivery_overhead": _average(overhead),
        "requests": {
            route: _average([each.invocation for each in requests if f"{each.method} {each.route}" == route])
            | {"count": sum(f"{each.method} {each.route}" == route for each in requests)}
            for route in routes
        },
    }


def to_json(deliveries: Sequence[Delivery], requests: Sequence[Request]) -> dict[str, Any]:
    """Return the summary and all durations as JSON-compatible data."""
    return {
        "summary": summarize(deliveries, requests),
        "deliveries": [asdict(each) for each in deliveries],
        "requests": [asdict(each) for each in requests],
    }


def _average(values: Sequence[float]) -> dict[str, float]:
    return {"mean": statistics.mean(values), "median": statistics.median(values)} if values else {}


def _parse_record(line: dict[str, Any], since: datetime) -> Record:
    ended = _seconds_since(line, since)
    started = ended - line["milliseconds"] / 1000
    return Record(started - line["waited"] / 1000, started, ended, line["outcome"], line.get("raw_bytes") or 0)


def _seconds_since(line: dict[str, Any], since: datetime) -> float:
    return (datetime.fromisoformat(line["timestamp"]) - since).total_seconds()


def _read_invocations(stack: Stack, name: str) -> Iterator[tuple[list[dict[str, Any]], float]]:
    """Yield the JSON log lines and the duration of each invocation. Each invocation has a separate log stream."""
    client = local_session(stack.endpoint_url).client("logs")
    streams: dict[str, list[str]] = defaultdict(list)
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{stack.functions[name]}")
    for page in pages:
        for event in page["events"]:
            streams[event["logStreamName"]].append(event["message"])
    for texts in streams.values():
        lines = [json.loads(text) for text in texts if text.startswith('{"level"')]
        reports = [match for text in texts if (match := _DURATION.match(text))]
        if lines and reports:
            yield lines, float(reports[-1][1]) / 1000
