"""What downloaded results are called on this machine.

Names come from the API and, before that, from whoever uploaded: only what is safe in a folder is kept.
"""

import re
import unicodedata
from collections.abc import Iterable

from safelight.models import Job, Output

_EXTENSIONS = {"JPEG": "jpg", "TIFF": "tif"}
#: Longest stem, UTF-8: leaves room for output and extension within the 255 that file systems have.
_MAX_BYTES = 200


def result_names(job: Job, *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a file name for each output of a completed job, by output name.

    ``holiday.jpg`` becomes ``holiday.png``; with several outputs, ``holiday.thumb.png``. A name that is in
    ``taken`` already gets the end of the job's ID.
    """
    outputs = job.result.outputs if job.result else ()
    used = {name.casefold() for name in taken}
    stem = safe_stem(job.filename or "") or job.id
    names = {}
    for output in outputs:
        name = output_name(stem, output, alone=len(outputs) == 1)
        if name.casefold() in used:
            name = output_name(f"{stem}-{job.id[-6:]}", output, alone=len(outputs) == 1)
        used.add(name.casefold())
        names[output.name] = name
    return names


def output_name(stem: str, output: Output, *, alone: bool) -> str:
    """Return the name of an output's file; it tells the output unless that is the job's only one."""
    kind = (output.format or "").upper()
    extension = re.sub(r"[^a-z0-9]", "", _EXTENSIONS.get(kind, kind.lower())) or "bin"
    label = "" if alone else "." + re.sub(r"[^A-Za-z0-9_-]", "_", output.name)
    return f"{stem}{label}.{extension}"


def safe_stem(filename: str) -> str:
    """Return the last path part without extension, as :func:`safe_part` has it."""
    visible = _visible(re.split(r"[/\\]", filename)[-1])
    stem, dot, extension = visible.strip().rpartition(".")
    return safe_part(stem if dot and len(extension) <= 5 else visible)


def safe_part(text: str) -> str:
    """Return what is safe of one part of a path, maybe nothing: no control characters, no dots around it, not long."""
    kept = _visible(text).strip(". ")
    return re.sub(r'[<>:"|?*]', "_", kept).encode()[:_MAX_BYTES].decode(errors="ignore")


def _visible(text: str) -> str:
    return "".join(each for each in text if not unicodedata.category(each).startswith("C") or each == "\u200d")
