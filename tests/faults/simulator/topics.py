"""SNS in memory: it keeps what was published."""

import json
from collections.abc import Mapping
from typing import Any


class Topics:
    """The topics of one account."""

    def __init__(self) -> None:
        """Start without messages."""
        #: IDs of the events that were published, in order, with duplicates.
        self.published: list[str] = []

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run one operation."""
        if operation != "PublishBatch":
            raise NotImplementedError(operation)
        entries = request["PublishBatchRequestEntries"]
        self.published += [str(json.loads(entry["Message"])["id"]) for entry in entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in entries]}
