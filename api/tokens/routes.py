"""``/v1/tokens``: upload tokens, with which a web page uploads files without the caller's credentials."""

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.dependencies import Deps, Log, caller
from api.http.body import read_json
from api.http.documented import documented
from api.http.parameters import Cursor
from api.http.responses import json_response
from api.jobs.job_spec import SPEC_ERRORS, Catalog, resolve_job_spec
from api.tokens.schemas import NewTokenView, TokenPageView, TokenView, read_token_request
from api.tokens.use_cases import Tokens
from shared.errors import (
    BadCursor,
    BadJson,
    InvalidRequest,
    TokenNotFound,
    UnsupportedMediaType,
)
from shared.ids import ID_PATTERN, is_id

MAX_PAGE = 100

router = Router()

TokenId = Annotated[str, Path(description="ULID of the token.", json_schema_extra={"pattern": ID_PATTERN})]


@router.post(
    "/v1/tokens",
    operation_id="createToken",
    summary="Create an upload token",
    tags=["Upload tokens"],
    responses=documented(
        {201: ("The new token, with its secret.", NewTokenView)},
        BadJson,
        UnsupportedMediaType,
        InvalidRequest,
        *SPEC_ERRORS,
    ),
)
def create_token(dependencies: Deps, log: Log) -> Response[Any]:
    """Create a token with which a web page can upload files and read the jobs of these files, and nothing else.

    Only this response contains the token. A repeated request creates another token.
    """
    event = router.current_event
    owner = caller(event)
    request = read_token_request(event.query_string_parameters or {}, read_json(event))
    spec = resolve_job_spec(request, Catalog.of(dependencies, owner))
    token, text = Tokens.of(dependencies).create(request, spec, owner)
    log.info("Upload token created", extra={"token_id": token.id, "max_files": token.max_files})
    links = dependencies.links_for(event)
    view = NewTokenView.with_secret(token, token.get_state(token.created_at), text=text, url=links.for_tokens())
    headers = {"Location": links.token(token.id)}
    response = json_response(view, HTTPStatus.CREATED, headers)
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get(
    "/v1/tokens",
    operation_id="listTokens",
    summary="List upload tokens, newest first",
    tags=["Upload tokens"],
    responses=documented({200: ("A page of tokens.", TokenPageView)}, BadCursor, InvalidRequest),
)
def list_tokens(
    dependencies: Deps,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Tokens per page.")] = 20,
    cursor: Cursor = None,
) -> Response[Any]:
    """List the caller's tokens, newest first, without their secrets. Tokens are listed until a day after they expire.

    A new token may be missing for a moment.
    """
    if cursor is not None and not is_id(cursor):
        raise BadCursor
    page = Tokens.of(dependencies).page(caller(router.current_event), limit=limit, after=cursor)
    now = dependencies.clock()
    view = TokenPageView(
        tokens=[TokenView.of(each, each.get_state(now)) for each in page.tokens], next_cursor=page.next_after
    )
    return json_response(view, HTTPStatus.OK, {})


@router.get(
    "/v1/tokens/<token_id>",
    operation_id="getToken",
    summary="Read an upload token",
    tags=["Upload tokens"],
    responses=documented({200: ("The token.", TokenView)}, TokenNotFound),
)
def read_token(token_id: TokenId, dependencies: Deps) -> Response[Any]:
    """Return a token with its counts, without its secret."""
    token = Tokens.of(dependencies).get(token_id, caller(router.current_event))
    return json_response(TokenView.of(token, token.get_state(dependencies.clock())), HTTPStatus.OK, {})


@router.delete(
    "/v1/tokens/<token_id>",
    operation_id="revokeToken",
    summary="Revoke an upload token",
    tags=["Upload tokens"],
    responses=documented({200: ("The revoked token.", TokenView)}, TokenNotFound),
)
def revoke_token(token_id: TokenId, dependencies: Deps, log: Log) -> Response[Any]:
    """Revoke a token. From now on, every request with it gets 401. Its jobs stay.

    A file whose upload form was already signed can still arrive. To stop it, cancel its job.
    """
    token = Tokens.of(dependencies).revoke(token_id, caller(router.current_event))
    log.info("Upload token revoked", extra={"token_id": token.id})
    return json_response(TokenView.of(token, token.get_state(dependencies.clock())), HTTPStatus.OK, {})
