"""What the functions of a local stack logged during one run: when each record came and how long each step took.

Read from the logs that the functions wrote, so it is what any stack tells, not a measurement of its own. Times are
seconds since the moment that the caller names.
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
    """One record of a delivery."""

    #: When its message came into the queue.
    sent: float
    started: float
    ended: float
    outcome: str
    raw_bytes: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One invocation of the worker."""

    #: When our handler began.
    started: float
    #: What the engine counts: from before the invocation to after its answer.
    seconds: float
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the API."""

    ended: float
    #: Inside our handler.
    seconds: float
    #: What the engine counts.
    invocation: float
    method: str
    #: The path, IDs left out.
    route: str
    status: int


def deliveries(stack: Stack, since: datetime) -> list[Delivery]:
    """Return the worker's invocations that began since then, in their order."""
    found = []
    for lines, seconds in _invocations(stack, "worker"):
        begun = next((line for line in lines if line["message"] == "Records received"), None)
        if begun is None or _at(begun, since) < 0:
            continue
        records = tuple(_record(line, since) for line in lines if line["message"] == "Record processed")
        found.append(Delivery(_at(begun, since), seconds, records))
    return sorted(found, key=lambda each: each.started)


def requests(stack: Stack, since: datetime) -> list[Request]:
    """Return the requests that the API answered since then, in their order."""
    found = []
    for lines, seconds in _invocations(stack, "api"):
        for line in lines:
            if line["message"] == "Request answered" and _at(line, since) >= 0:
                route = re.sub(r"/[0-9A-Z]{26}", "/{id}", line["path"])
                inside = line["milliseconds"] / 1000
                found.append(Request(_at(line, since), inside, seconds, line["method"], route, line["status"]))
    return sorted(found, key=lambda each: each.ended)


def summary(done: Sequence[Delivery], asked: Sequence[Request]) -> dict[str, Any]:
    """Return the middle and the mean of each step, seconds."""
    records = [record for delivery in done for record in delivery.records]
    overhead = [
        delivery.seconds - (max(r.ended for r in delivery.records) - min(r.started for r in delivery.records))
        for delivery in done
        if delivery.records
    ]
    routes = sorted({f"{each.method} {each.route}" for each in asked})
    return {
        "records_per_delivery": statistics.mean(len(delivery.records) for delivery in done),
        "record": _middle([record.ended - record.started for record in records]),
        "queue": _middle([record.started - record.sent for record in records]),
        "delivery": _middle([delivery.seconds for delivery in done]),
        "delivery_beside_its_records": _middle(overhead),
        "requests": {
            route: _middle([each.invocation for each in asked if f"{each.method} {each.route}" == route])
            | {"count": sum(f"{each.method} {each.route}" == route for each in asked)}
            for route in routes
        },
    }


def as_json(done: Sequence[Delivery], asked: Sequence[Request]) -> dict[str, Any]:
    """Return all of it, and the summary, as JSON takes it."""
    return {
        "summary": summary(done, asked),
        "deliveries": [asdict(each) for each in done],
        "requests": [asdict(each) for each in asked],
    }


def _middle(values: Sequence[float]) -> dict[str, float]:
    return {"mean": statistics.mean(values), "median": statistics.median(values)} if values else {}


def _record(line: dict[str, Any], since: datetime) -> Record:
    ended = _at(line, since)
    started = ended - line["milliseconds"] / 1000
    return Record(started - line["waited"] / 1000, started, ended, line["outcome"], line.get("raw_bytes") or 0)


def _at(line: dict[str, Any], since: datetime) -> float:
    return (datetime.fromisoformat(line["timestamp"]) - since).total_seconds()


def _invocations(stack: Stack, name: str) -> Iterator[tuple[list[dict[str, Any]], float]]:
    """Yield the JSON lines of each invocation, and the seconds that it took: the engine gives each its own stream."""
    client = local_session(stack.endpoint_url).client("logs")
    streams: dict[str, list[str]] = defaultdict(list)
    pages = client.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{stack.functions[name]}")
    for page in pages:
        for event in page["events"]:
            streams[event["logStreamName"]].append(event["message"])
    for texts in streams.values():
        lines = [json.loads(text) for text in texts if text.startswith('{"level"')]
        taken = [match for text in texts if (match := _DURATION.match(text))]
        if lines and taken:
            yield lines, float(taken[-1][1]) / 1000
