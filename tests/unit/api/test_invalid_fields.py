"""Messages for invalid fields."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from support import events

from api.batches.schemas import ItemsRequest
from api.http.body import read_body
from api.jobs.options import read_options
from api.plans.schemas import read_plan_request
from api.webhooks.schemas import WebhookBody
from shared.errors import FieldError, InvalidPipeline, InvalidRequest, SafelightError


def refuse(options: dict[str, Any]) -> SafelightError:
    """Return the error for options of a job."""
    with pytest.raises((InvalidRequest, InvalidPipeline)) as caught:
        read_options({}, options).to_pipeline()
    return caught.value


@pytest.mark.parametrize(
    ("options", "start", "allowed"),
    [
        ({"widht": 3}, "widht: is unknown. Did you mean width? Allowed: filename, pipeline,", "quality"),
        ({"w": 3}, "w: is unknown. Did you mean width?", "height"),
        ({"zzz": 3}, "zzz: is unknown. Allowed: filename", "preset"),
        ({"width": 9, "fit": "contian"}, "fit: 'contian' is not allowed. Did you mean contain?", "inside, cover"),
        ({"format": "wbep"}, "format: 'wbep' is not allowed. Did you mean webp?", "png, jpeg, webp"),
        ({"quality": 300}, "quality: Input should be less than or equal to 100, not 300.", ""),
        ({"width": "abc"}, "width: Input should be a valid integer", "not 'abc'."),
        ({"facts": {"gsp": True}}, "facts/gsp: is unknown. Did you mean gps? Allowed: gps.", ""),
        (
            {"pipeline": {"operations": [{"op": "resiz"}]}},
            "pipeline/operations/0: op 'resiz' is not allowed. Did you mean resize?",
            "watermark",
        ),
        (
            {"pipeline": {"operations": [{"op": "resize", "widht": 3}]}},
            "pipeline/operations/0/widht: is unknown. Did you mean width? Allowed: op, width, height",
            "gravity",
        ),
        (
            {"pipeline": {"outputs": [{"format": "jpeg", "qualty": 3}]}},
            "pipeline/outputs/0/qualty: is unknown. Did you mean quality?",
            "max_bytes",
        ),
    ],
)
def test_the_detail_names_field_value_and_what_is_allowed(options: dict[str, Any], start: str, allowed: str) -> None:
    """And the nearest valid name. It does not repeat the title."""
    error = refuse(options)
    assert error.detail.startswith(start)
    assert allowed in error.detail


def test_other_bodies_have_the_same_messages() -> None:
    """Batches, plans and webhooks."""
    with pytest.raises(InvalidRequest, match=r"itmes: is unknown\. Did you mean items\?"):
        ItemsRequest.read({"itmes": []})
    with pytest.raises((InvalidRequest, InvalidPipeline), match=r"heigth: is unknown\. Did you mean height\?"):
        read_plan_request({"width": 1, "height": 1, "format": "png", "heigth": 2})


def test_free_text_is_not_repeated() -> None:
    """The URL of a webhook can contain a secret."""
    with pytest.raises(InvalidRequest) as caught:
        WebhookBody.read({"url": "ftp://user:topsecret@host/"}, allow_internal=False)
    assert "topsecret" not in caught.value.detail


def test_a_detail_names_the_first_fields() -> None:
    """All are in ``errors``."""
    fields = tuple(FieldError(f"/items/{index}", "is wrong") for index in range(5))
    error = InvalidRequest(errors=fields)
    assert error.detail == "items/0: is wrong. items/1: is wrong. items/2: is wrong. 2 more in errors."
    assert InvalidRequest("Own words.", errors=fields).detail == "Own words."
    assert InvalidRequest().detail == InvalidRequest.title


@pytest.mark.parametrize("name", ["url", "image", "src", "File"])
def test_a_member_of_other_apis_is_answered_with_what_exists(name: str) -> None:
    """JSON names the image in ``content`` or its address in ``source``."""
    body = json.dumps({name: "https://example.com/photo.jpg", "width": 300})
    event = APIGatewayProxyEvent(events.http("POST", "/v1/jobs", body, headers={"Content-Type": "application/json"}))
    with pytest.raises(InvalidRequest, match=f"^{name}: is unknown. .*content .base64.*source .*https://") as caught:
        read_body(event)
    assert caught.value.errors[0].pointer == f"/{name}"
