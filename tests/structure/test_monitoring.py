"""Alarms, dashboard and runbook are complete and watch only emitted metrics."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import monitoring
from support.monitoring import (
    RESOURCES,
    TEMPLATE,
    Metric,
    list_alarm_metrics,
    list_alarms,
    list_widget_metrics,
    list_widgets,
)

from shared.observability import NAMESPACE

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text("utf-8")
FUNCTIONS = (
    "ApiFunction",
    "WorkerFunction",
    "UploadFunction",
    "DeadLetterFunction",
    "ReconcilerFunction",
    "WalkerFunction",
    "NotifierFunction",
    "WebhookFunction",
)
QUEUES = tuple(name for name, each in RESOURCES.items() if each["Type"] == "AWS::SQS::Queue")
#: What AWS emits by itself, with the dimensions of one set: AWS's pages on each service's metrics, as of 2026.
BY_AWS = {
    "AWS/Lambda": ({"Errors", "Duration", "Throttles", "Invocations", "IteratorAge"}, ("FunctionName",)),
    "AWS/SQS": (
        {
            "ApproximateNumberOfMessagesVisible",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateAgeOfOldestMessage",
        },
        ("QueueName",),
    ),
    "AWS/Logs": ({"IncomingBytes", "IncomingLogEvents"}, ("LogGroupName",)),
    "AWS/ApiGateway": ({"Count", "4XXError", "5XXError"}, ("ApiName", "Stage")),
}


def values_of(dimension: str) -> set[str]:
    """Return the names of the template's resources in a dimension of AWS."""

    def named(resource_type: str, suffix: str = "") -> set[str]:
        return {f"${{{name}{suffix}}}" for name, each in RESOURCES.items() if each["Type"] == resource_type}

    return {
        "FunctionName": named("AWS::Serverless::Function"),
        "QueueName": named("AWS::SQS::Queue", ".QueueName"),
        "LogGroupName": {each for each in named("AWS::Logs::LogGroup") if each != "${AccessLogGroup}"},
        "ApiName": {RESOURCES["RestApi"]["Properties"]["Name"]["Fn::Sub"]},
        "Stage": {f"${{{RESOURCES['ApiStage']['Properties']['StageName']['Ref']}}}"},
    }[dimension]


def watched(*wanted: str) -> set[tuple[str, str]]:
    """Return (metric, logical ID or name) of all that the alarms with these metrics watch."""
    return {
        (metric.name, re.sub(r"[${}]|\.QueueName", "", value))
        for alarm in list_alarms().values()
        for metric in list_alarm_metrics(alarm)
        for _, value in metric.dimensions
        if metric.name in wanted
    }


