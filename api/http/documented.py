"""Descriptions of a route's responses for the OpenAPI document."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from api.http.problems import CONTENT_TYPE
from api.http.schemas import ProblemView, dump
from shared.errors import Forbidden, SafelightError, ServiceUnavailable, TooManyRequests, Unauthenticated

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

#: Unauthenticated and Forbidden depend on ``ApiAuth``, and TooManyRequests on the limits of the stack.
_EVERYWHERE: Final[tuple[type[SafelightError], ...]] = (
    Unauthenticated,
    Forbidden,
    TooManyRequests,
    ServiceUnavailable,
    SafelightError,
)
#: URL of the API in the examples. The document is the same for all stacks.
EXAMPLE_BASE: Final = "https://api.example.com/prod"
REQUEST_ID = "8e554bcc-4283-4606-aa14-e0f459ff947c"


def documented(
    success: Mapping[int, tuple[str, type[BaseModel] | None]],
    *errors: type[SafelightError],
) -> "dict[int, OpenAPIResponse]":
    """Return the responses of a route: for each successful status its description and model, then the errors.

    Adds the errors that every route or the gateway in front of it can return.
    """
    responses: dict[int, Any] = {
        status: {"description": text, "content": {"application/json": {"model": model}}}
        if model
        else {"description": text}
        for status, (text, model) in success.items()
    }
    by_status: dict[int, list[type[SafelightError]]] = {}
    for error in dict.fromkeys((*errors, *_EVERYWHERE)):
        by_status.setdefault(error.status, []).append(error)
    for status, group in sorted(by_status.items()):
        text = " ".join(f"`{error.code}`: {error.title}" for error in group)
        examples = {error.code: {"summary": error.title, "value": make_example(error)} for error in group}
        content = {CONTENT_TYPE: {"model": ProblemView, "examples": examples}}
        responses[status] = {"description": text, "content": content}
    return responses


def make_example(error: type[SafelightError]) -> dict[str, Any]:
    """Return the problem document of an error."""
    return dump(ProblemView.of(error(), instance="/v1/…", request_id=REQUEST_ID, base=EXAMPLE_BASE))
