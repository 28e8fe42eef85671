"""Webhooks and their deliveries over the wire."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.http.schemas import Timestamp, View
from api.jobs.options import field_errors
from shared.errors import FieldError, InvalidRequest
from shared.webhooks.delivery import Delivery, DeliveryState
from shared.webhooks.webhook import MAX_URL, Webhook, find_url_problem

EventType = Literal["image.job.completed", "image.job.failed", "image.job.cancelled", "image.job.expired"]


class WebhookBody(BaseModel):
    """The body of ``PUT /v1/webhooks/{name}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(min_length=1, max_length=MAX_URL, description="Where to send: `https`, port 443, a public host.")
    events: list[EventType] = Field(
        default_factory=lambda: list[EventType](get_args(EventType)),
        min_length=1,
        description="Types to send; all unless given.",
    )

    @classmethod
    def read(cls, fields: dict[str, Any], *, allow_internal: bool) -> Self:
        """Read the body; ``allow_internal`` as in ``shared.webhooks.webhook.find_url_problem``. Raises InvalidRequest."""
        try:
            body = cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidRequest(errors=field_errors(error)) from error
        if wrong := find_url_problem(body.url, allow_internal=allow_internal):
            raise InvalidRequest(errors=(FieldError("/url", wrong),))
        return body


class WebhookView(View):
    """A webhook, without its secret."""

    name: str
    url: str
    events: list[str]
    disabled: str | None = Field(description="Why nothing is sent any more; null while it is in use.")
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Show a webhook."""
        return cls(**_facts(webhook))


class NewWebhookView(WebhookView):
    """A new webhook, with its secret: the one time that it is shown."""

    secret: str = Field(description="`whsec_` and base64, as Standard Webhooks writes it.")

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> Self:
        """Show a webhook and its secret."""
        return cls(**_facts(webhook), secret=secret)


class SecretView(View):
    """A new secret, the one time that it is shown."""

    secret: str
    previous_until: Timestamp = Field(description="Until then the secret before signs too.")


class WebhookPageView(View):
    """Some of the caller's webhooks, by name."""

    webhooks: list[WebhookView]
    next_cursor: str | None = Field(description="Pass it as cursor for the next page; null when there is none.")


class DeliveryView(View):
    """One event for one webhook."""

    id: str = Field(description="ID of the event, which the receiver gets as `webhook-id`.")
    type: str
    job_id: str
    state: DeliveryState
    tries: int = Field(description="Since the event, or its last replay.")
    replays: int
    answer: int | None = Field(description="HTTP status of the last answer.")
    reason: str | None = Field(description="Why there was none, or why nothing was sent.")
    created_at: Timestamp
    tried_at: Timestamp | None
    next_try_at: Timestamp | None = Field(description="Not before; null where nothing more is tried.")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a delivery."""
        return cls(
            id=delivery.event_id,
            type=delivery.type,
            job_id=delivery.job_id,
            state=delivery.state,
            tries=delivery.tries,
            replays=delivery.round,
            answer=delivery.answer,
            reason=delivery.reason,
            created_at=delivery.created_at,
            tried_at=delivery.tried_at,
            next_try_at=delivery.due_at if delivery.state is DeliveryState.WAITING else None,
        )


class DeliveryPageView(View):
    """Some deliveries of a webhook, the newest job first."""

    deliveries: list[DeliveryView]
    next_cursor: str | None = Field(description="Pass it as cursor for the next page; null when there is none.")


def _facts(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": list(webhook.events),
        "disabled": webhook.disabled,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }
