"""Request bodies with an image, and the options of such requests as query parameters and form fields.

The routes read these bodies themselves. An image can be sent with several content types, which one model can't
describe.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from api.jobs.options import ImportRequest

#: A file. Code generators recognize the format (OpenAPI 3.0), not ``contentMediaType`` (OpenAPI 3.1).
BINARY: Final = {"type": "string", "format": "binary"}
_BASE64: Final = {"type": "string", "contentEncoding": "base64"}


def query_parameters(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the options as query parameters."""
    return [
        {"name": name, "in": "query", "required": False, "schema": schema, **_pick_description(schema)}
        for name, schema in _as_text(properties).items()
    ]


def image_body(name: str, properties: Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a request body with an image and options, and add its schemas, which ``name`` starts.

    The routes also accept ``image/*`` and base64 ``text/plain``, for which openapi-python-client generates nothing.
    """
    form = {"type": "object", "required": ["file"], "properties": {"file": BINARY, **_as_text(properties)}}
    schemas[f"{name}Form"] = form
    schemas[f"{name}Content"] = _closed_object(("content",), {"content": _BASE64, **properties})
    return {
        "required": True,
        "description": (
            "The image: a form with one file, JSON, or raw bytes. Raw bytes can also have an `image/*` content type, "
            "and `text/plain` is an image in base64."
        ),
        "content": {
            "application/octet-stream": {"schema": BINARY},
            "multipart/form-data": {"schema": {"$ref": f"#/components/schemas/{name}Form"}},
            "application/json": {"schema": {"$ref": f"#/components/schemas/{name}Content"}},
        },
    }


def job_body(properties: Mapping[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the request body of ``POST /v1/jobs``. JSON can name an S3 object or a URL instead."""
    body = image_body("Job", properties, schemas)
    imports = ImportRequest.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    named = {name: imports[name] for name in ("source", "version")}
    schemas["JobSource"] = _closed_object(("source",), {**named, **properties})
    as_json = body["content"]["application/json"]
    # Two objects and not one with alternative members, for which code generators have no type.
    as_json["schema"] = {"oneOf": [as_json["schema"], {"$ref": "#/components/schemas/JobSource"}]}
    return body


def _closed_object(required: Iterable[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [*required],
        "additionalProperties": False,
        "properties": dict(properties),
    }


def drop_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without ``null``, which a parameter or form field can't have."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name != "anyOf"}
    if "anyOf" not in schema:
        return rest
    if rest.get("default", ...) is None:
        del rest["default"]
    return {**options[0], **rest} if len(options) == 1 else {**rest, "anyOf": options}


def _as_text(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas of options that are sent as text. An object is sent as JSON text."""
    schemas = {name: drop_null(schema) for name, schema in properties.items()}
    for name in ("pipeline", "facts"):
        if name in schemas:
            schema = schemas[name]
            about: dict[str, Any] = {key: schema.pop(key) for key in ("description", "title") if key in schema}
            schemas[name] = {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": schema,
                **about,
            }
    return schemas


def _pick_description(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": schema["description"]} if "description" in schema else {}
