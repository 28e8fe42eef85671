"""The metrics of the alarms and the dashboard of the template."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.deployment import template

TEMPLATE = template.load_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its dimensions; references of the template are written as in ``!Sub``."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


def list_alarms() -> dict[str, Any]:
    """Return the properties of every alarm by logical ID."""
    return {
        name: resource["Properties"]
        for name, resource in RESOURCES.items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def list_alarm_metrics(alarm: Mapping[str, Any]) -> list[Metric]:
    """Return the metrics of an alarm."""
    if "MetricName" in alarm:
        return [_metric(alarm)]
    return [_metric(query["MetricStat"]["Metric"]) for query in alarm["Metrics"] if "MetricStat" in query]


def list_widgets() -> list[dict[str, Any]]:
    """Return the widgets of the dashboard."""
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


def list_widget_metrics(widget: Mapping[str, Any]) -> Iterator[Metric]:
    """Yield the metrics of a widget."""
    for line in widget["properties"]["metrics"]:
        namespace, name, *rest = [part for part in line if not isinstance(part, dict)] or ["", ""]
        if namespace:
            yield Metric(namespace, name, frozenset(zip(rest[::2], rest[1::2], strict=True)))


def list_metrics() -> set[Metric]:
    """Return every metric of an alarm or widget."""
    by_alarms = {metric for alarm in list_alarms().values() for metric in list_alarm_metrics(alarm)}
    return by_alarms | {metric for widget in list_widgets() for metric in list_widget_metrics(widget)}


def _metric(declared: Mapping[str, Any]) -> Metric:
    dimensions = frozenset((each["Name"], _format_reference(each["Value"])) for each in declared["Dimensions"])
    return Metric(declared["Namespace"], declared["MetricName"], dimensions)


def _format_reference(value: Any) -> str:
    """Return a reference as ``!Sub`` writes it."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"${{{value['Ref']}}}"
    if "Fn::GetAtt" in value:
        return f"${{{'.'.join(value['Fn::GetAtt'])}}}"
    return str(value["Fn::Sub"])
