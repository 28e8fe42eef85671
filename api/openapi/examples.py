"""Examples of the OpenAPI document: each body of each request, each answer that is well (OpenAPI 3.1, 4.8.19).

``examples.json`` has what a stack has answered, with other IDs, times and addresses; answers go by the name of their
schema, so that what answers a job shows a job.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

_JSON: Final = "application/json"
_FORM: Final = "multipart/form-data"
_TEXT: Final = "text/plain"

#: Bodies whose schema has no title of its own.
_REQUESTS: Final[Mapping[tuple[str, str, str], str]] = {
    ("/v1/jobs", "post", _JSON): "JobBody",
    ("/v1/jobs", "post", _FORM): "JobForm",
    ("/v1/jobs", "post", _TEXT): "PictureText",
    ("/v1/jobs/{job_id}/retry", "post", _JSON): "RetryBody",
    ("/v1/assets/{name}", "put", _JSON): "AssetBody",
    ("/v1/assets/{name}", "put", _FORM): "AssetForm",
    ("/v1/assets/{name}", "put", _TEXT): "PictureText",
}
#: Answers that are told better than by the example of their schema.
_ANSWERS: Final[Mapping[tuple[str, str, str], str]] = {
    ("/v1/jobs", "post", "202"): "JobAccepted",
    ("/v1/uploads/{job_id}/confirm", "post", "202"): "JobAccepted",
    ("/v1/jobs/{job_id}/cancel", "post", "200"): "JobCancelled",
    ("/v1/jobs/{job_id}/retry", "post", "202"): "JobRetried",
}


def add_examples(spec: dict[str, Any]) -> None:
    """Add the examples to a document: the values once, and a reference wherever one belongs."""
    known = json.loads((files("api.openapi") / "examples.json").read_text("utf-8"))
    values = {**known["requests"], **known["answers"]}
    spec["components"]["examples"] = {name: {"value": value} for name, value in sorted(values.items())}
    for content, name in _places(spec["paths"]):
        if name in values:
            content["examples"] = {name: {"$ref": f"#/components/examples/{name}"}}


def _places(paths: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each body with the name of its example."""
    for path, operations in paths.items():
        for method, operation in operations.items():
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                yield content, _REQUESTS.get((path, method, media), content["schema"].get("title", ""))
            for status, answer in operation["responses"].items():
                if _JSON in answer.get("content", {}):
                    schema = answer["content"][_JSON]["schema"]
                    named = schema.get("$ref", "").rsplit("/", 1)[-1]
                    yield answer["content"][_JSON], _ANSWERS.get((path, method, status), named)
