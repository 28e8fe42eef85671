"""Dead letters, webhook secrets and the health of the API."""

from safelight.models.response import Response, Timestamp


class DeadLetter(Response):
    """A job that failed with a retryable error, or an unreadable message."""

    kind: str
    id: str
    reason: str
    since: Timestamp | None = None
    owner: str | None = None
    attempts: int | None = None
    redrives: int | None = None
    key: str | None = None
    size: int | None = None


class DeadLetterPage(Response):
    """One page of dead letters."""

    dead_letters: tuple[DeadLetter, ...] = ()
    next_cursor: str | None = None


class RedriveRefusal(Response):
    """A job that was not redriven."""

    id: str
    code: str


class RedriveResult(Response):
    """How many dead letters were redriven, and which were refused."""

    redriven: int = 0
    refused: int = 0
    jobs: tuple[str, ...] = ()
    refusals: tuple[RedriveRefusal, ...] = ()
    next_cursor: str | None = None

    def combine(self, later: "RedriveResult") -> "RedriveResult":
        """Return the sum of this result and a later one."""
        return RedriveResult(
            redriven=self.redriven + later.redriven,
            refused=self.refused + later.refused,
            jobs=self.jobs + later.jobs,
            refusals=self.refusals + later.refusals,
            next_cursor=later.next_cursor,
        )


class WebhookSecret(Response):
    """The signing secret of a webhook. It is empty if the response does not contain the secret."""

    secret: str = ""
    #: Until when deliveries are also signed with the previous secret.
    previous_until: Timestamp | None = None


class Webhook(Response):
    """A webhook without its secret."""

    name: str
    url: str = ""
    events: tuple[str, ...] = ()
    #: Why the webhook is disabled; None while it is enabled.
    disabled: str | None = None
    #: Until when deliveries wait, because the last ones have failed; None if they do not wait.
    paused_until: Timestamp | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class NewWebhook(Webhook):
    """A webhook, with its secret if it is new."""

    secret: str = ""


class WebhookPage(Response):
    """One page of webhooks."""

    webhooks: tuple[Webhook, ...] = ()
    next_cursor: str | None = None


class Delivery(Response):
    """The delivery of one event to one webhook."""

    #: ID of the event.
    id: str
    type: str = ""
    job_id: str = ""
    #: A newer API can return a state that this client does not know.
    state: str = ""
    tries: int = 0
    replays: int = 0
    #: HTTP status of the last response; None if there was no response.
    answer: int | None = None
    reason: str | None = None
    created_at: Timestamp | None = None
    tried_at: Timestamp | None = None
    next_try_at: Timestamp | None = None


class DeliveryPage(Response):
    """One page of deliveries."""

    deliveries: tuple[Delivery, ...] = ()
    next_cursor: str | None = None


class Health(Response):
    """The health of the API."""

    status: str = "ok"
    version: str | None = None
