"""``/v1/webhooks``: webhooks, their secrets and their deliveries."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.dependencies import Deps, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.parameters import Cursor
from api.http.responses import json_response
from api.webhooks.schemas import (
    DeliveryPageView,
    DeliveryView,
    NewWebhookView,
    SecretView,
    WebhookBody,
    WebhookPageView,
    WebhookView,
)
from api.webhooks.use_cases import Webhooks
from shared.errors import (
    BadCursor,
    BadJson,
    DeliveryNotFound,
    FieldError,
    InvalidRequest,
    NotificationsOff,
    RouteNotFound,
    UnsupportedMediaType,
    WebhookNotFound,
)
from shared.names import NAME_PATTERN, is_name
from shared.webhooks.delivery import EVENT_ID_PATTERN, is_event_id

MAX_PAGE = 100

router = Router()

WebhookName = Annotated[str, Path(description="Name of the webhook.", json_schema_extra={"pattern": NAME_PATTERN})]
EventId = Annotated[str, Path(description="ID of the event.", json_schema_extra={"pattern": EVENT_ID_PATTERN})]


@router.get(
    "/v1/webhooks",
    operation_id="listWebhooks",
    summary="List webhooks",
    tags=["Webhooks"],
    responses=documented({200: ("A page of webhooks.", WebhookPageView)}, BadCursor, InvalidRequest),
)
def list_webhooks(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Webhooks per page.")] = MAX_PAGE,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the caller's webhooks, sorted by name, without their secrets."""
    if cursor is not None and not is_name(cursor):
        raise BadCursor
    page = Webhooks.of(dependencies).table.page(caller(router.current_event), limit=limit, after=cursor)
    view = WebhookPageView(webhooks=[WebhookView.of(each) for each in page.entries], next_cursor=page.next_after)
    return json_response(view, HTTPStatus.OK, {})


@router.get(
    "/v1/webhooks/<name>",
    operation_id="getWebhook",
    summary="Read a webhook",
    tags=["Webhooks"],
    responses=documented({200: ("The webhook.", WebhookView)}, WebhookNotFound),
)
def read_webhook(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Return a webhook without its secret."""
    webhook = Webhooks.of(dependencies).get(name, caller(router.current_event))
    return json_response(WebhookView.of(webhook), HTTPStatus.OK, {})


@router.put(
    "/v1/webhooks/<name>",
    operation_id="putWebhook",
    summary="Create or change a webhook",
    tags=["Webhooks"],
    responses=documented(
        {
            200: ("The changed webhook, which is enabled.", WebhookView),
            201: ("The new webhook, with its secret.", NewWebhookView),
        },
        BadJson,
        UnsupportedMediaType,
        NotificationsOff,
        RouteNotFound,
        InvalidRequest,
    ),
)
def put_webhook(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Create or change a webhook. Only the response that creates the webhook contains its secret."""
    if not is_name(name):
        raise InvalidRequest(errors=(FieldError("/name", f"does not match {NAME_PATTERN}"),))
    event = router.current_event
    webhooks = Webhooks.of(dependencies)
    body = WebhookBody.read(read_json(event), allow_internal=webhooks.allow_internal)
    webhook, secret = webhooks.put(name, caller(event), body.url, tuple(dict.fromkeys(body.events)))
    if secret is None:
        return json_response(WebhookView.of(webhook), HTTPStatus.OK, {})
    location = dependencies.links_for(event).webhook(name)
    return json_response(NewWebhookView.with_secret(webhook, secret), HTTPStatus.CREATED, {"Location": location})


@router.delete(
    "/v1/webhooks/<name>",
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    tags=["Webhooks"],
    responses=documented({204: ("Deleted.", None)}, WebhookNotFound),
)
def delete_webhook(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Delete a webhook and its secret. Its pending deliveries end as `HELD` and are not sent."""
    Webhooks.of(dependencies).delete(name, caller(router.current_event))
    return Response(HTTPStatus.NO_CONTENT)


@router.post(
    "/v1/webhooks/<name>/secret",
    operation_id="rotateWebhookSecret",
    summary="Rotate the secret of a webhook",
    tags=["Webhooks"],
    responses=documented({200: ("The new secret.", SecretView)}, WebhookNotFound),
)
def rotate_secret(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Create a new secret. For one day, deliveries are also signed with the previous secret.

    Each call creates another secret.
    """
    secret, until = Webhooks.of(dependencies).rotate_secret(name, caller(router.current_event))
    return json_response(SecretView(secret=secret, previous_until=until), HTTPStatus.OK, {})


@router.get(
    "/v1/webhooks/<name>/deliveries",
    operation_id="listDeliveries",
    summary="List deliveries of a webhook",
    tags=["Webhooks"],
    responses=documented(
        {200: ("A page of deliveries.", DeliveryPageView)}, BadCursor, WebhookNotFound, InvalidRequest
    ),
)
def list_deliveries(
    name: WebhookName,
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Deliveries per page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the deliveries of the last 14 days with the response of the receiver, newest job first."""
    if cursor is not None and not is_event_id(cursor):
        raise BadCursor
    owner = caller(router.current_event)
    webhooks = Webhooks.of(dependencies)
    webhook = webhooks.get(name, owner)
    page = webhooks.deliveries.page(owner, webhook.name, limit=limit, after=cursor)
    view = DeliveryPageView(deliveries=[DeliveryView.of(each) for each in page.entries], next_cursor=page.next_after)
    return json_response(view, HTTPStatus.OK, {})


@router.post(
    "/v1/webhooks/<name>/deliveries/<event_id>/replay",
    operation_id="replayDelivery",
    summary="Send an event again",
    tags=["Webhooks"],
    responses=documented({202: ("The delivery, which will be sent.", DeliveryView)}, WebhookNotFound, DeliveryNotFound),
)
def replay_delivery(name: WebhookName, event_id: EventId, dependencies: Deps) -> Response[Any]:
    """Send an event again with the same body and the same ID, whatever the state of its delivery."""
    if not is_event_id(event_id):
        raise DeliveryNotFound
    delivery = Webhooks.of(dependencies).replay(name, caller(router.current_event), event_id)
    return json_response(DeliveryView.of(delivery), HTTPStatus.ACCEPTED, {})
