"""SQS in memory with its own clock: visibility, receive counts, redrive to the dead-letter queue."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from faults.simulator.aws_errors import make_client_error

ACCOUNT = "000000000000"


@dataclass(eq=False)
class Message:
    """One message; each receive changes its receipt."""

    id: str
    body: str
    sent_at: datetime
    visible_at: datetime
    attributes: Mapping[str, Any] = field(default_factory=dict)
    receives: int = 0
    receipt: str = ""


class Observer(Protocol):
    """Receives the events of messages."""

    def sent(self, message: Message) -> None:
        """Handle a new message."""

    def deleted(self, queue: str, message: Message) -> None:
        """Handle an acknowledgement."""

    def on_dead_letter(self) -> None:
        """Handle a message that moved to the dead-letter queue."""


@dataclass
class Queue:
    """A standard queue."""

    name: str
    visibility: timedelta
    max_receives: int | None = None
    dead_letters: "Queue | None" = None
    messages: list[Message] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the URL that our code uses."""
        return f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{self.name}"

    @property
    def arn(self) -> str:
        """Return the ARN in a record."""
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{self.name}"

    def visible(self, now: datetime) -> list[Message]:
        """Return the messages that can be received now."""
        return [message for message in self.messages if message.visible_at <= now]


class Queues:
    """The queues of one account."""

    def __init__(self, queues: list[Queue], clock: Callable[[], datetime], observer: Observer) -> None:
        """Hold ``queues``; ``clock`` is SQS's own and always right."""
        self.by_url = {queue.url: queue for queue in queues}
        self._clock = clock
        self._observer = observer
        self._numbers = itertools.count(1)
        self._calls: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "SendMessage": self._send,
            "SendMessageBatch": self._send_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "DeleteMessage": self._delete,
            "ReceiveMessage": self._receive,
            "GetQueueAttributes": self._attributes,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Run one operation. Raises botocore's ClientError as AWS would."""
        return self._calls[operation](request)

    def receive(self, queue: Queue, chosen: list[Message]) -> list[Message]:
        """Receive visible messages as a poller does; move those without receives left to the dead-letter queue."""
        now = self._clock()
        taken: list[Message] = []
        for message in chosen:
            if queue.max_receives is not None and queue.dead_letters and message.receives >= queue.max_receives:
                queue.messages.remove(message)
                message.visible_at, message.receives = now, 0
                queue.dead_letters.messages.append(message)
                self._observer.on_dead_letter()
                continue
            message.receives += 1
            message.visible_at = now + queue.visibility
            message.receipt = f"{message.id}.{next(self._numbers)}"
            taken.append(message)
        return taken

    def acknowledge(self, queue: Queue, receipt: str) -> None:
        """Delete a message by its newest receipt; an older one deletes nothing."""
        for message in queue.messages:
            if message.receipt == receipt:
                queue.messages.remove(message)
                self._observer.deleted(queue.name, message)
                return

    def add(self, queue: Queue, body: str, delay: timedelta = timedelta(0)) -> Message:
        """Add a message to a queue."""
        now = self._clock()
        message = Message(f"m{next(self._numbers)}", body, now, now + delay)
        queue.messages.append(message)
        self._observer.sent(message)
        return message

    def _send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        delay = timedelta(seconds=request.get("DelaySeconds", 0))
        return {"MessageId": self.add(self.by_url[request["QueueUrl"]], request["MessageBody"], delay).id}

    def _send_batch(self, request: Mapping[str, Any]) -> dict[str, Any]:
        sent = [
            {"Id": entry["Id"], **self._send({"QueueUrl": request["QueueUrl"], **entry})}
            for entry in request["Entries"]
        ]
        return {"Successful": sent}

    def _change_visibility(self, request: Mapping[str, Any]) -> dict[str, Any]:
        queue = self.by_url[request["QueueUrl"]]
        for message in queue.messages:
            if message.receipt == request["ReceiptHandle"]:
                message.visible_at = self._clock() + timedelta(seconds=request["VisibilityTimeout"])
                return {}
        raise make_client_error("ChangeMessageVisibility", "InvalidParameterValue")

    def _delete(self, request: Mapping[str, Any]) -> dict[str, Any]:
        self.acknowledge(self.by_url[request["QueueUrl"]], request["ReceiptHandle"])
        return {}

    def _receive(self, request: Mapping[str, Any]) -> dict[str, Any]:
        queue = self.by_url[request["QueueUrl"]]
        taken = self.receive(queue, queue.visible(self._clock())[: request.get("MaxNumberOfMessages", 1)])
        if not taken:
            return {}
        return {"Messages": [as_received(message) for message in taken]}

    def _attributes(self, request: Mapping[str, Any]) -> dict[str, Any]:
        queue = self.by_url[request["QueueUrl"]]
        visible = len(queue.visible(self._clock()))
        return {
            "Attributes": {
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(len(queue.messages) - visible),
            }
        }


def as_received(message: Message) -> dict[str, Any]:
    """Return a message as ``receive_message`` does, with all system attributes."""
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MessageAttributes": dict(message.attributes),
        "Attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "SentTimestamp": str(int(message.sent_at.timestamp() * 1000)),
        },
    }
