"""docs/grafana-dashboard.json has the metrics of the CloudWatch dashboard, with the names that the stack gives."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.cloudwatch import CloudWatchMetricsQuery
from grafana_foundation_sdk.models.dashboard import Dashboard
from support import grafana
from support.monitoring import Metric, list_widget_metrics, list_widgets
from support.resolved_template import Resolver

PAGE = Path(__file__).parents[2] / "docs" / "grafana-dashboard.json"
PREFIX, STAGE = "photos", "live"


def read_targets() -> list[dict[str, Any]]:
    """Return all queries of the file, in which the variables of the dashboard have values."""
    text = PAGE.read_text("utf-8").replace("${prefix}", PREFIX).replace("${stage}", STAGE)
    return [target for panel in json.loads(text)["panels"] for target in panel["targets"]]


def test_the_dashboard_is_current(request: pytest.FixtureRequest) -> None:
    """A change of the widgets changes the file."""
    if request.config.getoption("--write-docs"):
        PAGE.write_text(grafana.write_dashboard(), "utf-8")
    assert PAGE.read_text("utf-8") == grafana.write_dashboard(), "run pytest tests/structure --write-docs"


def read_with_grafana(dashboard: dict[str, Any]) -> tuple[Dashboard, Any]:
    """Return a dashboard in Grafana's own model, which leaves out unknown members, and that model as JSON."""
    plugins.register_default_plugins()
    model = Dashboard.from_json(dashboard)
    return model, json.loads(JSONEncoder().encode(model))


def find_losses(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the paths of all values of ``before`` that ``after`` does not have. It may have more, such as defaults."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            loss for name, value in before.items() for loss in find_losses(value, after.get(name), f"{path}.{name}")
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [loss for place, (one, other) in pairs for loss in find_losses(one, other, f"{path}[{place}]")]
    return [] if before == after and type(before) is type(after) else [path]


def test_grafana_reads_every_member() -> None:
    """With the types that Grafana generates from its source: no member is unknown, and each query is for CloudWatch."""
    dashboard = json.loads(PAGE.read_text("utf-8"))
    model, read = read_with_grafana(dashboard)
    assert find_losses(dashboard, read) == []
    targets = [target for panel in model.panels or [] for target in getattr(panel, "targets", None) or []]
    assert len(targets) == len(read_targets())
    assert {type(target) for target in targets} == {CloudWatchMetricsQuery}


@pytest.mark.parametrize("name", ["metricname", "region ", "Statistic"])
def test_misspelled_members_are_found(name: str) -> None:
    """The comparison can fail."""
    dashboard = json.loads(PAGE.read_text("utf-8"))
    dashboard["panels"][0]["targets"][0][name] = "text"
    assert find_losses(dashboard, read_with_grafana(dashboard)[1]) == [f".panels[0].targets[0].{name}"]


def test_every_metric_of_the_widgets_is_shown_and_exists() -> None:
    """With the names that a stack has. tests/structure/test_monitoring.py shows that each metric is emitted."""
    resolver = Resolver(NamePrefix=PREFIX, StageName=STAGE, Monitoring="full", Notifications="on")
    expected = {
        Metric(
            metric.namespace,
            metric.name,
            frozenset((name, resolve(resolver, value)) for name, value in metric.dimensions),
        )
        for widget in list_widgets()
        for metric in list_widget_metrics(widget)
    }
    shown = {
        Metric(each["namespace"], each["metricName"], frozenset(each["dimensions"].items()))
        for each in read_targets()
        if not each["expression"]
    }
    assert shown == expected
    assert not [metric for metric in shown if "$" in str(metric)]


def resolve(resolver: Resolver, value: str) -> str:
    """Return a reference of a widget as the name of the resource, or as the value of the parameter."""

    def find_name(match: re.Match[str]) -> str:
        name, _, attribute = match[1].partition(".")
        if name in {"NamePrefix", "StageName"}:
            return str(resolver.read({"Ref": name}))
        properties = resolver.resource(name)
        assert properties is not None
        # The Ref of a function and of a log group is its name.
        named = [each for each in ("FunctionName", "LogGroupName") if each in properties]
        return str(properties[attribute or named[0]])

    return re.sub(r"\$\{([^}]+)\}", find_name, value)


def test_expressions_refer_to_queries_of_their_panel() -> None:
    """By their IDs, which are unique in a panel and have the form that CloudWatch requires."""
    for panel in json.loads(PAGE.read_text("utf-8"))["panels"]:
        identifiers = [target["id"] for target in panel["targets"]]
        assert len(set(identifiers)) == len(identifiers)
        assert all(re.fullmatch(r"[a-z][a-zA-Z0-9_]*", each) for each in identifiers)
        for target in panel["targets"]:
            used = set(re.findall(r"[a-z]\w*", target["expression"]))
            assert used <= set(identifiers) - {target["id"]}, panel["title"]
            assert not target["hide"] or any(target["id"] in each["expression"] for each in panel["targets"])


def test_every_variable_is_defined() -> None:
    """With the default of its template parameter."""
    dashboard = json.loads(PAGE.read_text("utf-8"))
    variables = {each["name"]: each["query"] for each in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{(\w+)\}", json.dumps(dashboard["panels"]))) == set(variables)
    defaults = Resolver()
    assert variables["prefix"] == defaults.read({"Ref": "NamePrefix"})
    assert variables["stage"] == defaults.read({"Ref": "StageName"})


def test_panels_lie_in_the_grid_of_grafana() -> None:
    """24 columns wide, without overlaps."""
    cells = [
        (column, row)
        for panel in json.loads(PAGE.read_text("utf-8"))["panels"]
        for place in (panel["gridPos"],)
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24
