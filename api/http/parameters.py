"""Parameters that several routes take, with what the OpenAPI document says of them."""

import re
from datetime import datetime
from typing import Annotated, Final

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import BeforeValidator

from shared.ids import ID_PATTERN

_NUMBER: Final = re.compile(r"[+-]?[\d.]+")


def written_out(moment: object) -> object:
    """Refuse a bare number, which would be read as seconds since 1970 though the document says ISO 8601."""
    if isinstance(moment, str) and _NUMBER.fullmatch(moment):
        raise ValueError("is no moment in ISO 8601")
    return moment


# Only said: an ID of another shape belongs to no job, and is answered like any that nobody has.
JobId = Annotated[str, Path(description="ULID of the job.", json_schema_extra={"pattern": ID_PATTERN})]
Cursor = Annotated[str | None, Query(min_length=1, description="`next_cursor` of the page before.")]
Moment = Annotated[datetime | None, BeforeValidator(written_out)]
