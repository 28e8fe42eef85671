"""The base class of all API responses, and the format of the API's timestamps."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer


def format_timestamp(moment: datetime) -> str:
    """Return a time in the API's format: ISO 8601 in UTC, with milliseconds and ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(format_timestamp, return_type=str, when_used="json")]


class Response(BaseModel):
    """A response or a part of a response. Unknown fields are kept, so that older clients work with newer APIs."""

    # Field names are repeated often, so caching them saves memory. Values such as IDs and digests are rarely repeated.
    model_config = ConfigDict(frozen=True, extra="allow", cache_strings="keys")

    def document(self) -> dict[str, Any]:
        """Return the response as JSON values, including unknown fields."""
        return self.model_dump(mode="json")
