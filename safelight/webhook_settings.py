"""The caller's webhooks, their secrets and their deliveries."""

from collections.abc import Iterator, Sequence

from safelight.connection import Connection, drop_none, iterate_pages, quote_path
from safelight.models import Delivery, DeliveryPage, NewWebhook, Webhook, WebhookPage, WebhookSecret
from safelight.transport import responses


class Webhooks:
    """The caller's webhooks. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def list(self) -> Iterator[Webhook]:
        """Yield the webhooks, sorted by name."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "webhooks", query=query), WebhookPage),
            lambda page: page.webhooks,
        )

    def put(self, name: str, url: str, events: Sequence[str] | None = None) -> NewWebhook:
        """Create a webhook, or change and enable an existing one. Only the response for a new one has a secret.

        By default, all events are sent.
        """
        document = drop_none({"url": url, "events": None if events is None else list(events)})
        # A retry after a lost response would not return the secret of the new webhook.
        response = self._connection.request("PUT", f"webhooks/{quote_path(name)}", document=document, repeatable=False)
        return responses.read(response, NewWebhook)

    def delete(self, name: str) -> None:
        """Delete a webhook with its log."""
        self._connection.request("DELETE", f"webhooks/{quote_path(name)}")

    def rotate_secret(self, name: str) -> WebhookSecret:
        """Return a new secret. For some time, deliveries are also signed with the previous one."""
        path = f"webhooks/{quote_path(name)}/secret"
        return responses.read(self._connection.request("POST", path, repeatable=False), WebhookSecret)

    def deliveries(self, name: str, limit: int | None = None) -> Iterator[Delivery]:
        """Yield at most ``limit`` deliveries of the last days, newest first."""
        path = f"webhooks/{quote_path(name)}/deliveries"
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", path, query=query), DeliveryPage),
            lambda page: page.deliveries,
            limit,
        )

    def replay(self, name: str, event_id: str) -> Delivery:
        """Send an event again, and return its delivery."""
        path = f"webhooks/{quote_path(name)}/deliveries/{quote_path(event_id)}/replay"
        return responses.read(self._connection.post(path), Delivery)
