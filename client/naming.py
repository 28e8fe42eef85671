"""What downloaded results are called on this machine.

Names come from the API and, before that, from whoever uploaded: only what is safe in a folder is kept.
"""

import re
import unicodedata
from collections.abc import Iterable

from client.models import Job, Output

_EXTENSIONS = {"JPEG": "jpg", "TIFF": "tif"}
_MAX_BYTES = 200
"""Longest stem, UTF-8: leaves room for output and extension within the 255 that file systems have."""


def result_names(job: Job, *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a file name for each output of a completed job, by output name.

    ``holiday.jpg`` becomes ``holiday.png``; with several outputs, ``holiday.thumb.png``. A name that is in
    ``taken`` already gets the end of the job's ID.
    """
    outputs = job.result.outputs if job.result else ()
    used = {name.casefold() for name in taken}
    stem = _stem(job.filename or "") or job.id
    names = {}
    for output in outputs:
        name = _name(stem, output, alone=len(outputs) == 1)
        if name.casefold() in used:
            name = _name(f"{stem}-{job.id[-6:]}", output, alone=len(outputs) == 1)
        used.add(name.casefold())
        names[output.name] = name
    return names


def _name(stem: str, output: Output, *, alone: bool) -> str:
    kind = (output.format or "").upper()
    extension = re.sub(r"[^a-z0-9]", "", _EXTENSIONS.get(kind, kind.lower())) or "bin"
    label = "" if alone else "." + re.sub(r"[^A-Za-z0-9_-]", "_", output.name)
    return f"{stem}{label}.{extension}"


def _stem(filename: str) -> str:
    """Return the last path part without extension, control characters and leading dots."""
    last = re.split(r"[/\\]", filename)[-1]
    visible = "".join(each for each in last if not unicodedata.category(each).startswith("C") or each == "\u200d")
    stem, dot, extension = visible.strip().rpartition(".")
    kept = (stem if dot and len(extension) <= 5 else visible).strip(". ")
    return re.sub(r'[<>:"|?*]', "_", kept).encode()[:_MAX_BYTES].decode(errors="ignore")
