"""The OpenAPI 3.1 document, generated from the routes."""

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from pydantic import BaseModel

from api.batches.schemas import BatchRequest, ItemsRequest
from api.dead_letters.schemas import RedriveRequest
from api.jobs.options import Options
from api.openapi.examples import add_examples
from api.openapi.image_bodies import drop_null, image_body, job_body, query_parameters
from api.openapi.metadata import DESCRIPTION, add_metadata
from api.openapi.response_links import add_links
from api.openapi.token_errors import TOKEN_OPERATIONS, add_token_errors
from api.plans.schemas import PlanRequest
from api.presets.schemas import PresetBody
from api.tokens.schemas import TokenRequest
from api.uploads.multipart_schemas import CompleteRequest, SignPartsRequest, SignRequest
from api.uploads.schemas import UploadRequest
from api.watches.schemas import WatchRequest
from api.webhooks.schemas import WebhookBody
from shared.version import VERSION

#: Models of JSON bodies that the routes validate themselves, so that errors have this API's codes and pointers.
JSON_BODIES: Final[Mapping[tuple[str, str], type[BaseModel]]] = {
    ("/v1/uploads", "post"): UploadRequest,
    ("/v1/uploads/sign", "post"): SignRequest,
    ("/v1/uploads/{job_id}/parts", "post"): SignPartsRequest,
    ("/v1/uploads/{job_id}/complete", "post"): CompleteRequest,
    ("/v1/batches", "post"): BatchRequest,
    ("/v1/batches/{batch_id}/items", "post"): ItemsRequest,
    ("/v1/dead-letters/redrive", "post"): RedriveRequest,
    ("/v1/plan", "post"): PlanRequest,
    ("/v1/presets/{name}", "put"): PresetBody,
    ("/v1/webhooks/{name}", "put"): WebhookBody,
    ("/v1/tokens", "post"): TokenRequest,
    ("/v1/watches", "post"): WatchRequest,
}

_WITHOUT_BODY: Final = frozenset({"204", "303", "304"})


def document(app: APIGatewayRestResolver, base_url: str) -> dict[str, Any]:
    """Return the document for the API at ``base_url``, a URL without a trailing slash."""
    written = app.get_openapi_json_schema(
        title="Safelight",
        version=VERSION,
        description=DESCRIPTION,
    )
    spec: dict[str, Any] = json.loads(written)
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    options = Options.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(options.pop("$defs", {}))
    create = spec["paths"]["/v1/jobs"]["post"]
    create["requestBody"] = job_body(options["properties"], schemas)
    create.setdefault("parameters", []).extend(query_parameters(options["properties"]))
    retry_options = {
        name: schema for name, schema in options["properties"].items() if name not in {"filename", "webhook", "facts"}
    }
    retry = spec["paths"]["/v1/jobs/{job_id}/retry"]["post"]
    schemas["RetryOptions"] = {"type": "object", "additionalProperties": False, "properties": retry_options}
    retry["requestBody"] = _json_body("RetryOptions")
    retry.setdefault("parameters", []).extend(query_parameters(retry_options))
    spec["paths"]["/v1/assets/{name}"]["put"]["requestBody"] = image_body("Asset", {}, schemas)
    for (path, method), model in JSON_BODIES.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
        is_required = "required" in schema or model is RedriveRequest
        spec["paths"][path][method]["requestBody"] = {"required": is_required, **_json_body(model.__name__)}
    _remove_wrong_bodies(spec["paths"])
    _describe_operations(app, spec["paths"])
    _require_discriminators(schemas)
    _drop_null_defaults(spec)
    add_metadata(spec, base_url, TOKEN_OPERATIONS)
    add_token_errors(spec["paths"])
    add_links(spec["paths"])
    add_examples(spec)
    _remove_unused_schemas(spec)
    return spec


def _remove_wrong_bodies(paths: Mapping[str, Any]) -> None:
    """Remove the content that the resolver adds even to responses without a body, and its response to bad parameters.

    ``api.app`` translates bad parameters into INVALID_REQUEST, which the routes document where it can occur.
    """
    for operation in (each for path in paths.values() for each in path.values()):
        if "HTTPValidationError" in json.dumps(operation["responses"].get("422", "")):
            del operation["responses"]["422"]
        for status in _WITHOUT_BODY & operation["responses"].keys():
            operation["responses"][status].pop("content", None)


def _json_body(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _describe_operations(app: APIGatewayRestResolver, paths: Mapping[str, Any]) -> None:
    """Add the docstring of each route as the description of its operation. Parameters can't be null."""
    routes = [*app._static_routes, *app._dynamic_routes]  # noqa: SLF001 - Powertools has no public list of its routes
    documented = {route.operation_id: route for route in routes}
    for operation in (each for path in paths.values() for each in path.values()):
        paragraphs = (inspect.getdoc(documented[operation["operationId"]].func) or "").split("\n\n")
        operation["description"] = "\n\n".join(" ".join(each.split("\n")) for each in paragraphs)
        for parameter in operation.get("parameters", ()):
            parameter["schema"] = drop_null(parameter["schema"])


def _drop_null_defaults(part: Any) -> None:  # noqa: ANN401 - any part of the document
    """Remove ``default: null``. openapi-typescript requires every property that has a default."""
    if isinstance(part, dict):
        if "default" in part and part["default"] is None:
            del part["default"]
        for each in part.values():
            _drop_null_defaults(each)
    elif isinstance(part, list):
        for each in part:
            _drop_null_defaults(each)


def _require_discriminators(schemas: Mapping[str, Any]) -> None:
    """Require the property that distinguishes the options of a union. Their models have it as a default."""
    unions: list[Any] = [schema["properties"] for schema in schemas.values() if "properties" in schema]
    while unions:
        part = unions.pop()
        if isinstance(part, list):
            unions += part
        elif isinstance(part, dict):
            unions += part.values()
            if isinstance(name := part.get("discriminator", {}).get("propertyName"), str):
                for option in part["oneOf"]:
                    schema = schemas[option["$ref"].rsplit("/", 1)[-1]]
                    schema["required"] = list(dict.fromkeys((name, *schema.get("required", ()))))


def _remove_unused_schemas(spec: dict[str, Any]) -> None:
    """Remove schemas that no operation uses. Powertools adds those of its own errors."""
    schemas = spec["components"]["schemas"]
    used: set[str] = set()
    waiting: list[Any] = [spec["paths"]]
    while waiting:
        found = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(waiting.pop()))) - used
        used |= found
        waiting += (schemas[name] for name in found)
    spec["components"]["schemas"] = {name: schema for name, schema in schemas.items() if name in used}
