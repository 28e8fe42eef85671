"""Imports: which errors of a member end the whole request."""

from types import SimpleNamespace
from typing import Any

import pytest

from api.jobs.imports import Imports
from shared.clock import utc_now
from shared.errors import ServiceUnavailable, SourceMissing
from shared.jobs.source import S3Location

PLACE = S3Location(bucket="b", key="k")


def inspect(error: Exception) -> Any:
    """Inspect one object; finding it raises this error."""

    def find(*_: object, **__: object) -> None:
        raise error

    imports: Any = SimpleNamespace(find=find)
    return Imports.inspect_all(imports, {"a": PLACE}, "ann", at=utc_now())


def test_error_of_one_member_is_its_own() -> None:
    """The other members can be imported."""
    assert isinstance(inspect(SourceMissing())["a"], SourceMissing)


def test_service_error_ends_the_request() -> None:
    """The client repeats the request. The member would otherwise be refused although its object may exist."""
    with pytest.raises(ServiceUnavailable):
        inspect(ServiceUnavailable())
