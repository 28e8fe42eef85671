"""Hooks of schemathesis that put images into bodies of raw bytes, and repeat requests which a busy engine refuses.

The schemathesis command of e2e/test_conformance.py loads them. Without images, every upload would be refused for its
first bytes, and the code behind that check would not be tested.
"""

from http import HTTPStatus
from typing import Any

import requests
import schemathesis
from schemathesis import Case, GenerationMode, HookContext
from support import sample_images
from support.running_stack import BUSY, send_until_admitted

from shared.pipeline.image_formats import INPUT_FORMATS

_send = requests.Session.request
#: A token that is used up has 429 too, for good.
OVERLOADED = BUSY - {HTTPStatus.TOO_MANY_REQUESTS}
_IMAGES = [sample_images.encode(sample_images.draw_scene(), image_format.name) for image_format in INPUT_FORMATS]


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:  # noqa: ARG001 - signature of the hook
    """Send an image if a valid body is generated; keep bodies that are meant to be invalid."""
    is_valid = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
    if is_valid and case.media_type == "application/octet-stream" and "data" in kwargs:
        kwargs["data"] = _IMAGES[len(kwargs["data"] or b"") % len(_IMAGES)]


def send_patiently(self: requests.Session, *arguments: Any, **options: Any) -> requests.Response:
    """Send a request, again as long as the engine answers that a function got no processor for too long."""
    return send_until_admitted(lambda: _send(self, *arguments, **options), OVERLOADED)


vars(requests)["Session"].request = send_patiently