@pytest.mark.parametrize("metric", sorted(monitoring.list_metrics(), key=repr), ids=lambda metric: metric.name)
def test_every_watched_metric_is_emitted(metric: Metric) -> None:
    """By AWS with exactly these dimensions for a resource of this stack, or by the code.

    tests/integration/test_metrics.py reads what the code emits; here, its dimensions are checked.
    """
    if metric.namespace == NAMESPACE:
        service = {
            RESOURCES[each]["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]["Ref"]
            for each in FUNCTIONS
        }
        assert {dict(metric.dimensions)["service"]} == {f"${{{name}}}" for name in service}
        return
    names, dimensions = BY_AWS[metric.namespace]
    assert metric.name in names
    assert {name for name, _ in metric.dimensions} == set(dimensions)
    for name, value in metric.dimensions:
        assert value in values_of(name), f"{name}={value} is nothing of this stack"


@pytest.mark.parametrize("alarm", list_alarms())
def test_every_alarm_has_a_topic_and_a_runbook_section(alarm: str) -> None:
    """The section exists."""
    declared = list_alarms()[alarm]
    assert declared["AlarmActions"] == declared["OKActions"] == [{"Ref": "AlarmTopic"}]
    slug = declared["AlarmName"]["Fn::Sub"].removeprefix("${NamePrefix}-")
    assert declared["AlarmDescription"].endswith(f" Runbook: docs/runbook.md#{slug}")
    assert f"\n### {slug}\n" in RUNBOOK


def test_every_runbook_section_has_its_alarm() -> None:
    """Each section gives causes and remedies."""
    slugs = {each["AlarmName"]["Fn::Sub"].removeprefix("${NamePrefix}-") for each in list_alarms().values()}
    sections = dict(re.findall(r"^### ([a-z-]+)\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
    assert sections.keys() == slugs
    for slug, text in sections.items():
        assert "**Likely cause:**" in text, slug
        assert "**Remedy:**" in text, slug


@pytest.mark.parametrize("alarm", list_alarms())
def test_calculating_alarms_are_only_in_full_monitoring(alarm: str) -> None:
    """All others are in basic monitoring too."""
    basic = "WatchHasAlarms" if alarm.startswith("WatchQueue") else "AlarmsAreWanted"
    expected = basic if "MetricName" in list_alarms()[alarm] else "MonitoringIsFull"
    assert RESOURCES[alarm]["Condition"] == expected
    assert RESOURCES["Dashboard"]["Condition"] == "MonitoringIsFull"


def test_failed_invocations_raise_an_alarm() -> None:
    """More than one failed invocation of any function, or failed image, within 5 minutes."""
    assert {("Errors", each) for each in FUNCTIONS} <= watched("Errors")
    for alarm in list_alarms().values():
        if alarm.get("MetricName") in {"Errors", "JobsFailed", "5XXError"}:
            assert (alarm["Threshold"], alarm["Statistic"], alarm["Period"]) == (1, "Sum", 300)
            assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert watched("JobsFailed")
    assert watched("5XXError"), "the API's handler catches everything, so Errors alone would miss its faults"


def test_slowness_raises_an_alarm() -> None:
    """Three seconds per response or image; for the worker, three per message of a full batch."""
    for name in ("AnswerTime", "ProcessingTime"):
        (alarm,) = [each for each in list_alarms().values() if each.get("MetricName") == name]
        assert alarm["Threshold"] == 3000
    threshold = list_alarms()["WorkerDurationAlarm"]["Threshold"]
    assert threshold == {"Fn::FindInMap": ["LongBatches", {"Ref": "BatchSize"}, "Milliseconds"]}
    sizes = TEMPLATE["Parameters"]["BatchSize"]["AllowedValues"]
    expected = {size: {"Milliseconds": 3000 * int(size)} for size in sizes}
    assert TEMPLATE["Mappings"]["LongBatches"] == expected


@pytest.mark.parametrize(
    "expected",
    [
        {("Throttles", "ApiFunction"), ("Throttles", "WorkerFunction")},
        {("Invocations", "ApiFunction"), ("Invocations", "WorkerFunction")},
        {("IncomingLogEvents", group) for group in ("ApiLogGroup", "WorkerLogGroup", "ReconcilerLogGroup")},
        {
            ("ApproximateNumberOfMessagesVisible", each)
            for each in ("DeadLetterQueue", "EventDeadLetterQueue", "WebhookDeadLetterQueue")
        },
        {("IteratorAge", "NotifierFunction")},
        {("ApproximateAgeOfOldestMessage", each) for each in QUEUES},
        {("ApproximateNumberOfMessagesNotVisible", each) for each in QUEUES},
    ],
    ids=lambda expected: next(iter(expected))[0],
)
def test_each_risk_has_its_alarm(expected: set[tuple[str, str]]) -> None:
    """Throttling, unusual use, missing logs, dead letters, waiting jobs and late events."""
    assert expected <= watched(*(name for name, _ in expected))


@pytest.mark.parametrize("queue", QUEUES)
def test_alarms_fire_before_messages_are_lost(queue: str) -> None:
    """The age alarm before the retention ends, the in-flight alarm before SQS delivers nothing (120,000)."""
    limits = {
        alarm["MetricName"]: alarm["Threshold"]
        for alarm in list_alarms().values()
        for metric in list_alarm_metrics(alarm)
        if ("QueueName", f"${{{queue}.QueueName}}") in metric.dimensions
    }
    retention = RESOURCES[queue]["Properties"]["MessageRetentionPeriod"]
    assert limits["ApproximateAgeOfOldestMessage"] <= retention / 2
    assert limits["ApproximateNumberOfMessagesNotVisible"] <= 120_000 / 2


@pytest.mark.parametrize("alarm", list_alarms())
def test_no_alarm_fires_after_the_deployment(alarm: str) -> None:
    """Before the first data point, no alarm has the state ALARM, and no message says that data is missing.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    assert _list_messages(list_alarms()[alarm], [None] * 10) in ([], ["OK"])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], []),
        ([None, 5], ["OK"]),
        ([5, None, None], ["OK"]),
        ([5, None, None, None], ["OK", "INSUFFICIENT_DATA"]),
        ([5, None, None, None, 5], ["OK", "INSUFFICIENT_DATA", "OK"]),
    ],
)
def test_missing_logs_are_reported(data: list[float | None], expected: list[str]) -> None:
    """Silence of 15 minutes is reported, but not before the first log line."""
    assert _list_messages(list_alarms()["LogsMissingAlarm"], data) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("Invocations", "Duration", "Errors", "Throttles", "IncomingBytes", "Count", "5XXError"),
        *("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "DeadLettersReceived"),
        *("JobsCompleted", "JobsFailed", "RawBytes", "ProcessedBytes", "ProcessingTime", "QueueLatency", "ColdStart"),
    ],
)
def test_the_dashboard_shows(name: str) -> None:
    """The metrics that an operator looks at first."""
    assert name in {metric.name for widget in list_widgets() for metric in list_widget_metrics(widget)}


def test_the_dashboard_shows_the_time_to_completion() -> None:
    """From upload to completion, median and 99th percentile."""
    (lines,) = [each["properties"]["metrics"] for each in list_widgets() if "completion" in each["properties"]["title"]]
    assert [line[-1]["stat"] for line in lines] == ["p50", "p99"]


def test_log_volume_and_invocations_are_shown_for_every_function() -> None:
    """Each log group and each function has its line."""
    shown: dict[str, set[str]] = {}
    for metric in (each for widget in list_widgets() for each in list_widget_metrics(widget)):
        shown.setdefault(metric.name, set()).update(value for _, value in metric.dimensions)
    assert shown["IncomingBytes"] == values_of("LogGroupName")
    for name in ("Invocations", "Errors", "Throttles"):
        assert shown[name] == values_of("FunctionName")


def test_widgets_do_not_overlap() -> None:
    """On a grid of 24 columns."""
    taken: set[tuple[int, int]] = set()
    for widget in list_widgets():
        assert widget["x"] + widget["width"] <= 24
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget["properties"]["title"]
        taken |= cells


def test_only_alarms_of_this_account_publish_to_the_topic() -> None:
    """Over TLS only."""
    policy: dict[str, Any] = RESOURCES["AlarmTopicPolicy"]["Properties"]["PolicyDocument"]
    allow, deny = policy["Statement"]
    assert allow["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


GAUGES = {
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateAgeOfOldestMessage",
    "IteratorAge",
}
TIMES = {"AnswerTime", "ProcessingTime", "Duration"}
WEEK_SECONDS, DAY_SECONDS = 7 * 24 * 3600, 24 * 3600


@pytest.mark.parametrize("alarm", list_alarms())
def test_every_alarm_can_fire_and_recover(alarm: str) -> None:
    """It watches one value over a valid period and defines how to treat missing data."""
    declared = list_alarms()[alarm]
    periods = declared["EvaluationPeriods"]
    assert 1 <= declared.get("DatapointsToAlarm", periods) <= periods
    lengths = [declared["Period"]] if "Period" in declared else [_period(query) for query in declared["Metrics"]]
    longest = max(lengths)
    assert longest * periods <= (WEEK_SECONDS if longest >= 3600 else DAY_SECONDS), "CloudWatch looks back no further"
    assert declared["TreatMissingData"] in {"missing", "notBreaching"}
    is_heartbeat = declared["TreatMissingData"] == "missing"
    assert ("InsufficientDataActions" in declared) == is_heartbeat, "the state of an alarm without data is reported"
    assert declared.get("ActionsEnabled", True) is True
    assert ("Threshold" in declared) != ("ThresholdMetricId" in declared)


@pytest.mark.parametrize("alarm", [name for name, each in list_alarms().items() if "MetricName" in each])
def test_counts_are_summed_and_gauges_are_not(alarm: str) -> None:
    """A sum of gauges or an average of counts would fire at random, or never."""
    declared = list_alarms()[alarm]
    statistic = declared.get("Statistic") or declared["ExtendedStatistic"]
    assert ("Statistic" in declared) != ("ExtendedStatistic" in declared)
    if declared["MetricName"] in GAUGES:
        assert statistic in {"Maximum", "Minimum"}
    elif declared["MetricName"] in TIMES:
        assert statistic == "Maximum" or re.fullmatch(r"p\d+(\.\d+)?", statistic)
    else:
        assert statistic in {"Sum", "SampleCount"}


@pytest.mark.parametrize("alarm", [name for name, each in list_alarms().items() if "Metrics" in each])
def test_metric_math_refers_to_existing_queries(alarm: str) -> None:
    """Expressions and thresholds name queries of the same alarm."""
    declared = list_alarms()[alarm]
    queries = {query["Id"]: query for query in declared["Metrics"]}
    assert len(queries) == len(declared["Metrics"])
    looked_at = {name for name, query in queries.items() if query.get("ReturnData", True)}
    band = declared.get("ThresholdMetricId")
    assert len(looked_at - {band}) == 1
    assert band is None or band in looked_at
    for query in queries.values():
        used = set(re.findall(r"\b[a-z]\w*\b", query.get("Expression", "")))
        assert used <= queries.keys(), f"{query['Expression']} names what is not there"


def test_an_alarm_has_the_condition_of_its_resource() -> None:
    """No alarm exists without the resource that it watches."""
    for name, alarm in list_alarms().items():
        implied = _imply(RESOURCES[name]["Condition"])
        for metric in list_alarm_metrics(alarm):
            for _, value in metric.dimensions:
                watched_name = re.sub(r"[${}]|\.QueueName", "", value)
                condition = RESOURCES.get(watched_name, {}).get("Condition")
                assert condition is None or condition in implied, f"{watched_name} may not be there"


def _imply(condition: str) -> set[str]:
    """Return a condition and those that are true whenever it is."""
    parts = TEMPLATE["Conditions"][condition].get("Fn::And", [])
    return {condition}.union(*(_imply(each["Condition"]) for each in parts if "Condition" in each))


def _period(query: dict[str, Any]) -> int:
    return int(query["MetricStat"]["Period"]) if "MetricStat" in query else 0


def _list_messages(alarm: dict[str, Any], data: list[float | None]) -> list[str]:
    """Return the states of which an alarm with one threshold sends a message while these periods end.

    None is a period without data. A new alarm has the state INSUFFICIENT_DATA. Only a new state sends a message.
    """
    actions = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
    states = ["INSUFFICIENT_DATA", *(_evaluate(alarm, data[: end + 1]) for end in range(len(data)))]
    return [after for before, after in pairwise(states) if after != before and alarm.get(actions[after])]


def _evaluate(alarm: dict[str, Any], data: list[float | None]) -> str:
    """Return the state of an alarm after these periods."""
    count = alarm["EvaluationPeriods"]
    latest = ([None] * count + data)[-count:]
    if alarm["TreatMissingData"] == "missing" and latest == [None] * count:
        return "INSUFFICIENT_DATA"
    is_above = alarm["ComparisonOperator"] in {"GreaterThanThreshold", "GreaterThanUpperThreshold"}
    breaches = [
        alarm["TreatMissingData"] == "breaching"
        if each is None
        else (each > alarm["Threshold"] if is_above else each < alarm["Threshold"])
        for each in latest
        if each is not None or alarm["TreatMissingData"] != "missing"
    ]
    return "ALARM" if all(breaches) else "OK"
