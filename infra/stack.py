"""Addresses and names of a running stack, as ``safelight up`` prints them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

#: Path under which local engines serve their REST APIs.
LOCAL_API_PREFIX = "/_aws/execute-api"
API_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Stack:
    """Addresses and names of one deployed stack."""

    engine: str
    #: Address of the engine's AWS services; empty on AWS.
    endpoint_url: str
    #: Base address of the HTTP API; ends in ``/v1``.
    api_url: str
    #: Address of the web page; empty if it is not published.
    ui_url: str
    bucket: str
    table: str
    queue_url: str
    bulk_queue_url: str
    dead_letter_queue_url: str
    #: Function names by role: ``api``, ``worker``, ``dead_letters``, ``reconciler``, ``notifier``, ``webhooks``.
    functions: Mapping[str, str]

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, str], *, engine: str, endpoint_url: str) -> Self:
        """Read the outputs of the CloudFormation stack. Raises KeyError if one is missing."""
        return cls(
            engine=engine,
            endpoint_url=endpoint_url,
            api_url=f"{endpoint_url}{get_api_address(outputs)}",
            ui_url=_ui_url(outputs, endpoint_url),
            bucket=outputs["ImageBucketName"],
            table=outputs["TableName"],
            queue_url=outputs["JobQueueUrl"],
            bulk_queue_url=outputs["BulkQueueUrl"],
            dead_letter_queue_url=outputs["DeadLetterQueueUrl"],
            functions={
                "api": outputs["ApiFunctionName"],
                "worker": outputs["WorkerFunctionName"],
                "dead_letters": outputs["DeadLetterFunctionName"],
                "reconciler": outputs["ReconcilerFunctionName"],
                "notifier": outputs["NotifierFunctionName"],
                "webhooks": outputs["WebhookFunctionName"],
            },
        )

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the output of :meth:`to_json`. Raises ValueError or TypeError for anything else."""
        return cls(**json.loads(text))

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        scratch = path.with_suffix(".tmp")
        scratch.write_text(self.to_json() + "\n", encoding="utf-8")
        scratch.replace(path)


def get_api_address(outputs: Mapping[str, str]) -> str:
    """Return the base address of the API; on a local engine its path, which is valid for every host name."""
    if "ApiUrl" in outputs:
        return outputs["ApiUrl"]
    return f"{LOCAL_API_PREFIX}/{outputs['ApiId']}/{outputs['StageName']}/{API_VERSION}"


def _ui_url(outputs: Mapping[str, str], endpoint_url: str) -> str:
    if endpoint_url:
        return f"{endpoint_url}/{outputs['UiBucketName']}/index.html"
    return outputs.get("UiUrl", "")
