"""What names an object in S3 as the image, and what is to be done with it."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from api.jobs.options import Options, read_as
from shared.errors import FieldError, InvalidRequest
from shared.jobs.source import S3Location, parse_s3_location


class ImportRequest(Options):
    """Options of a job, beside the object that its image is copied from."""

    source: str = Field(max_length=2048, description="`s3://bucket/key` of the picture, instead of its content.")
    version: str | None = Field(
        default=None, min_length=1, max_length=1024, description="Version of the object, in a bucket that keeps them."
    )

    def location(self) -> S3Location:
        """Return where the object lies. Raises InvalidRequest."""
        found = parse_s3_location(self.source, self.version)
        if found is None:
            raise InvalidRequest(errors=(FieldError("/source", "is not s3://bucket/key"),))
        return found


def read_import(query: Mapping[str, Any], fields: Mapping[str, Any]) -> ImportRequest:
    """Read the request. Raises InvalidRequest or InvalidPipeline."""
    request = read_as(ImportRequest, query, fields)
    request.location()
    return request
