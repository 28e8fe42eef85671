"""Names that callers give to presets, assets and webhooks."""

import re
from typing import Annotated, Final

from pydantic import Field, StringConstraints

#: Safe in URL paths, table keys and object keys.
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"

Name = Annotated[
    str,
    StringConstraints(pattern=NAME_PATTERN),
    Field(description="1 to 64 lowercase letters, digits, hyphens and underscores. Starts with a letter or digit."),
]

_SHAPE = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Return True if a text is a valid name."""
    return _SHAPE.fullmatch(text) is not None
