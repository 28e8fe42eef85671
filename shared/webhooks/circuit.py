"""The circuit breaker of a webhook: after several failures in a row, deliveries wait without a request.

While a webhook is paused, its deliveries stay in DynamoDB and occupy neither the queue nor a connection, so a receiver
that does not respond delays nobody else. After the pause, one delivery is tried. If it succeeds, the others follow;
if not, the next pause is twice as long.
"""

from datetime import datetime, timedelta
from typing import Final

from shared.webhooks.webhook import Webhook

#: Failures in a row that pause a webhook.
MAX_FAILURES: Final = 5
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=1)
#: A delivery that was never tried because its webhook was paused fails at this age.
GIVE_UP_AFTER: Final = timedelta(days=3)


def is_paused(webhook: Webhook, now: datetime) -> bool:
    """Return True if no delivery of the webhook may be tried now."""
    return webhook.paused_until is not None and webhook.paused_until > now


def needs_probe(webhook: Webhook, now: datetime) -> bool:
    """Return True if the pause is over and a single delivery must show whether the receiver responds again."""
    return webhook.paused_until is not None and webhook.paused_until <= now


def compute_pause(pauses: int) -> timedelta:
    """Return the length of the next pause after ``pauses`` pauses without a success in between."""
    return min(FIRST_PAUSE * (1 << min(pauses, 10)), LONGEST_PAUSE)
