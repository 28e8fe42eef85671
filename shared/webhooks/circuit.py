"""The circuit breaker of a webhook. After several failures in a row, it pauses the webhook: no requests are sent.

While a webhook is paused, its deliveries wait in DynamoDB. They occupy neither the queue nor a connection, so a
receiver that does not respond does not delay the others. After the pause, one delivery is tried. If it succeeds, the
others follow. If it fails, the next pause is twice as long.
"""

from datetime import datetime, timedelta
from typing import Final

from shared.webhooks.webhook import Webhook

#: Failures in a row that pause a webhook.
MAX_FAILURES: Final = 5
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
#: While its webhook is paused, a delivery that is older than this fails.
GIVE_UP_AFTER: Final = timedelta(days=3)


def is_paused(webhook: Webhook, now: datetime) -> bool:
    """Return True if no delivery of the webhook may be tried now."""
    return webhook.paused_until is not None and webhook.paused_until > now


def needs_probe(webhook: Webhook, now: datetime) -> bool:
    """Return True if the pause is over and a single delivery must show whether the receiver responds again."""
    return webhook.paused_until is not None and webhook.paused_until <= now


def compute_pause(pauses: int) -> timedelta:
    """Return the length of the next pause. ``pauses`` is the number of pauses since the last success."""
    return min(FIRST_PAUSE * (1 << min(pauses, 10)), LONGEST_PAUSE)
