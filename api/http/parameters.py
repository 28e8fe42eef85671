"""Parameters that several routes share, with their OpenAPI descriptions."""

import re
from datetime import datetime
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from pydantic import BeforeValidator

from api.http.idempotency import MAX_KEY
from shared.ids import ID_PATTERN

_NUMBER: Final = re.compile(r"[+-]?[\d.]+")


def refuse_bare_number(moment: object) -> object:
    """Return the value, or raise ValueError for a number, which pydantic would read as seconds since 1970."""
    if isinstance(moment, str) and _NUMBER.fullmatch(moment):
        raise ValueError("is not a time in ISO 8601")
    return moment


#: The pattern is documented but not checked. For an ID that does not match it, the API returns 404.
JobId = Annotated[str, Path(description="ULID of the job.", json_schema_extra={"pattern": ID_PATTERN})]
Cursor = Annotated[str | None, Query(min_length=1, description="`next_cursor` of the previous page.")]
Redirect = Annotated[
    bool, Query(description="If false, the API returns the link as JSON instead of redirecting to it.")
]
TimeFilter = Annotated[datetime | None, BeforeValidator(refuse_bare_number)]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Any value. A request that is repeated with the same key within 24 hours runs only once.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_KEY, "pattern": "^[ -~]*$"},
    ),
]
