"""What the OpenAPI document says about the API as a whole: server, license, tags and authentication."""

from typing import Any, Final

DESCRIPTION: Final = """Upload an image, get a job ID immediately, and fetch the result later.

Every error is a problem document (RFC 9457) with a stable `code`, and a `type` that is the URL of its description."""
#: Description of each tag, in the order of the documentation.
TAGS: Final = {
    "Jobs": "Create, plan, read, cancel, retry and delete jobs. Fetch their images and receipts.",
    "Uploads": "Direct uploads: send a large file straight to S3 with signed requests.",
    "Upload tokens": "Tokens with which a web page can upload files without other credentials.",
    "Watches": "Objects that appear under a prefix of an S3 bucket become jobs.",
    "Batches": "Groups of jobs, imports of S3 prefixes, and backfills.",
    "Presets": "Named pipelines with versions.",
    "Assets": "Stored images that pipelines use, such as watermarks.",
    "Webhooks": "URLs that are notified when a job ends.",
    "Operators": "Dead letters of all owners. Only for callers that the stack lists as operators.",
    "System": "The capabilities and the health of the deployment, and what each error means.",
}
_INFO: Final = {
    "summary": "Job-first image pipeline",
    "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
    "contact": {"name": "The operator of this stack"},
}
#: One scheme for each value of the template parameter ``ApiAuth`` except ``none``, and one for upload tokens.
_SCHEMES: Final = {
    "iam": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiAuth=iam`: AWS Signature Version 4 for the service `execute-api`.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "x-api-key",
        "description": "`ApiAuth=api-key`: a key of API Gateway.",
    },
    "cognito": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "`ApiAuth=cognito`: the ID token of the Cognito user pool.",
    },
    "uploadToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "An upload token, `slt_…`, under every `ApiAuth`.",
    },
}
#: A stack uses one of these. The empty object is ``ApiAuth=none``.
_SECURITY: Final[tuple[dict[str, list[str]], ...]] = ({"iam": []}, {"apiKey": []}, {"cognito": []}, {})
#: Security of the operations that an upload token may use.
_TOKEN_SECURITY: Final[tuple[dict[str, list[str]], ...]] = (*_SECURITY[:-1], {"uploadToken": []}, {})


def add_metadata(spec: dict[str, Any], base_url: str, token_operations: frozenset[tuple[str, str]]) -> None:
    """Add the parts to a document.

    ``base_url`` is the default of the server variable ``baseUrl``. ``token_operations`` are the paths and methods that
    an upload token may use.
    """
    spec["info"] |= _INFO
    # Not a description of the variable: orval reports it as invalid.
    about = "A stack. `baseUrl` is its output `ApiUrl`, without a trailing slash."
    spec["servers"] = [
        {"url": "{baseUrl}", "description": about, "variables": {"baseUrl": {"default": base_url or "/"}}}
    ]
    spec["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    spec["components"]["securitySchemes"] = {name: dict(scheme) for name, scheme in _SCHEMES.items()}
    spec["security"] = list(_SECURITY)
    for path, method in token_operations:
        spec["paths"][path][method]["security"] = list(_TOKEN_SECURITY)
