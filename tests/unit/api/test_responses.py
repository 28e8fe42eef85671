"""Headers of JSON responses."""

from http import HTTPStatus

import pytest

from api.http.responses import json_response


@pytest.mark.parametrize(
    ("status", "cache"),
    [
        (HTTPStatus.OK, "no-cache"),
        (HTTPStatus.ACCEPTED, "no-cache"),
        (HTTPStatus.SEE_OTHER, "no-store"),
    ],
)
def test_redirects_are_not_stored_and_other_responses_are_revalidated(status: HTTPStatus, cache: str) -> None:
    """A link ends, so no cache can keep a redirect to it. RFC 9110 has no If-None-Match for a redirect."""
    assert json_response({}, status, {"Location": "https://s3.test/x"}).headers["Cache-Control"] == cache


def test_an_unchanged_response_is_revalidated_too() -> None:
    """A 304 has the headers of the 200."""
    response = json_response({}, headers={"ETag": '"1"'}, if_none_match='"1"')
    assert (response.status_code, response.headers["Cache-Control"]) == (HTTPStatus.NOT_MODIFIED, "no-cache")
