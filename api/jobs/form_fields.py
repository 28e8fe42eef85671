"""Fields of forms as browsers send them.

Uppy, Dropzone, FilePond and other libraries add fields of their own to a form, and an HTML form can have fields for
another server. The author of the page often can't remove them, so they are ignored with a warning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from api.http.body import Upload
from api.jobs.options import Options
from shared.errors import BadMultipart

#: Maximum number of ignored fields that have a warning, and of characters of a name.
MAX_WARNINGS = 20
MAX_NAME = 50


@dataclass(frozen=True, slots=True)
class FormFields:
    """The options of a request, and warnings about the fields that are not options."""

    options: Mapping[str, Any]
    warnings: tuple[str, ...] = ()


def split_fields(upload: Upload) -> FormFields:
    """Return the options in a body. Fields of a form that are not options are ignored.

    Raises BadMultipart if a form has an option twice.
    """
    if not upload.is_form:
        return FormFields(upload.options)
    known = Options.model_fields.keys()
    if twice := sorted(upload.doubled & known):
        raise BadMultipart(f"The field {twice[0]} occurs twice.")
    ignored = sorted(upload.options.keys() - known)
    options = {name: value for name, value in upload.options.items() if name in known}
    return FormFields(options, tuple(_warn(name) for name in ignored[:MAX_WARNINGS]))


def _warn(name: str) -> str:
    shown = "".join(each if each.isprintable() else "?" for each in name[:MAX_NAME])
    return f"The form field {shown!r} is not an option. It was ignored."
