"""An import of a prefix: a batch whose members are created from the objects under a prefix of an S3 bucket.

The batch stores the position in the listing of the objects. One transaction writes new members and the new position,
so repeated or concurrent calls create exactly one member for each object.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from shared.jobs.source import SCHEME
from shared.pipeline.image_formats import INPUT_FORMATS

#: Maximum number of skipped objects that a batch names.
MAX_EXAMPLES = 10
#: Suffixes of the files that are imported without ``include``.
SUFFIXES = frozenset(f".{each}" for known in INPUT_FORMATS for each in (known.extension, *known.other_extensions))


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedObject:
    """An object that can't become a job."""

    key: str
    #: Code of the error.
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixImport:
    """The objects to import, and the position in their listing."""

    bucket: str
    #: Start of the keys. Empty for the whole bucket.
    prefix: str
    #: Patterns of the objects to import; empty for all files with the suffix of an image.
    include: tuple[str, ...] = ()
    #: The last key that was examined. Keys are examined in the order of their UTF-8 bytes.
    after: str = ""
    #: Number of objects that were examined.
    examined: int = 0
    #: Number of matching objects that can't become a job.
    skipped: int = 0
    #: The first of them.
    examples: tuple[SkippedObject, ...] = ()
    complete: bool = False

    @property
    def uri(self) -> str:
        """Return the bucket and the prefix as ``s3://bucket/prefix``."""
        return f"{SCHEME}{self.bucket}/{self.prefix}"

    def matches(self, key: str) -> bool:
        """Return True if an object must be imported, judging by its key."""
        return matches_patterns(key.removeprefix(self.prefix), self.include)


def matches_patterns(path: str, patterns: tuple[str, ...]) -> bool:
    """Return True if a path below a prefix matches one of the patterns, or has the suffix of an image if there is none.

    A pattern with a slash is compared with the whole path, and any other with the file name. ``*`` also matches
    slashes, and ``**/`` any number of folders, also none. The names of folders, which end in a slash, match nothing.
    """
    name = path.rpartition("/")[2]
    if not name:
        return False
    if not patterns:
        return f".{name.rpartition('.')[2].lower()}" in SUFFIXES and "." in name
    return any(
        fnmatchcase(path, pattern) or fnmatchcase(path, pattern.replace("**/", ""))
        if "/" in pattern
        else fnmatchcase(name, pattern)
        for pattern in patterns
    )
