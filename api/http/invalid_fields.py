"""Messages for invalid fields: which value was sent, what is allowed, and the nearest valid name."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.errors import FieldError
from shared.pipeline.operations import NAMES

_OPERATION_NAMES: Final = frozenset(NAMES)
#: Names that other APIs have for fields of this one.
_OTHER_NAMES: Final = {
    "url": "source",
    "src": "source",
    "job": "source",
    "job_id": "source",
    "image": "content",
    "file": "content",
    "data": "content",
    "name": "filename",
    "w": "width",
    "h": "height",
    "q": "quality",
    "crop": "fit",
    "greyscale": "grayscale",
    "type": "format",
    "operation": "op",
}
#: Longer values are not repeated.
_MAX_VALUE: Final = 40
#: How many names of a caller's presets, assets or webhooks a message lists.
_MAX_NAMES: Final = 20


def field_errors(error: ValidationError, model: type[BaseModel]) -> tuple[FieldError, ...]:
    """Return the invalid fields, each with a JSON pointer, of a body that was validated by ``model``.

    Free text, such as the URL of a webhook, is never repeated: it can contain a secret.
    """
    return tuple(
        FieldError(json_pointer(each["loc"]), _describe(each, model))
        for each in error.errors(include_url=False, include_context=True, include_input=True)
    )


def describe_unknown(name: str, known: Iterable[str]) -> str:
    """Return what is wrong with an unknown field, which one is similar, and which exist."""
    names = [*known]
    other = _OTHER_NAMES.get(name.lower())
    nearest = other if other in names else _find_nearest(name, names)
    return f"is unknown.{_suggest(nearest)} Allowed: {', '.join(names)}."


def describe_missing(kind: str, name: str, known: Iterable[str]) -> str:
    """Return that nothing has a name, which name is similar, and which exist."""
    names = sorted(known)
    shown = repr(name) if len(name) <= _MAX_VALUE else "this one"
    some = ", ".join(names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")
    exist = f" Names: {some}." if names else ""
    return f"no {kind} has the name {shown}.{_suggest(_find_nearest(name, names))}{exist}"


def json_pointer(location: tuple[int | str, ...]) -> str:
    """Return the JSON pointer (RFC 6901) for pydantic's location of an error in the request.

    Leaves out what pydantic adds: the name of an operation after its index, the list index 0 after ``output``, and the
    type after ``facts``.
    """
    names = [
        name
        for before, name in zip((None, *location), location, strict=False)
        if not (isinstance(before, int) and name in _OPERATION_NAMES)
        and not (before == "output" and name == 0)
        and not (before == "facts" and name in {"object", "switch"})
    ]
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in names)


def _describe(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    message = error["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return describe_unknown(str(error["loc"][-1]), _list_fields(model, error["loc"][:-1]))
    if kind in {"enum", "literal_error"}:
        return _describe_choice(value, str(context["expected"]))
    if kind == "union_tag_invalid":
        return "op " + _describe_choice(context["tag"], str(context["expected_tags"]))
    is_short = isinstance(value, str) and len(value) <= _MAX_VALUE and kind.endswith("_parsing")
    if (isinstance(value, int | float) and not isinstance(value, bool)) or is_short:
        return f"{message}, not {value!r}"
    return message


def _describe_choice(value: object, expected: str) -> str:
    """Return what is wrong with a value. ``expected`` are the allowed values in pydantic's form, such as 'a' or 'b'."""
    allowed = [each.strip("' ") for each in expected.replace(" or ", ", ").split(",")]
    if not isinstance(value, str) or len(value) > _MAX_VALUE:
        return f"is not allowed. Allowed: {', '.join(allowed)}."
    return f"{value!r} is not allowed.{_suggest(_find_nearest(value, allowed))} Allowed: {', '.join(allowed)}."


def _suggest(name: str | None) -> str:
    return f" Did you mean {name}?" if name else ""


def _find_nearest(name: str, names: list[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name.lower(), names, n=1)), None)


def _list_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the names of the fields that the object at a location can have."""
    models = [model]
    for part in location:
        if isinstance(part, int):
            continue
        inner = [
            found
            for each in models
            for name, field in each.model_fields.items()
            if part in {name, field.alias}
            for found in _find_models(field.annotation)
        ]
        # Otherwise the part is the name of an option of a union.
        tagged = [each for each in models if "op" in each.model_fields and each.model_fields["op"].default == part]
        models = inner or tagged or models
    return list(dict.fromkeys(field.alias or name for each in models for name, field in each.model_fields.items()))


def _find_models(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _find_models(each)
