"""Settings of each function as the template gives them, with the doubles' resources."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from faults.simulator.queues import ACCOUNT

from infra.deployment.template import load_template, parameter_defaults

BUCKET = "images"
REGION_URL = f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}"
QUEUE_NAMES = {
    "JobQueue": "jobs",
    "BulkQueue": "bulk",
    "UploadQueue": "uploads",
    "DeadLetterQueue": "dead-letters",
    "EventDeadLetterQueue": "event-dead-letters",
    "WebhookQueue": "webhooks",
}


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The parts of the template that a run needs."""

    resources: Mapping[str, Any]
    defaults: Mapping[str, str]

    @classmethod
    def read(cls) -> "Blueprint":
        """Read the template, once per process."""
        template = _read_template()
        return cls(template["Resources"], parameter_defaults(template))

    def tables(self) -> dict[str, Mapping[str, Any]]:
        """Return the properties of each table by resource name; the doubles use these names."""
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == "AWS::DynamoDB::Table"
        }

    def environment(self) -> dict[str, str]:
        """Return the variables of all functions together; no name has two meanings."""
        found: dict[str, str] = {}
        for resource in self.resources.values():
            if resource["Type"] == "AWS::Serverless::Function":
                variables = resource["Properties"]["Environment"]["Variables"]
                found |= {name: self._resolved(value) for name, value in variables.items()}
        return found

    def timeout(self, function: str) -> timedelta:
        """Return the timeout of a function."""
        return timedelta(seconds=int(self._resolved(self.resources[function]["Properties"]["Timeout"])))

    def visibility(self, queue: str) -> timedelta:
        """Return the visibility timeout of a queue."""
        return timedelta(seconds=int(self._resolved(self.resources[queue]["Properties"]["VisibilityTimeout"])))

    def number(self, parameter: str) -> int:
        """Return the default of a numeric parameter."""
        return int(self.defaults[parameter])

    def _resolved(self, value: Any) -> str:
        if not isinstance(value, Mapping):
            return str(value)
        if isinstance(first := (value.get("Fn::If") or ["", ""])[1], str) and first:
            return first  # as on AWS with all defaults
        target = value.get("Ref", "")
        if target in QUEUE_NAMES:
            return f"{REGION_URL}/{QUEUE_NAMES[target]}"
        if target in self.defaults:
            return self.defaults[target]
        kind = self.resources.get(target, {}).get("Type")
        if kind == "AWS::S3::Bucket":
            return BUCKET
        return str(target) or "/prod"


@cache
def _read_template() -> Mapping[str, Any]:
    return load_template()
