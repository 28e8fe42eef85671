"""The route tables of docs/api.md, generated from the OpenAPI document."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

#: Order of the sections; a tag that is not listed comes last.
SECTIONS: Final = ("Jobs", "Uploads", "Batches", "Presets", "Assets", "Webhooks", "Operators", "System")
#: What the generated part replaces.
GENERATED: Final = re.compile(r"(?<=<!-- generated: routes -->\n).*(?=<!-- end of routes -->)", re.DOTALL)


def routes(openapi: Mapping[str, Any]) -> str:
    """Return one section with a table for each tag of the document."""
    operations = [
        (path, method.upper(), operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    tags = dict.fromkeys((*SECTIONS, *(operation["tags"][0] for _, _, operation in operations)))
    sections = [_section(tag, (each for each in operations if each[2]["tags"][0] == tag)) for tag in tags]
    return "\n" + "\n\n".join(sections) + "\n\n"


def _section(tag: str, operations: Iterable[tuple[str, str, Mapping[str, Any]]]) -> str:
    head = ("| Method | Path | Action | Parameters | Success |", "| --- | --- | --- | --- | --- |")
    return "\n".join((f"### {tag}", "", *head, *(_row(*each) for each in sorted(operations, key=lambda op: op[:2]))))


def _row(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parameters = [f"`{each['name']}`" for each in operation.get("parameters", ()) if each["in"] != "path"]
    success = [f"{status}: {answer['description']}" for status, answer in sorted(operation["responses"].items())]
    cells = (
        method,
        f"`{path}`",
        operation["summary"],
        ", ".join(parameters) or "–",
        " ".join(text for text in success if text < "4"),
    )
    return "| " + " | ".join(cells) + " |"
