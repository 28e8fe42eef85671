"""A Grafana dashboard with the widgets of the CloudWatch dashboard in the template.

Grafana's grid has 24 columns like that of CloudWatch. Names of resources contain the variables ``prefix`` and ``stage``
of the dashboard in place of ``NamePrefix`` and ``StageName``.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from support.monitoring import RESOURCES, list_widgets

_DATA_SOURCE: Final = {"type": "cloudwatch", "uid": "${datasource}"}
#: The variables of the dashboard by the parameters of the template.
_VARIABLES: Final = {"NamePrefix": "prefix", "StageName": "stage"}
#: The property with the name of a resource to which a widget refers.
_NAMES: Final = ("FunctionName", "QueueName", "LogGroupName")


def make_dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana exports and imports it."""
    return {
        "uid": "safelight",
        "title": "Safelight",
        "tags": ["safelight"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _make_variables()},
        "panels": [_make_panel(number, widget) for number, widget in enumerate(list_widgets(), 1)],
    }


def write_dashboard() -> str:
    """Return the dashboard as the text of its file."""
    return json.dumps(make_dashboard(), indent=1, ensure_ascii=False) + "\n"


def _make_variables() -> list[dict[str, Any]]:
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "cloudwatch",
        "current": {},
        "hide": 0,
    }
    texts = (("region", "Region", "default"), ("prefix", "NamePrefix", "safelight"), ("stage", "StageName", "prod"))
    return [source, *(_make_text_variable(*each) for each in texts)]


def _make_text_variable(name: str, label: str, value: str) -> dict[str, Any]:
    current = {"selected": True, "text": value, "value": value}
    return {
        "name": name,
        "label": label,
        "type": "textbox",
        "query": value,
        "current": current,
        "options": [current],
        "hide": 0,
    }


def _make_panel(number: int, widget: Mapping[str, Any]) -> dict[str, Any]:
    properties = widget["properties"]
    targets = [
        _make_target(chr(ord("A") + place), line, properties["period"])
        for place, line in enumerate(properties["metrics"])
    ]
    overrides = [
        {
            "matcher": {"id": "byName", "options": line[-1]["label"]},
            "properties": [{"id": "custom.axisPlacement", "value": "right"}],
        }
        for line in properties["metrics"]
        if line[-1].get("yAxis") == "right"
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": properties["title"],
        "datasource": _DATA_SOURCE,
        "gridPos": {"x": widget["x"], "y": widget["y"], "w": widget["width"], "h": widget["height"]},
        "fieldConfig": {"defaults": {"custom": {"fillOpacity": 10}}, "overrides": overrides},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _make_target(letter: str, line: list[Any], period: int) -> dict[str, Any]:
    """Return the query for a metric of a widget, or for an expression."""
    *parts, options = line
    common = {
        "refId": letter,
        "id": options.get("id", f"metric{letter}"),
        "datasource": _DATA_SOURCE,
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "region": "${region}",
        "period": str(period),
        "label": options["label"],
        "hide": options.get("visible") is False,
    }
    if not parts:
        return {**common, "metricEditorMode": 1, "expression": options["expression"]}
    namespace, name, *dimensions = parts
    return {
        **common,
        "metricEditorMode": 0,
        "expression": "",
        "namespace": namespace,
        "metricName": name,
        "dimensions": {key: _resolve(value) for key, value in zip(dimensions[::2], dimensions[1::2], strict=True)},
        "matchExact": True,
        "statistic": options["stat"],
    }


def _resolve(text: str) -> str:
    """Return a text of ``!Sub`` with variables of the dashboard, such as ``${prefix}-api`` for ``${ApiFunction}``."""
    return re.sub(r"\$\{(\w+)(?:\.\w+)?\}", lambda match: _resolve_name(match[1]), text)


def _resolve_name(name: str) -> str:
    if name in _VARIABLES:
        return f"${{{_VARIABLES[name]}}}"
    properties = RESOURCES[name]["Properties"]
    (declared,) = (properties[each] for each in _NAMES if each in properties)
    return _resolve(declared["Fn::Sub"])
