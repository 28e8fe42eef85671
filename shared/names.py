"""Names that callers give to what they keep: presets and assets."""

import re
from typing import Annotated, Final

from pydantic import Field, StringConstraints

#: Safe in a path, in a key of the table and in an object key.
NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,63}$"

Name = Annotated[
    str,
    StringConstraints(pattern=NAME_PATTERN),
    Field(description="Lower-case letters, digits, hyphens and underscores, at most 64; not - or _ at first."),
]

_SHAPE = re.compile(NAME_PATTERN)


def is_name(text: str) -> bool:
    """Tell whether a text has the shape of a name."""
    return _SHAPE.fullmatch(text) is not None
