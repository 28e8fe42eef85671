"""The parts of a multipart upload, without I/O: which parts a file has, and whether the stored parts are these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.errors import PartETagMismatch, PartNotAllowed, PartSizeMismatch, PartsMissing

#: Limits of S3 (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html): bytes of every part but the last,
#: bytes of a part, parts of an upload.
MIN_PART_BYTES: Final = 5 * 1024 * 1024
MAX_PART_BYTES: Final = 5 * 1024 * 1024 * 1024
MAX_PARTS: Final = 10_000
#: Maximum number of part numbers that an error message lists.
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that S3 has."""

    number: int
    #: As S3 returns it, with quotes.
    etag: str
    #: Bytes.
    size: int


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How a file is divided: every part but the last has ``part_size`` bytes."""

    size: int
    part_size: int

    @classmethod
    def of(cls, size: int, part_size: int | None = None) -> "PartPlan":
        """Return the plan for a file of ``size`` bytes.

        By default, the parts are the smallest that S3 allows. Uppy has the same rule, so it needs no option.
        """
        return cls(size, part_size or max(MIN_PART_BYTES, -(-size // MAX_PARTS)))

    @property
    def count(self) -> int:
        """Return the number of parts, at least 1."""
        return max(1, -(-self.size // self.part_size))

    def size_of(self, number: int) -> int:
        """Return the size of a part in bytes. Raises PartNotAllowed if the file has no such part."""
        if not 1 <= number <= self.count:
            raise PartNotAllowed(f"The file has the parts 1 to {self.count}. Part {number} is not one of them.")
        return min(self.part_size, self.size - (number - 1) * self.part_size)

    def require_complete(self, stored: Sequence[StoredPart], expected: Sequence[tuple[int, str]] = ()) -> None:
        """Check that S3 has exactly the parts of the file.

        ``expected`` is what the caller believes to have sent: pairs of a part number and an ETag. Raises
        PartNotAllowed, PartSizeMismatch, PartsMissing or PartETagMismatch.
        """
        sizes = {part.number: part.size for part in stored}
        for number, size in sorted(sizes.items()):
            if size != (planned := self.size_of(number)):
                raise PartSizeMismatch(f"Part {number} has {size:,} bytes. It must have {planned:,}. Send it again.")
        if missing := [number for number in range(1, self.count + 1) if number not in sizes]:
            shown = ", ".join(map(str, missing[:_SHOWN])) + (" and more" if len(missing) > _SHOWN else "")
            raise PartsMissing(f"{len(missing)} of {self.count} parts are missing: {shown}.")
        etags = {part.number: part.etag for part in stored}
        for number, etag in expected:
            self.size_of(number)
            if strip_etag(etag) != strip_etag(etags[number]):
                raise PartETagMismatch(f"S3 has part {number} with the ETag {strip_etag(etags[number])}.")


def strip_etag(etag: str) -> str:
    """Return an ETag without quotes. Clients send it with or without."""
    return etag.strip().removeprefix("&quot;").removesuffix("&quot;").strip('"')
