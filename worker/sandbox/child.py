"""The child process: it reads a request, renders the image and writes the answer, until its input ends.

``process`` starts this module as ``python -m worker.sandbox.child MEMORY_BYTES CPU_SECONDS [heif]``. The module imports
Pillow and the pipeline models, but no AWS client, settings or logger. With ``heif``, it also loads libheif.
"""

import worker.sandbox.small_imports  # noqa: F401 - it must be the first import

# isort: split

import ctypes
import errno
import os
import sys
import traceback
from collections.abc import Iterator
from typing import IO, Final

from shared.errors import ImageError, ResourceLimit
from worker.imaging import render
from worker.imaging.pillow_setup import prepare_process, set_bomb_limit
from worker.imaging.software import get_software_versions
from worker.process_priority import RENDERING_NICENESS, lower_priority
from worker.sandbox.confinement import confine
from worker.sandbox.protocol import HEIF_OPTION, LENGTH, Answer, Ready, Refusal, Request

MAX_CAUSE: Final = 500
#: How many characters of a traceback are sent: the last ones.
MAX_TRACEBACK: Final = 4000


def main() -> None:
    """Serve requests until the parent process closes the pipe or exits."""
    memory_bytes, cpu_seconds = (int(argument) for argument in sys.argv[1:3])
    source, sink = _take_over_pipes()
    heif = HEIF_OPTION in sys.argv[3:]
    prepare_process(heif=heif)
    lower_priority(RENDERING_NICENESS)
    software = get_software_versions(heif=heif)
    confinement = confine(memory_bytes, cpu_seconds)
    _write(sink, Ready.of(confinement, software).head())
    while prefix := source.read(LENGTH.size):
        request = Request.model_validate_json(source.read(*LENGTH.unpack(prefix)))
        data, *assets = [source.read(size) for size in request.sizes]
        _write(sink, *answer_request(request, data, assets))


def answer_request(request: Request, data: bytes, assets: list[bytes]) -> Iterator[bytes]:
    """Render one image and yield the parts of the answer's frame."""
    memory = _MemoryWatch()
    try:
        set_bomb_limit(request.limits.max_pixels)
        named = dict(zip(request.assets, assets, strict=True))
        rendered = render(
            data, request.pipeline, request.limits, named, request.facts, max_result_bytes=request.answer_bytes
        )
        head, parts = Answer.of(rendered)
    except Exception as error:  # noqa: BLE001 - the parent must learn of every error
        refusal = ResourceLimit() if memory.is_behind(error) else error
        if isinstance(refusal, ImageError):
            cause = repr(error.__cause__ or error)[:MAX_CAUSE]
            head, parts = Answer(refusal=Refusal(code=refusal.code, detail=refusal.detail, cause=cause)), ()
        else:
            head, parts = Answer(fault=traceback.format_exc()[-MAX_TRACEBACK:]), ()
    yield head.head()
    yield from parts


class _MemoryWatch:
    """Detects whether an error was caused by too little memory.

    Some codecs hide this cause: WebP reports "could not create decoder object", as for a damaged file. A failed malloc
    always sets errno, though, and nothing resets errno afterwards.
    """

    def __init__(self) -> None:
        self._errno = _get_errno()
        self._errno.value = 0

    def is_behind(self, error: BaseException) -> bool:
        """Return True if ``error`` has a MemoryError in its chain, or if malloc has failed since the start."""
        if self._errno.value == errno.ENOMEM:
            return True
        link: BaseException | None = error
        while link is not None and not isinstance(link, MemoryError):
            link = link.__cause__ or link.__context__
        return link is not None


def _get_errno() -> ctypes.c_int:
    """Return the errno variable of the C library. ``ctypes.get_errno`` returns only the private copy of ctypes."""
    libc = ctypes.CDLL(None)
    location = getattr(libc, "__errno_location" if sys.platform == "linux" else "__error")
    location.restype = ctypes.POINTER(ctypes.c_int)
    found: ctypes.c_int = location().contents
    return found


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return the two pipes, and redirect standard input and output so that a stray print does not corrupt a frame."""
    source, sink = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return open(source, "rb"), open(sink, "wb")  # noqa: PTH123 - descriptors, not paths


def _write(sink: IO[bytes], *parts: bytes) -> None:
    for part in parts:
        sink.write(part)
    sink.flush()


if __name__ == "__main__":
    main()
