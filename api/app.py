"""The API Lambda: resolver, routes, error handlers, ``handler``."""

import os
import time
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

import api.assets.routes
import api.batches.lifecycle_routes
import api.batches.routes
import api.dead_letters.routes
import api.errors.routes
import api.jobs.lifecycle_routes
import api.jobs.result_routes
import api.jobs.routes
import api.openapi.routes
import api.plans.routes
import api.presets.routes
import api.system.routes
import api.tokens.routes
import api.uploads.multipart_routes
import api.uploads.routes
import api.watches.routes
import api.webhooks.routes
from api.dependencies import get_dependencies, get_logger
from api.http.cors import add_headers, cors_headers, is_preflight, preflight_response
from api.http.gateway_event import normalize_event
from api.http.links import Links
from api.http.problems import problem_response, translate_validation_error
from api.rate_limit import count_request
from api.tokens.access import allowed_origins, authenticate, authorize
from shared.errors import MethodNotAllowed, RouteNotFound, SafelightError
from shared.initialization import prepare
from shared.observability import make_metrics

metrics = make_metrics()
app = APIGatewayRestResolver(enable_validation=True)
for routes in (
    *(api.jobs.routes, api.jobs.result_routes, api.jobs.lifecycle_routes, api.uploads.routes),
    api.uploads.multipart_routes,
    *(api.batches.routes, api.batches.lifecycle_routes, api.watches.routes),
    *(api.dead_letters.routes, api.plans.routes),
    *(api.presets.routes, api.assets.routes, api.webhooks.routes, api.tokens.routes),
    *(api.errors.routes, api.system.routes),
):
    app.include_router(routes.router)
api.openapi.routes.add_documents(app)
prepare(get_dependencies, os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the response to an API Gateway request. After an unexpected error: 500, without internal details."""
    started = time.monotonic()
    metrics.add_metric("RequestsReceived", MetricUnit.Count, 1)  # first, to count requests whose function is killed
    log = get_logger()
    request_id = (event.get("requestContext") or {}).get("requestId") or context.aws_request_id
    log.append_keys(request_id=request_id)
    method, event = event.get("httpMethod"), normalize_event(event)
    path = event["path"]
    try:
        origins = get_dependencies().settings.ui_origins
        is_question = is_preflight(event)
        response = None if is_question else _answer(event, context, request_id)
        origins = allowed_origins(event, origins)  # after the answer, because they depend on the upload token
        if response is None:
            response = preflight_response(event, origins)
        add_headers(response["multiValueHeaders"], cors_headers(event, origins))
    except Exception:
        # The error is logged completely, but the caller gets no details.
        log.exception("Request failed", extra={"method": method, "path": path})
        base = Links.for_request(APIGatewayProxyEvent(event), "").base
        response = _refuse(SafelightError(), path, request_id, base)
    # Responses with 204 and 304 have no body. Gateways differ in how they treat a body of null.
    response["body"] = response.get("body") or ""
    response["multiValueHeaders"]["X-Request-Id"] = [request_id]
    milliseconds = (time.monotonic() - started) * 1000
    # A requested wait (RFC 7240) must not count as a slow response.
    has_waited = "Preference-Applied" in response["multiValueHeaders"]
    metrics.add_metric("WaitTime" if has_waited else "AnswerTime", MetricUnit.Milliseconds, milliseconds)
    facts = {"method": method, "path": path, "status": response["statusCode"], "milliseconds": round(milliseconds)}
    log.info("Request answered", extra=facts)
    return response


def _answer(event: dict[str, Any], context: LambdaContext, request_id: str) -> dict[str, Any]:
    """Return the response to a request, or 429 if its owner has sent too many.

    A request with an upload token must be allowed by the token.
    """
    dependencies = get_dependencies()
    try:
        authenticate(event, dependencies)
    except SafelightError as error:
        return _refuse_request(error, event, request_id)
    rate_limit = count_request(event, dependencies, request_id, get_logger())
    if rate_limit is None:
        return _resolve(event, context, request_id)
    if (refusal := rate_limit.error) is not None:
        response = _refuse(refusal, str(event.get("path")), request_id, _find_base(event))
        metrics.add_metric("RequestsRefused", MetricUnit.Count, 1)
    else:
        response = _resolve(event, context, request_id)
    response["multiValueHeaders"] |= rate_limit.headers()
    return response


def _resolve(event: dict[str, Any], context: LambdaContext, request_id: str) -> dict[str, Any]:
    """Return the response of the route, or an error if the upload token of the request does not allow the route."""
    try:
        authorize(event, _list_routes(), get_dependencies())
    except SafelightError as error:
        return _refuse_request(error, event, request_id)
    return app.resolve(event, context)


def _refuse_request(error: SafelightError, event: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Return the response to an error about the upload token of a request."""
    if error.status >= 500:
        get_logger().error("Request failed", extra={"code": error.code}, exc_info=error)
    response = _refuse(error, str(event.get("path")), request_id, _find_base(event))
    if error.status == HTTPStatus.UNAUTHORIZED:
        response["multiValueHeaders"]["WWW-Authenticate"] = ['Bearer error="invalid_token"']
    return response


def _find_base(event: dict[str, Any]) -> str:
    return get_dependencies().links_for(APIGatewayProxyEvent(event)).base


def _refuse(error: SafelightError, path: str, request_id: str, base: str) -> dict[str, Any]:
    """Return the response to an error that no route has raised."""
    problem = problem_response(error, instance=path, request_id=request_id, base=base)
    headers = {
        "Content-Type": [problem.content_type],
        **{name: [str(value)] for name, value in problem.headers.items()},
    }
    return {
        "statusCode": problem.status_code,
        "body": problem.body,
        "isBase64Encoded": False,
        "multiValueHeaders": headers,
    }


@app.exception_handler(SafelightError)
def handle_error(error: SafelightError) -> Response[str]:
    """Return the response to an error that a route has raised."""
    return _error_response(error)


def _error_response(error: SafelightError) -> Response[str]:
    if error.status >= 500:
        get_logger().error("Request failed", extra={"code": error.code}, exc_info=error)
    event = app.current_event
    base = get_dependencies().links_for(event).base
    response = problem_response(error, instance=event.path, request_id=event.request_context.request_id, base=base)
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(_list_methods(event.path))
    return response


@app.exception_handler(RequestValidationError)
def handle_invalid_request(error: RequestValidationError) -> Response[str]:
    """Return the response to parameters that Powertools rejected."""
    return _error_response(translate_validation_error(error))


@app.not_found
def handle_unknown_route(_: NotFoundError) -> Response[str]:
    """Return 405 if the path exists with another method, otherwise 404."""
    methods = _list_methods(app.current_event.path)
    return _error_response(MethodNotAllowed(f"Allowed methods: {', '.join(methods)}.") if methods else RouteNotFound())


def _list_methods(path: str) -> list[str]:
    methods = {str(route.method) for route in _list_routes() if route.rule.match(path)}
    return sorted(methods | ({"HEAD"} if "GET" in methods else set()))


def _list_routes() -> list[Any]:
    """Return the routes in the order in which Powertools searches them."""
    # Powertools has no public list of its routes. A list of our own would have to be kept in sync with them.
    return [*app._static_routes, *app._dynamic_routes]  # noqa: SLF001
