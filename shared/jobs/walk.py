"""A walk: an operation on a batch or a watch that the server continues until it is over, without a client.

The batch or watch stores the position of the operation. The walk only lists it for the walker function.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WalkKind(StrEnum):
    """The operation that a walk continues."""

    #: Creation of the members of a backfill or of an import of a prefix.
    FILL = "fill"
    #: Retry of failed members.
    RETRY = "retry"
    #: Cancellation of open members.
    CANCEL = "cancel"
    #: Catch-up of a watch. The ID is that of the watch, as with the next one.
    WATCH = "watch"
    #: Deletion of the marks of a deleted watch.
    FORGET = "forget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One operation of one batch or watch that is not over."""

    #: ID of the batch or watch.
    batch_id: str
    owner: str
    kind: WalkKind
    #: When its next turn is due.
    due_at: datetime
    #: Until when a walker has it; None if it is free.
    lease_until: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Return True if a walker may take a turn now."""
        return self.due_at <= now and (self.lease_until is None or self.lease_until < now)


def take_turns(walks: list[Walk], *, limit: int) -> list[Walk]:
    """Return up to ``limit`` walks: one of each owner in turn, each owner's by due time.

    So an owner with many walks does not delay those of the others.
    """
    waiting: dict[str, list[Walk]] = {}
    for walk in sorted(walks, key=lambda each: (each.due_at, each.batch_id, each.kind)):
        waiting.setdefault(walk.owner, []).append(walk)
    chosen: list[Walk] = []
    while waiting and len(chosen) < limit:
        for owner, own in list(waiting.items()):
            chosen.append(own.pop(0))
            if not own:
                del waiting[owner]
    return chosen[:limit]
