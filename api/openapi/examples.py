"""Examples of the OpenAPI document for request bodies and successful responses (OpenAPI 3.1, 4.8.19).

``examples.json`` contains recorded responses, in which IDs, times and URLs are replaced. By default, a response or
request body has the example with the name of its schema.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"

#: Names of the examples for request bodies that need another example than the one of their schema.
_REQUESTS: Final[Mapping[tuple[str, str, str], str]] = {
    ("/v1/jobs", "post", _JSON): "JobBody",
    ("/v1/jobs", "post", _FORM): "JobForm",
    ("/v1/jobs/{job_id}/retry", "post", _JSON): "RetryBody",
    ("/v1/assets/{name}", "put", _JSON): "AssetBody",
    ("/v1/assets/{name}", "put", _FORM): "AssetForm",
}
#: Names of the examples for responses that need another example than the one of their schema.
_RESPONSES: Final[Mapping[tuple[str, str, str], str]] = {
    ("/v1/jobs", "post", "202"): "JobAccepted",
    ("/v1/uploads/{job_id}/confirm", "post", "202"): "JobAccepted",
    ("/v1/uploads/{job_id}/complete", "post", "202"): "JobAccepted",
    ("/v1/uploads/{job_id}", "delete", "200"): "JobCancelled",
    ("/v1/jobs/{job_id}/cancel", "post", "200"): "JobCancelled",
    ("/v1/jobs/{job_id}/retry", "post", "202"): "JobRetried",
    ("/v1/tokens/{token_id}", "delete", "200"): "TokenRevoked",
}


def add_examples(spec: dict[str, Any]) -> None:
    """Add the examples to the bodies and responses of a document.

    They are not references: some code generators try to resolve every ``$ref`` in an example.
    """
    known = json.loads((files("api.openapi") / "examples.json").read_text("utf-8"))
    values = {**known["requests"], **known["answers"]}
    for content, name in _list_contents(spec["paths"]):
        if name in values:
            content["examples"] = {name: {"value": values[name]}}


def _list_contents(paths: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the content of each request body and response, with the name of its example."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                yield content, _REQUESTS.get((path, method, media), _find_name(content["schema"]))
            for status, response in operation["responses"].items():
                if _JSON in response.get("content", {}):
                    schema = response["content"][_JSON]["schema"]
                    yield response["content"][_JSON], _RESPONSES.get((path, method, status), _find_name(schema))


def _find_name(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]
