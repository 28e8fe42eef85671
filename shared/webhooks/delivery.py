"""Deliveries of events to webhooks, and when to retry them."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import BadMessage
from shared.names import NAME_PATTERN

EVENT_ID_PATTERN: Final = r"^evt_[0-9A-Za-z_]{1,100}$"
_SHAPE = re.compile(EVENT_ID_PATTERN)
#: Delays between tries: about 21 hours in total.
RETRY_DELAYS = (
    *(timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10)),
    *(timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=10)),
)
MAX_TRIES = len(RETRY_DELAYS) + 1
#: Longest delay. It is below twelve hours, which is SQS's limit for the visibility timeout.
MAX_DELAY = timedelta(hours=11)
#: Deliveries with a longer delay wait in the table instead of the queue. A queue has a limit for messages in flight,
#: which all receivers share.
LONGEST_QUEUE_DELAY = timedelta(minutes=1)
#: If a message about a deferred delivery is lost, another one is sent after this time.
RESUME_AGAIN_AFTER = timedelta(minutes=15)
#: Reason of a delivery that waits or has failed without a try.
PAUSED: Final = "RECEIVER_PAUSED"
#: Reasons of deliveries that are HELD.
WEBHOOK_GONE: Final = "WEBHOOK_GONE"
WEBHOOK_DISABLED: Final = "WEBHOOK_DISABLED"
EVENT_NOT_SELECTED: Final = "EVENT_NOT_SELECTED"
#: How long a delivery stays in the log.
RETENTION = timedelta(days=14)


class DeliveryState(StrEnum):
    """The state of a delivery."""

    #: In progress or waiting for the next try.
    WAITING = "WAITING"
    #: The receiver has responded with 2xx.
    DELIVERED = "DELIVERED"
    #: All tries have failed, or the receiver has responded with 410.
    FAILED = "FAILED"
    #: The webhook was disabled or deleted before the try, or no longer selects this type of event.
    HELD = "HELD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one webhook."""

    owner: str
    webhook: str
    event_id: str
    type: str
    job_id: str
    body: str
    state: DeliveryState
    #: Number of tries in this round.
    tries: int
    #: Incremented by each replay.
    round: int
    created_at: datetime
    #: When the next try can start.
    due_at: datetime
    tried_at: datetime | None = None
    #: HTTP status of the last response.
    answer: int | None = None
    #: Why the last try failed without a response.
    reason: str | None = None
    #: When the next message about this delivery is sent, if it is deferred in the table; otherwise None.
    resume_at: datetime | None = None

    def to_message(self) -> "DeliveryMessage":
        """Return the message for the next try."""
        return DeliveryMessage(
            owner=self.owner,
            webhook=self.webhook,
            event_id=self.event_id,
            type=self.type,
            job_id=self.job_id,
            body=self.body,
            round=self.round,
        )


class DeliveryMessage(BaseModel):
    """A message which says that a delivery may be due. It contains the body to send."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    version: Literal[1] = 1
    owner: str = Field(min_length=1)
    webhook: str = Field(pattern=NAME_PATTERN)
    event_id: str = Field(pattern=EVENT_ID_PATTERN)
    type: str
    job_id: str
    body: str
    round: int = Field(default=0, ge=0)

    def encode(self) -> str:
        """Return the message body."""
        return self.model_dump_json()

    @property
    def receiver(self) -> str:
        """Return a text that identifies the receiver. Queues are shared fairly between receivers."""
        return compute_receiver(self.owner, self.webhook)


def is_event_id(text: str) -> bool:
    """Return True if a text has the form of an event ID."""
    return _SHAPE.fullmatch(text) is not None


def compute_receiver(owner: str, webhook: str) -> str:
    """Return a text that identifies a receiver. It is unique, because an owner contains no line break."""
    return f"{owner}\n{webhook}"


def decode_delivery(text: str) -> DeliveryMessage:
    """Parse a message body. Raises BadMessage if it is not a valid message."""
    try:
        return DeliveryMessage.model_validate_json(text)
    except ValidationError as error:
        raise BadMessage from error


def compute_retry_delay(tries: int, *, requested: timedelta | None, spread: float) -> timedelta | None:
    """Return the delay after a number of failed tries, or None if there are no more tries.

    ``requested`` is the receiver's ``Retry-After``, which can lengthen the delay within bounds. ``spread`` is the
    jitter, 0 to 1.
    """
    if tries >= MAX_TRIES:
        return None
    usual = RETRY_DELAYS[tries - 1] * (0.8 + 0.4 * spread)
    return min(max(usual, requested or usual), MAX_DELAY)
