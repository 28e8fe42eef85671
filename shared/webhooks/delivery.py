"""A delivery: one event on its way to one webhook, and how long one goes on trying."""

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
#: Between one try and the next: about 21 hours in all.
RETRY_DELAYS = (
    *(timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10)),
    *(timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6), timedelta(hours=10)),
)
MAX_TRIES = len(RETRY_DELAYS) + 1
#: SQS hides a message for twelve hours at most.
MAX_DELAY = timedelta(hours=11)
#: A delivery stays in the log for so long after its event.
RETENTION = timedelta(days=14)


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    #: Is tried, or waits for its next try.
    WAITING = "WAITING"
    #: The receiver has answered 2xx.
    DELIVERED = "DELIVERED"
    #: Out of tries, or the receiver has answered 410.
    FAILED = "FAILED"
    #: The webhook was disabled or gone when its turn came.
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
    #: Of this round.
    tries: int
    #: One more with every replay.
    round: int
    created_at: datetime
    #: When the next try may begin.
    due_at: datetime
    tried_at: datetime | None = None
    #: Status of the last answer.
    answer: int | None = None
    #: Why the last try failed, where there was no answer.
    reason: str | None = None


class DeliveryMessage(BaseModel):
    """A hint that a delivery may be due; the first one brings what is to be delivered."""

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
        """Write the message body."""
        return self.model_dump_json()


def is_event_id(text: str) -> bool:
    """Tell whether a text has the shape of an event's ID."""
    return _SHAPE.fullmatch(text) is not None


def decode_delivery(text: str) -> DeliveryMessage:
    """Read a message body. Raises BadMessage for whatever is none of ours."""
    try:
        return DeliveryMessage.model_validate_json(text)
    except ValidationError as error:
        raise BadMessage from error


def compute_retry_delay(tries: int, *, requested: timedelta | None, spread: float) -> timedelta | None:
    """Return how long to wait after so many failed tries; None when they were enough.

    ``requested`` is what the receiver wants (``Retry-After``), heard within bounds; ``spread`` between 0 and 1 keeps
    deliveries apart that failed together.
    """
    if tries >= MAX_TRIES:
        return None
    usual = RETRY_DELAYS[tries - 1] * (0.8 + 0.4 * spread)
    return min(max(usual, requested or usual), MAX_DELAY)
