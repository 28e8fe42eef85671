"""Request bodies with an image, and the options of such requests as query parameters and form fields.

The routes read these bodies themselves. An image can be sent with several content types, which one model can't
describe.
"""

from collections.abc import Mapping
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


def image_body(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a request body with an image and options.

    The routes also accept ``image/*`` and base64 ``text/plain``, for which openapi-python-client generates nothing.
    """
    form = {"type": "object", "required": ["file"], "properties": {"file": BINARY, **_as_text(properties)}}
    as_json = {
        "type": "object",
        "required": ["content"],
        "additionalProperties": False,
        "properties": {"content": _BASE64, **properties},
    }
    return {
        "required": True,
        "description": (
            "The image: a form with one file, JSON, or raw bytes. Raw bytes can also have an `image/*` content type, "
            "and `text/plain` is an image in base64."
        ),
        "content": {
            "application/octet-stream": {"schema": BINARY},
            "multipart/form-data": {"schema": form},
            "application/json": {"schema": as_json},
        },
    }


def allow_import(body: Mapping[str, Any]) -> None:
    """Describe the JSON body that names an S3 object or a URL instead of containing the image."""
    as_json = body["content"]["application/json"]["schema"]
    facts = ImportRequest.model_json_schema(ref_template="#/components/schemas/{model}")["properties"]
    as_json["properties"] |= {name: facts[name] for name in ("source", "version")}
    as_json["oneOf"] = [{"required": as_json.pop("required")}, {"required": ["source"]}]


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
