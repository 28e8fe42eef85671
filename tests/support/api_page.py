"""The table of routes in docs/api.md, generated from the OpenAPI document."""

import re
from collections.abc import Mapping
from typing import Any, Final

#: Order of the tags; a tag that is not listed comes last.
TAGS: Final = ("Jobs", "Uploads", "Upload tokens", "Batches", "Presets", "Assets", "Webhooks", "Operators", "System")
#: The part of the page that is generated.
GENERATED: Final = re.compile(r"(?<=<!-- generated: routes -->\n).*(?=<!-- end of routes -->)", re.DOTALL)
_HEAD: Final = ("| Method | Path | Action | Parameters | Success |", "| --- | --- | --- | --- | --- |")


def routes(openapi: Mapping[str, Any]) -> str:
    """Return the table, with the routes of a tag next to each other."""
    operations = [
        (path, method.upper(), operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    ]
    tags = tuple(dict.fromkeys((*TAGS, *(operation["tags"][0] for _, _, operation in operations))))
    operations.sort(key=lambda entry: (tags.index(entry[2]["tags"][0]), entry[0], entry[1]))
    return "\n" + "\n".join((*_HEAD, *(_row(*entry) for entry in operations))) + "\n\n"


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
