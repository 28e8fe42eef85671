"""The base of all API responses, and timestamps as the API writes them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer


def format_timestamp(moment: datetime) -> str:
    """Return a moment in the API's format: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(format_timestamp, return_type=str, when_used="json")]


class Response(BaseModel):
    """A response or a part of one. Unknown fields are kept, so that older clients work with newer APIs."""

    # Field names repeat and are worth caching. Values, such as IDs and digests, are not.
    model_config = ConfigDict(frozen=True, extra="allow", cache_strings="keys")

    def document(self) -> dict[str, Any]:
        """Return the response as JSON values, including unknown fields."""
        return self.model_dump(mode="json")
