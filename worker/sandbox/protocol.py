"""What goes through the pipes: a frame is a length, a JSON header and raw bytes.

::

    4 bytes   length of the header, big endian
    header    JSON; ``sizes`` says how many raw parts follow and how long each is
    parts     raw bytes, one after the other

Both sides import this module. Nothing here opens, reads or waits.
"""

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, Rendered

LENGTH: Final = struct.Struct(">I")
MAX_HEADER_BYTES: Final = 256 * 1024
"""Ten outputs and ten operations take less than 4 KiB."""


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[NonNegativeInt, ...] = ()

    def head(self) -> bytes:
        """Return the length and the header."""
        header = self.model_dump_json().encode()
        return LENGTH.pack(len(header)) + header


class Ready(_Frame):
    """A child has imported all it needs and has given up all it doesn't."""

    confined: tuple[str, ...]
    """Names of the measures that this system let it take; see ``confinement``."""
    software: dict[str, str] = {}
    """Versions of what renders there, told before it has seen a picture that might have taken it over."""


class Request(_Frame):
    """One picture to render. The parts are the raw image, then each asset."""

    pipeline: Pipeline
    limits: Limits
    assets: tuple[str, ...]
    """Names of the assets, in the order of their parts."""
    answer_bytes: NonNegativeInt
    """Most bytes of all outputs together."""


class Answer(_Frame):
    """The end of one request: exactly one of three. With ``rendered`` the parts are the outputs."""

    rendered: Rendered | None = None
    """The data of its outputs is left empty here."""
    refusal: "Refusal | None" = None
    fault: str | None = None
    """A traceback: a fault of ours, for the log."""

    @classmethod
    def of(cls, rendered: Rendered) -> tuple[Self, tuple[bytes, ...]]:
        """Take the outputs apart into header and raw parts."""
        parts = tuple(encoded.data for _, encoded in rendered.outputs)
        hollow = tuple((output, replace(encoded, data=b"")) for output, encoded in rendered.outputs)
        return cls(rendered=replace(rendered, outputs=hollow), sizes=tuple(map(len, parts))), parts


class Refusal(BaseModel):
    """An ImageError on its way to the parent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    detail: str
    cause: str
    """The technical reason, for the log."""


def filled(rendered: Rendered, parts: Iterable[bytes]) -> Rendered:
    """Put the raw parts back into the outputs."""
    pairs = zip(rendered.outputs, parts, strict=True)
    return replace(rendered, outputs=tuple((output, replace(encoded, data=part)) for (output, encoded), part in pairs))
