"""The OpenAPI 3.1 document, generated from the routes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.models import Server
from pydantic import BaseModel

from api.batches.schemas import BatchRequest, ItemsRequest
from api.dead_letters.schemas import RedriveRequest
from api.jobs.options import ImportRequest, Options
from api.openapi.examples import add_examples
from api.openapi.response_links import add_links
from api.openapi.token_errors import add_token_errors
from api.plans.schemas import PlanRequest
from api.presets.schemas import PresetBody
from api.tokens.schemas import TokenRequest
from api.uploads.multipart_schemas import CompleteRequest, SignPartsRequest, SignRequest
from api.uploads.schemas import UploadRequest
from api.webhooks.schemas import WebhookBody
from shared.pipeline.asset import ASSET_FORMATS
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat
from shared.version import VERSION

#: Models of JSON bodies that the routes validate themselves, so that errors have this API's codes and pointers.
JSON_BODIES: Final[Mapping[tuple[str, str], type[BaseModel]]] = {
    ("/v1/uploads", "post"): UploadRequest,
    ("/v1/uploads/sign", "post"): SignRequest,
    ("/v1/uploads/{job_id}/parts", "post"): SignPartsRequest,
    ("/v1/uploads/{job_id}/complete", "post"): CompleteRequest,
    ("/v1/batches", "post"): BatchRequest,
    ("/v1/batches/{batch_id}/items", "post"): ItemsRequest,
    ("/v1/plan", "post"): PlanRequest,
    ("/v1/presets/{name}", "put"): PresetBody,
    ("/v1/webhooks/{name}", "put"): WebhookBody,
    ("/v1/tokens", "post"): TokenRequest,
}

_WITHOUT_BODY: Final = frozenset({"204", "303", "304"})

DESCRIPTION = """Upload an image, get a job ID immediately, and fetch the result later.

Every error is a problem document (RFC 9457) with a stable `code`."""


def document(app: APIGatewayRestResolver, base_url: str) -> dict[str, Any]:
    """Return the document for the API at ``base_url``, a URL without a trailing slash."""
    written = app.get_openapi_json_schema(
        title="Safelight",
        version=VERSION,
        description=DESCRIPTION,
        servers=[Server(url=base_url or "/")],
    )
    spec: dict[str, Any] = json.loads(written)
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    options = Options.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(options.pop("$defs", {}))
    create = spec["paths"]["/v1/jobs"]["post"]
    create["requestBody"] = _image_body(options["properties"], INPUT_FORMATS)
    _allow_import(create["requestBody"])
    create.setdefault("parameters", []).extend(_query_parameters(options["properties"]))
    retry_options = {
        name: schema for name, schema in options["properties"].items() if name not in {"filename", "webhook", "facts"}
    }
    retry = spec["paths"]["/v1/jobs/{job_id}/retry"]["post"]
    retry["requestBody"] = _json_body({"type": "object", "additionalProperties": False, "properties": retry_options})
    retry.setdefault("parameters", []).extend(_query_parameters(retry_options))
    redrive = spec["paths"]["/v1/dead-letters/redrive"]["post"]
    redrive["requestBody"] = {"required": True, **_json_body(RedriveRequest.model_json_schema())}
    spec["paths"]["/v1/assets/{name}"]["put"]["requestBody"] = _image_body({}, ASSET_FORMATS)
    for (path, method), model in JSON_BODIES.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        body = {"required": "required" in schema, "content": {"application/json": {"schema": schema}}}
        spec["paths"][path][method]["requestBody"] = body
    _remove_empty_bodies(spec["paths"])
    add_token_errors(spec["paths"])
    add_links(spec["paths"])
    add_examples(spec)
    return spec


def _remove_empty_bodies(paths: Mapping[str, Any]) -> None:
    """Remove the content that the resolver adds even to responses without a body."""
    for operation in (each for path in paths.values() for each in path.values()):
        for status in _WITHOUT_BODY & operation["responses"].keys():
            operation["responses"][status].pop("content", None)


def _json_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _query_parameters(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for name, schema in properties.items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": False}
        if name == "pipeline":
            parameter["content"] = {"application/json": {"schema": schema}}
        else:
            parameter["schema"] = schema
        parameters.append(parameter)
    return parameters


def _allow_import(body: Mapping[str, Any]) -> None:
    """Describe the JSON body that names an S3 object instead of containing the image."""
    as_json = body["content"]["application/json"]["schema"]
    facts = ImportRequest.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    as_json["properties"] |= {name: facts[name] for name in ("source", "version")}
    as_json["oneOf"] = [{"required": as_json.pop("required")}, {"required": ["source"]}]


def _image_body(properties: Mapping[str, Any], formats: Iterable[ImageFormat]) -> dict[str, Any]:
    """Return the description of a request body with an image.

    The image can be sent with several content types, which one model can't describe.
    """
    binary = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
    base64_text = {"type": "string", "contentEncoding": "base64"}
    form = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}, **properties}}
    as_json = {
        "type": "object",
        "required": ["content"],
        "additionalProperties": False,
        "properties": {"content": base64_text, **properties},
    }
    raw = {image_format.media_type: binary for image_format in formats} | {"application/octet-stream": binary}
    return {
        "required": True,
        "description": "The image: raw bytes, base64 text, a form with one file, or JSON.",
        "content": raw
        | {
            "text/plain": {"schema": base64_text},
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": as_json},
        },
    }
