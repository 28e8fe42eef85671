"""Request bodies and views of webhooks and deliveries."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.http.invalid_fields import field_errors
from api.http.schemas import Timestamp, View
from shared.errors import FieldError, InvalidRequest
from shared.network.urls import MAX_URL, find_url_problem
from shared.webhooks.delivery import Delivery, DeliveryState
from shared.webhooks.webhook import Webhook

EventType = Literal["image.job.completed", "image.job.failed", "image.job.cancelled", "image.job.expired"]


class WebhookBody(BaseModel):
    """The body of ``PUT /v1/webhooks/{name}``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=MAX_URL,
        description="URL that receives the events: `https`, port 443, a host on the public internet.",
    )
    events: list[EventType] = Field(
        default_factory=lambda: list[EventType](get_args(EventType)),
        min_length=1,
        description="Types of the events to send. By default, all types.",
    )

    @classmethod
    def read(cls, fields: dict[str, Any], *, allow_internal: bool) -> Self:
        """Return the validated body. Raises InvalidRequest if a field is invalid.

        If ``allow_internal`` is True, the URL can use plain HTTP and internal hosts.
        """
        try:
            body = cls.model_validate(fields)
        except ValidationError as error:
            raise InvalidRequest(errors=field_errors(error, cls)) from error
        if problem := find_url_problem(body.url, allow_internal=allow_internal):
            raise InvalidRequest(errors=(FieldError("/url", problem),))
        return body


class WebhookView(View):
    """A webhook without its secret."""

    name: str
    url: str
    events: list[str]
    disabled: str | None = Field(description="Why the webhook is disabled. Null while it is enabled.")
    paused_until: Timestamp | None = Field(
        description="Deliveries wait until this time, because the last ones have failed. Null if they do not wait."
    )
    created_at: Timestamp
    updated_at: Timestamp

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        """Return the view of a webhook."""
        return cls(**_webhook_fields(webhook))


class NewWebhookView(WebhookView):
    """A new webhook with its secret, which is shown only once."""

    secret: str = Field(description="`whsec_` and the key in base64, as Standard Webhooks specifies.")

    @classmethod
    def with_secret(cls, webhook: Webhook, secret: str) -> Self:
        """Return the view of a webhook and its secret."""
        return cls(**_webhook_fields(webhook), secret=secret)


class SecretView(View):
    """A new secret, which is shown only once."""

    secret: str
    previous_until: Timestamp = Field(
        description="Until this time, deliveries are also signed with the previous secret."
    )


class WebhookPageView(View):
    """A page of the caller's webhooks, sorted by name."""

    webhooks: list[WebhookView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")


class DeliveryView(View):
    """The delivery of one event to one webhook."""

    id: str = Field(description="ID of the event, which is sent as `webhook-id`.")
    type: str
    job_id: str
    state: DeliveryState
    tries: int = Field(description="Number of tries since the event was created or last replayed.")
    replays: int
    answer: int | None = Field(description="HTTP status of the last response. Null if there was no response.")
    reason: str | None = Field(
        description="Why there was no response or why the event was not sent. Null if neither is the case."
    )
    created_at: Timestamp
    tried_at: Timestamp | None
    next_try_at: Timestamp | None = Field(description="Earliest time of the next try. Null if no try is planned.")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return the view of a delivery."""
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
    """A page of deliveries of a webhook, newest job first."""

    deliveries: list[DeliveryView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")


def _webhook_fields(webhook: Webhook) -> dict[str, Any]:
    return {
        "name": webhook.name,
        "url": webhook.url,
        "events": list(webhook.events),
        "disabled": webhook.disabled,
        "paused_until": webhook.paused_until,
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
    }
