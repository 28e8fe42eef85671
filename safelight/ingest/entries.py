"""What a source yields: pictures, and what can't be one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

S3 = "s3://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One picture that is to become a job."""

    source: str
    """An absolute path, or ``s3://bucket/key``."""
    relative: str
    """Where it lies below its source; results keep that. Not yet safe as a path."""
    filename: str | None = None
    """What to call it; else its own name."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What is to be done with this one; empty: what is asked for all."""

    @property
    def is_object(self) -> bool:
        """Tell whether it lies in S3 already."""
        return self.source.startswith(S3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Something that was named and can't become a job: a row, a folder, a name."""

    where: str
    """A path, or ``list.csv:17``."""
    code: str
    message: str
