"""An import of a prefix: a batch whose members are created from the objects under a prefix of an S3 bucket.

The batch stores the position in the listing of the objects. One transaction writes new members and the new position,
so repeated or concurrent calls create exactly one member for each object.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from shared.jobs.source import SCHEME
from shared.pipeline.image_formats import INPUT_FORMATS

#: Maximum number of skipped objects that a batch names.
MAX_EXAMPLES = 10
#: Any number of folders in a pattern, also none.
FOLDERS = "**/"
#: Maximum number of these in a pattern. Each doubles the work.
MAX_FOLDERS = 4
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
        return matches_patterns(key, self.prefix, self.include)


def matches_patterns(key: str, prefix: str, patterns: tuple[str, ...]) -> bool:
    """Return True if a key under a prefix matches one of the patterns, or has the suffix of an image if there is none.

    A pattern with a slash is compared with the key after the prefix, and any other with the file name, which can begin
    within the prefix. ``*`` also matches slashes, and ``**/`` any number of folders, also none. Upper and lower case
    differ, but not in the suffix of an image. The names of folders, which end in a slash, match nothing.
    """
    name = key.rpartition("/")[2]
    if not name or not key.startswith(prefix):
        return False
    if not patterns:
        return f".{name.rpartition('.')[2].lower()}" in SUFFIXES and "." in name
    path = key.removeprefix(prefix)
    return any(
        any(fnmatchcase(path, each) for each in _expand(pattern)) if "/" in pattern else fnmatchcase(name, pattern)
        for pattern in patterns
    )


@lru_cache(maxsize=1000)
def _expand(pattern: str, left: int = MAX_FOLDERS) -> tuple[str, ...]:
    """Return the patterns that result if each of the first ``left`` groups of folders is kept or left out."""
    start, folders, rest = pattern.partition(FOLDERS)
    if not folders or not left:
        return (pattern,)
    return tuple(f"{start}{each}{end}" for each in ("", FOLDERS) for end in _expand(rest, left - 1))
