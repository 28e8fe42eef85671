"""What the template watches: every metric that an alarm or a widget names, in one form."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.deployment import template

TEMPLATE = template.load()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with its dimensions; what the template refers to is written as in ``!Sub``."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


def alarms() -> dict[str, Any]:
    """Return the properties of every alarm by its logical ID."""
    return {
        name: resource["Properties"]
        for name, resource in RESOURCES.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def of_alarm(alarm: Mapping[str, Any]) -> list[Metric]:
    """List the metrics that an alarm reads."""
    if "MetricName" in alarm:
        return [_metric(alarm)]
    return [_metric(query["MetricStat"]["Metric"]) for query in alarm["Metrics"] if "MetricStat" in query]


def widgets() -> list[dict[str, Any]]:
    """List the widgets of the dashboard."""
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def of_widget(widget: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics that a widget shows."""
    for line in widget["properties"]["metrics"]:
        namespace, name, *rest = [part for part in line if not isinstance(part, dict)] or ["", ""]
        if namespace:
            yield Metric(namespace, name, frozenset(zip(rest[::2], rest[1::2], strict=True)))


def everything() -> set[Metric]:
    """Return every metric that is watched by anything."""
    by_alarms = {metric for alarm in alarms().values() for metric in of_alarm(alarm)}
    return by_alarms | {metric for widget in widgets() for metric in of_widget(widget)}


def _metric(declared: Mapping[str, Any]) -> Metric:
    dimensions = frozenset((each["Name"], _text(each["Value"])) for each in declared["Dimensions"])
    return Metric(declared["Namespace"], declared["MetricName"], dimensions)


def _text(value: Any) -> str:
    """Write a reference as it would stand in ``!Sub``."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"${{{value['Ref']}}}"
    if "Fn::GetAtt" in value:
        return f"${{{'.'.join(value['Fn::GetAtt'])}}}"
    return str(value["Fn::Sub"])
