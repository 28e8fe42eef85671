"""Webhooks: where callers want to be told, what was sent there, and how to send it again."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.dependencies import Deps, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.links import Links
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
from api.webhooks.use_cases import Switchboard, delete_webhook, own_webhook, put_webhook, replay, rotate
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
    summary="List webhooks",
    tags=["Webhooks"],
    responses=documented({200: ("A page of webhooks.", WebhookPageView)}, BadCursor, InvalidRequest),
)
def list_webhooks(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Webhooks a page.")] = MAX_PAGE,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the caller's webhooks by name, without their secrets."""
    if cursor is not None and not is_name(cursor):
        raise BadCursor
    page = Switchboard.of(dependencies).webhooks.page(caller(router.current_event), limit=limit, after=cursor)
    view = WebhookPageView(webhooks=[WebhookView.of(each) for each in page.entries], next_cursor=page.next_after)
    return json_response(view, HTTPStatus.OK, {})


@router.get(
    "/v1/webhooks/<name>",
    summary="Read a webhook",
    tags=["Webhooks"],
    responses=documented({200: ("The webhook.", WebhookView)}, WebhookNotFound),
)
def read_webhook(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Answer with a webhook, without its secret."""
    webhook = own_webhook(name, caller(router.current_event), Switchboard.of(dependencies))
    return json_response(WebhookView.of(webhook), HTTPStatus.OK, {})


@router.put(
    "/v1/webhooks/<name>",
    summary="Create or change a webhook",
    tags=["Webhooks"],
    responses=documented(
        {200: ("Changed, and in use again.", WebhookView), 201: ("New, with its secret.", NewWebhookView)},
        BadJson,
        UnsupportedMediaType,
        NotificationsOff,
        RouteNotFound,
        InvalidRequest,
    ),
)
def write_webhook(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Keep an address under a name; the secret is shown when it is new, and never again."""
    if not is_name(name):
        raise InvalidRequest(errors=(FieldError("/name", f"does not match {NAME_PATTERN}"),))
    event = router.current_event
    board = Switchboard.of(dependencies)
    body = WebhookBody.read(read_json(event), allow_internal=board.allow_internal)
    webhook, secret = put_webhook(name, caller(event), body.url, tuple(dict.fromkeys(body.events)), board)
    if secret is None:
        return json_response(WebhookView.of(webhook), HTTPStatus.OK, {})
    location = Links.for_request(event, dependencies.settings.api_path_prefix).webhook(name)
    return json_response(NewWebhookView.with_secret(webhook, secret), HTTPStatus.CREATED, {"Location": location})


@router.delete(
    "/v1/webhooks/<name>",
    summary="Delete a webhook",
    tags=["Webhooks"],
    responses=documented({204: ("Deleted.", None)}, WebhookNotFound),
)
def remove_webhook(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Take a webhook away, with its secret; what still waits for it is not sent."""
    delete_webhook(name, caller(router.current_event), Switchboard.of(dependencies))
    return Response(HTTPStatus.NO_CONTENT)


@router.post(
    "/v1/webhooks/<name>/secret",
    summary="Rotate the secret of a webhook",
    tags=["Webhooks"],
    responses=documented({200: ("The new secret.", SecretView)}, WebhookNotFound),
)
def rotate_secret(name: WebhookName, dependencies: Deps) -> Response[Any]:
    """Make a new secret; for a day the one before signs too. Each call makes another one."""
    secret, until = rotate(name, caller(router.current_event), Switchboard.of(dependencies))
    return json_response(SecretView(secret=secret, previous_until=until), HTTPStatus.OK, {})


@router.get(
    "/v1/webhooks/<name>/deliveries",
    summary="List what was sent to a webhook",
    tags=["Webhooks"],
    responses=documented(
        {200: ("A page of deliveries.", DeliveryPageView)}, BadCursor, WebhookNotFound, InvalidRequest
    ),
)
def list_deliveries(
    name: WebhookName,
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Deliveries a page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List deliveries of the last days, the newest job first, with what the receiver answered."""
    if cursor is not None and not is_event_id(cursor):
        raise BadCursor
    owner = caller(router.current_event)
    board = Switchboard.of(dependencies)
    webhook = own_webhook(name, owner, board)
    page = board.deliveries.page(owner, webhook.name, limit=limit, after=cursor)
    view = DeliveryPageView(deliveries=[DeliveryView.of(each) for each in page.entries], next_cursor=page.next_after)
    return json_response(view, HTTPStatus.OK, {})


@router.post(
    "/v1/webhooks/<name>/deliveries/<event_id>/replay",
    summary="Send an event again",
    tags=["Webhooks"],
    responses=documented({202: ("Will be sent.", DeliveryView)}, WebhookNotFound, DeliveryNotFound),
)
def replay_delivery(name: WebhookName, event_id: EventId, dependencies: Deps) -> Response[Any]:
    """Send an event once more, whatever became of it, with the same body and the same ID."""
    if not is_event_id(event_id):
        raise DeliveryNotFound
    delivery = replay(name, caller(router.current_event), event_id, Switchboard.of(dependencies))
    return json_response(DeliveryView.of(delivery), HTTPStatus.ACCEPTED, {})
