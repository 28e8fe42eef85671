"""URLs and names of a running stack, as ``safelight up`` prints them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

#: Path under which local engines serve their REST APIs.
LOCAL_API_PREFIX = "/_aws/execute-api"
API_VERSION = "v1"
#: The engines as they are called in a sentence.
ENGINE_LABELS = {"embedded": "the embedded engine", "localstack": "LocalStack", "aws": "AWS"}


@dataclass(frozen=True, slots=True)
class Stack:
    """URLs and names of one deployed stack."""

    engine: str
    #: Base URL of the engine's AWS services. Empty on AWS.
    endpoint_url: str
    #: Base URL of the HTTP API, which ends in ``/v1``.
    api_url: str
    #: URL of the web page. Empty if the web page is not public.
    ui_url: str
    bucket: str
    table: str
    queue_url: str
    bulk_queue_url: str
    dead_letter_queue_url: str
    #: Function names by role: ``api``, ``worker``, ``uploads``, ``dead_letters``, ``reconciler``, ``walker``,
    #: ``notifier``, ``webhooks``.
    functions: Mapping[str, str]

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, str], *, engine: str, endpoint_url: str) -> Self:
        """Return the stack with these CloudFormation outputs. Raises KeyError if an output is missing."""
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
                "uploads": outputs["UploadFunctionName"],
                "dead_letters": outputs["DeadLetterFunctionName"],
                "reconciler": outputs["ReconcilerFunctionName"],
                "walker": outputs["WalkerFunctionName"],
                "notifier": outputs["NotifierFunctionName"],
                "webhooks": outputs["WebhookFunctionName"],
            },
        )

    def to_json(self) -> str:
        """Return the fields as one JSON object."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the stack that :meth:`to_json` wrote as this text.

        Raises ValueError or TypeError for any other text.
        """
        return cls(**json.loads(text))

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        scratch = path.with_suffix(".tmp")
        scratch.write_text(self.to_json() + "\n", encoding="utf-8")
        scratch.replace(path)


def get_api_address(outputs: Mapping[str, str]) -> str:
    """Return the base URL of the API.

    On a local engine, return only its path, because the host depends on the client.
    """
    if "ApiUrl" in outputs:
        return outputs["ApiUrl"]
    return f"{LOCAL_API_PREFIX}/{outputs['ApiId']}/{outputs['StageName']}/{API_VERSION}"


def _ui_url(outputs: Mapping[str, str], endpoint_url: str) -> str:
    if endpoint_url:
        return f"{endpoint_url}/{outputs['UiBucketName']}/index.html"
    return outputs.get("UiUrl", "")
