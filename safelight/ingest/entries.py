"""What a source yields: images, and what can't be one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

S3 = "s3://"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One image that is to become a job."""

    #: An absolute path, or ``s3://bucket/key``.
    source: str
    #: Where it lies below its source; results keep that. Not yet safe as a path.
    relative: str
    #: What to call it; else its own name.
    filename: str | None = None
    #: What is to be done with this one; empty: what is asked for all.
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_object(self) -> bool:
        """Tell whether it lies in S3 already."""
        return self.source.startswith(S3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Something that was named and can't become a job: a row, a folder, a name."""

    #: A path, or ``list.csv:17``.
    where: str
    code: str
    message: str
