"""Compare JSON shown on a page with real output or a schema. ``…`` means omitted content."""

import json
from collections.abc import Mapping
from typing import Any

OMITTED = "…"


def parse_last_document(printed: str) -> Any:
    """Return the last JSON object or array in the output of a command."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    position = 0
    while (start := _find_start(printed, position)) is not None:
        try:
            value, position = decoder.raw_decode(printed, start)
        except ValueError:
            position = start + 1
        else:
            found.append(value)
    assert found, f"the output has no JSON:\n{printed}"
    return found[-1]


def find_differences(shown: Any, real: Any, where: str = "") -> list[str]:
    """Return a sentence for each value of ``shown`` that is missing in ``real`` or has another type."""
    if shown == OMITTED:
        return []
    if isinstance(shown, dict) and isinstance(real, dict):
        missing = [f"{where}/{name} is missing" for name in shown.keys() - real.keys() - {OMITTED}]
        shared = shown.keys() & real.keys()
        return missing + [
            each for name in shared for each in find_differences(shown[name], real[name], f"{where}/{name}")
        ]
    if isinstance(shown, list) and isinstance(real, list):
        if len(real) < len(shown):
            return [f"{where} has {len(real)} entries, not {len(shown)}"]
        return [
            each
            for n, pair in enumerate(zip(shown, real, strict=False))
            for each in find_differences(*pair, f"{where}/{n}")
        ]
    return [] if _json_type(shown) == _json_type(real) else [f"{where} is {real!r}, not {shown!r}"]


def find_schema_violations(
    shown: Any, schema: Mapping[str, Any], document: Mapping[str, Any], where: str = ""
) -> list[str]:
    """Return a sentence for each value of ``shown`` that the schema does not allow."""
    schemas = _resolve_branches(schema, document)
    if shown == OMITTED or not schemas:
        return []
    if isinstance(shown, list):
        items = {"anyOf": [each["items"] for each in schemas if "items" in each]}
        return [
            each
            for n, item in enumerate(shown)
            for each in find_schema_violations(item, items, document, f"{where}/{n}")
        ]
    if not isinstance(shown, dict):
        types = {"number" if each.get("type") == "integer" else each.get("type") for each in schemas}
        return (
            []
            if types & {_json_type(shown), None}
            else [f"{where} is {shown!r}, but its type is {sorted(map(str, types))}"]
        )
    violations = []
    for name, value in shown.items():
        known = [each["properties"][name] for each in schemas if name in each.get("properties", {})]
        known += [each["additionalProperties"] or {} for each in schemas if each.get("additionalProperties")]
        if name != OMITTED and not known:
            violations.append(f"{where}/{name} is not in the schema")
        # True allows every value.
        known = [each for each in known if isinstance(each, dict)]
        violations += find_schema_violations(value, {"anyOf": known}, document, f"{where}/{name}") if known else []
    return violations


def get_response_schema(document: Mapping[str, Any], method: str, path: str, status: str) -> Mapping[str, Any]:
    """Return the schema of a response. Raise KeyError if it has none."""
    answers = document["paths"][path][method.lower()]["responses"]
    schema: Mapping[str, Any] = next(iter(answers[status]["content"].values()))["schema"]
    return schema


def _resolve_branches(schema: Mapping[str, Any], document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the alternative schemas of a value, with references resolved."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return _resolve_branches(document["components"]["schemas"][name], document)
    alternatives = [each for name in ("anyOf", "oneOf", "allOf") for each in schema.get(name, ())]
    branches = [branch for each in alternatives for branch in _resolve_branches(each, document)]
    # Branches can extend the schema beside them, for example with required fields.
    return [*branches, schema] if "properties" in schema or not alternatives else branches


def _json_type(value: Any) -> str:
    """Return the JSON type of a value; an integer is a number."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _find_start(text: str, position: int) -> int | None:
    found = [at for sign in "{[" if (at := text.find(sign, position)) >= 0]
    return min(found, default=None)
