"""Answers shown on a page, held to a real answer or to the schema of one. ``…`` stands for what is left out."""

import json
from collections.abc import Mapping
from typing import Any

OMITTED = "…"


def last_document(printed: str) -> Any:
    """Return the last JSON object or array that a command printed."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    position = 0
    while (start := _next(printed, position)) is not None:
        try:
            value, position = decoder.raw_decode(printed, start)
        except ValueError:
            position = start + 1
        else:
            found.append(value)
    assert found, f"nothing printed is JSON:\n{printed}"
    return found[-1]


def unlike(shown: Any, real: Any, where: str = "") -> list[str]:
    """Return a sentence for each part of a shown answer that the real one has not, or has as another type."""
    if shown == OMITTED:
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        missing = [f"{where}/{name} is not there" for name in shown.keys() - real.keys() - {OMITTED}]
        shared = shown.keys() & real.keys()
        return missing + [each for name in shared for each in unlike(shown[name], real[name], f"{where}/{name}")]
    if isinstance(shown, list) and isinstance(real, list):
        if len(real) < len(shown):
            return [f"{where} has {len(real)} entries, not {len(shown)}"]
        return [each for n, pair in enumerate(zip(shown, real, strict=False)) for each in unlike(*pair, f"{where}/{n}")]
    return [] if _kind(shown) == _kind(real) else [f"{where} is {real!r}, not {shown!r}"]


def against_schema(shown: Any, schema: Mapping[str, Any], document: Mapping[str, Any], where: str = "") -> list[str]:
    """Return a sentence for each part of a shown answer of which its schema knows nothing."""
    schemas = _branches(schema, document)
    if shown == OMITTED or not schemas:
        return []
    if isinstance(shown, list):
        items = {"anyOf": [each["items"] for each in schemas if "items" in each]}
        return [each for n, item in enumerate(shown) for each in against_schema(item, items, document, f"{where}/{n}")]
    if not isinstance(shown, dict):
        types = {"number" if each.get("type") == "integer" else each.get("type") for each in schemas}
        return (
            [] if types & {_kind(shown), None} else [f"{where} is {shown!r}, but its type is {sorted(map(str, types))}"]
        )
    complaints = []
    for name, value in shown.items():
        known = [each["properties"][name] for each in schemas if name in each.get("properties", {})]
        known += [each["additionalProperties"] or {} for each in schemas if each.get("additionalProperties")]
        if name != OMITTED and not known:
            complaints.append(f"{where}/{name} is in no schema")
        # True allows everything, of which there is nothing more to say.
        known = [each for each in known if isinstance(each, dict)]
        complaints += against_schema(value, {"anyOf": known}, document, f"{where}/{name}") if known else []
    return complaints


def schema_of(document: Mapping[str, Any], method: str, path: str, status: str) -> Mapping[str, Any]:
    """Return the schema of an answer; fails the test where there is none."""
    answers = document["paths"][path][method.lower()]["responses"]
    schema: Mapping[str, Any] = next(iter(answers[status]["content"].values()))["schema"]
    return schema


def _branches(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schemas that a value may have, references followed."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _branches(document["components"]["schemas"][name], document)
    several = [each for name in ("anyOf", "oneOf", "allOf") for each in schema.get(name, ())]
    branches = [branch for each in several for branch in _branches(each, document)]
    # Branches may only add to what stands beside them, such as which of two fields is required.
    return [*branches, schema] if "properties" in schema or not several else branches


def _kind(value: Any) -> str:
    """Return the JSON type of a value; a whole number is a number."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _next(text: str, position: int) -> int | None:
    found = [at for sign in "{[" if (at := text.find(sign, position)) >= 0]
    return min(found, default=None)
