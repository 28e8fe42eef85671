"""docs/deploy.md is held to the script of its costs, and that to the template."""

from pathlib import Path

import deploy_cost

from infra.template import load

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"


def test_the_costs_are_those_of_the_script() -> None:
    """Each line of both tables stands on the page as the script prints it."""
    page = PAGE.read_text("utf-8")
    assert deploy_cost.table(deploy_cost.IDLE, 1, "A month, idle") in page
    assert deploy_cost.table(deploy_cost.BUSY, deploy_cost.PICTURES, "1,000 pictures of 1 MB") in page


def test_the_script_counts_the_alarms_and_queues_of_the_template() -> None:
    """An alarm more is ten cents more; a queue that a function reads is asked all the time."""
    resources = load()["Resources"].values()
    kinds = [resource["Type"] for resource in resources]
    assert kinds.count("AWS::CloudWatch::Alarm") + kinds.count("AWS::CloudWatch::CompositeAlarm") == deploy_cost.ALARMS
    mappings = [each["Properties"] for each in resources if each["Type"] == "AWS::Lambda::EventSourceMapping"]
    # A stream has a starting position; reading it costs nothing.
    assert sum("StartingPosition" not in mapping for mapping in mappings) == deploy_cost.QUEUES
