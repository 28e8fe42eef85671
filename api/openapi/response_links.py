"""Links in the OpenAPI document (OpenAPI 3.1, 4.8.20).

A link says that a value in a response is a parameter of another operation.
"""

from collections.abc import Mapping
from typing import Any, Final

_BY_JOB: Final = (
    ("/v1/jobs/{job_id}", "get"),
    ("/v1/jobs/{job_id}/result", "get"),
    ("/v1/jobs/{job_id}/receipt", "get"),
    ("/v1/jobs/{job_id}/cancel", "post"),
    ("/v1/jobs/{job_id}/retry", "post"),
    ("/v1/jobs/{job_id}", "delete"),
)
_BY_UPLOAD: Final = (
    ("/v1/uploads/{job_id}/form", "post"),
    ("/v1/uploads/{job_id}/confirm", "post"),
)

#: For the path, method and status of a response: the linked operations and their parameters.
_LINKS: Final[Mapping[tuple[str, str, str], tuple[tuple[tuple[str, str], ...], Mapping[str, str]]]] = {
    ("/v1/jobs", "post", "202"): (_BY_JOB, {"job_id": "$response.body#/id"}),
    ("/v1/uploads", "post", "201"): ((*_BY_JOB, *_BY_UPLOAD), {"job_id": "$response.body#/id"}),
    ("/v1/tokens", "post", "201"): (
        (("/v1/tokens/{token_id}", "get"), ("/v1/tokens/{token_id}", "delete")),
        {"token_id": "$response.body#/id"},
    ),
    ("/v1/presets/{name}", "put", "201"): (
        (("/v1/presets/{name}", "get"), ("/v1/presets/{name}", "delete")),
        {"name": "$request.path.name"},
    ),
    ("/v1/assets/{name}", "put", "201"): (
        (("/v1/assets/{name}", "get"), ("/v1/assets/{name}/image", "get"), ("/v1/assets/{name}", "delete")),
        {"name": "$request.path.name"},
    ),
}


def add_links(paths: Mapping[str, Any]) -> None:
    """Add the links to the responses in the paths of a document."""
    for (path, method, status), (targets, parameters) in _LINKS.items():
        paths[path][method]["responses"][status]["links"] = {
            name: {"operationId": name, "parameters": dict(parameters)}
            for name in (paths[target][verb]["operationId"] for target, verb in targets)
        }
