"""The OpenAPI 3.1 document, made from the routes, and what the routes state for it."""

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
from api.plans.schemas import PlanRequest
from api.presets.schemas import PresetBody
from api.uploads.schemas import UploadRequest
from api.webhooks.schemas import WebhookBody
from shared.pipeline.asset import ASSET_FORMATS
from shared.pipeline.image_formats import INPUT_FORMATS, ImageFormat
from shared.version import VERSION

#: Routes that read JSON and validate it themselves, so that their complaints have codes and pointers of ours.
JSON_BODIES: Final[Mapping[tuple[str, str], type[BaseModel]]] = {
    ("/v1/uploads", "post"): UploadRequest,
    ("/v1/batches", "post"): BatchRequest,
    ("/v1/batches/{batch_id}/items", "post"): ItemsRequest,
    ("/v1/plan", "post"): PlanRequest,
    ("/v1/presets/{name}", "put"): PresetBody,
    ("/v1/webhooks/{name}", "put"): WebhookBody,
}

_WITHOUT_BODY: Final = frozenset({"204", "303", "304"})

DESCRIPTION = """Drop a picture in and get a job ID at once; collect the result later.

Every error is a problem document (RFC 9457) with a stable `code`."""


def document(app: APIGatewayRestResolver, base_url: str) -> dict[str, Any]:
    """Return the whole document; ``base_url`` is where the API is served, without a slash at the end."""
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
    create["requestBody"] = _picture_body(options["properties"], INPUT_FORMATS)
    _offer_import(create["requestBody"])
    create.setdefault("parameters", []).extend(_create_query(options["properties"]))
    anew = {name: schema for name, schema in options["properties"].items() if name not in {"filename", "webhook"}}
    retry = spec["paths"]["/v1/jobs/{job_id}/retry"]["post"]
    retry["requestBody"] = _json_body({"type": "object", "additionalProperties": False, "properties": anew})
    retry.setdefault("parameters", []).extend(_create_query(anew))
    redrive = spec["paths"]["/v1/dead-letters/redrive"]["post"]
    redrive["requestBody"] = {"required": True, **_json_body(RedriveRequest.model_json_schema())}
    spec["paths"]["/v1/assets/{name}"]["put"]["requestBody"] = _picture_body({}, ASSET_FORMATS)
    for (path, method), model in JSON_BODIES.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        body = {"required": "required" in schema, "content": {"application/json": {"schema": schema}}}
        spec["paths"][path][method]["requestBody"] = body
    _drop_bodies_of_none(spec["paths"])
    add_links(spec["paths"])
    add_examples(spec)
    return spec


def _drop_bodies_of_none(paths: Mapping[str, Any]) -> None:
    """Take away the body that the resolver makes up for an answer without one."""
    for operation in (each for path in paths.values() for each in path.values()):
        for status in _WITHOUT_BODY & operation["responses"].keys():
            operation["responses"][status].pop("content", None)


def _json_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _create_query(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters = []
    for name, schema in properties.items():
        parameter: dict[str, Any] = {"name": name, "in": "query", "required": False}
        if name == "pipeline":
            parameter["content"] = {"application/json": {"schema": schema}}
        else:
            parameter["schema"] = schema
        parameters.append(parameter)
    return parameters


def _offer_import(body: Mapping[str, Any]) -> None:
    """Let JSON name an object in place of the image."""
    as_json = body["content"]["application/json"]["schema"]
    facts = ImportRequest.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    as_json["properties"] |= {name: facts[name] for name in ("source", "version")}
    as_json["oneOf"] = [{"required": as_json.pop("required")}, {"required": ["source"]}]


def _picture_body(properties: Mapping[str, Any], formats: Iterable[ImageFormat]) -> dict[str, Any]:
    """Describe the four shapes of a body, which one model can't."""
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
        "description": "The picture: raw bytes, base64 text, a form with one file, or JSON.",
        "content": raw
        | {
            "text/plain": {"schema": base64_text},
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": as_json},
        },
    }
