"""Tags of jobs in the body of a request."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

MAX_TAGS: Final = 10
MAX_TAG_VALUE: Final = 256
_TAG_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _refuse_other_values(tags: object) -> object:
    """Return the value, or raise ValueError if a tag is not a text. Pydantic would accept numbers in texts."""
    if isinstance(tags, dict) and not all(isinstance(each, str) for each in tags.values()):
        raise ValueError("each value must be a text")
    return tags


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    for name, value in tags.items():
        if not _TAG_NAME.fullmatch(name):
            raise ValueError("names have 1 to 64 letters, digits, and the characters _ . -")
        if not 1 <= len(value) <= MAX_TAG_VALUE or not value.isprintable():
            raise ValueError(f"values have 1 to {MAX_TAG_VALUE} printable characters")
    return tags


#: Names and values that each job shows, and its events.
Tags = Annotated[dict[str, str], BeforeValidator(_refuse_other_values), AfterValidator(_check_tags)]
