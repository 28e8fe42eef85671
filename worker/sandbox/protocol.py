"""The protocol of the pipes. Each frame consists of a length, a JSON header and raw bytes.

::

    4 bytes   length of the header, big endian
    header    JSON; ``sizes`` has the length of each raw part
    parts     raw bytes, one after the other

Both the worker and the child import this module. No function here does input or output.
"""

import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, NonNegativeInt

from shared.pipeline.facts import FactsRequest
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult
from worker.sandbox.confinement import Confinement

LENGTH: Final = struct.Struct(">I")
#: Argument of a child that can decode HEIC.
HEIF_OPTION: Final = "heif"
#: A pipeline takes at most 64 KiB of JSON, and an answer repeats the outputs.
MAX_HEADER_BYTES: Final = 256 * 1024


class _Frame(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    sizes: tuple[NonNegativeInt, ...] = ()

    def head(self) -> bytes:
        """Return the first bytes of the frame: the length and the header, without the parts."""
        header = self.model_dump_json().encode()
        return LENGTH.pack(len(header)) + header


class Ready(_Frame):
    """The first frame of a child: the child is confined and ready for requests."""

    #: Names of the applied measures; see ``confinement``.
    confined: tuple[str, ...]
    #: The child's process ID, if it is not that of the process that the worker started.
    process_id: int | None = None
    #: Versions of the libraries. They are sent before an image could compromise the child.
    software: dict[str, str] = {}

    @classmethod
    def of(cls, confinement: Confinement, software: dict[str, str]) -> Self:
        """Return the frame."""
        return cls(confined=confinement.applied, process_id=confinement.process_id, software=software)


class Request(_Frame):
    """One image to render. The first part is the raw image, and each further part is an asset."""

    pipeline: Pipeline
    limits: Limits
    #: Names of the assets, in the order of their parts.
    assets: tuple[str, ...]
    #: Which facts about the raw image are collected. None if none are.
    facts: FactsRequest | None = None
    #: Maximum total size of all outputs.
    answer_bytes: NonNegativeInt


class Answer(_Frame):
    """The child's answer to one request. Exactly one field besides ``sizes`` is set.

    If it is ``rendered``, the parts are the outputs.
    """

    #: The data of each output is empty here, because it is sent as a part.
    rendered: RenderResult | None = None
    refusal: "Refusal | None" = None
    #: Traceback of an internal error, for the log.
    fault: str | None = None

    @classmethod
    def of(cls, rendered: RenderResult) -> tuple[Self, tuple[bytes, ...]]:
        """Return the answer, with the data of the outputs removed, and this data as raw parts."""
        parts = tuple(encoded.data for _, encoded in rendered.outputs)
        emptied = tuple((output, replace(encoded, data=b"")) for output, encoded in rendered.outputs)
        return cls(rendered=replace(rendered, outputs=emptied), sizes=tuple(map(len, parts))), parts


class Refusal(BaseModel):
    """An ImageError that the child sends to the parent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    detail: str
    #: The technical reason, for the log.
    cause: str


def fill_outputs(rendered: RenderResult, parts: Iterable[bytes]) -> RenderResult:
    """Return ``rendered`` with the raw parts as the data of its outputs."""
    pairs = zip(rendered.outputs, parts, strict=True)
    return replace(rendered, outputs=tuple((output, replace(encoded, data=part)) for (output, encoded), part in pairs))
