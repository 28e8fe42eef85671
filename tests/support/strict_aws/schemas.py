"""AWS's schemas of resource types, which cfn-lint contains, and the rules of the template's parameters."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from infra.deployment import template

#: Found without importing cfn-lint, which takes a second of CPU time in each process.
SCHEMAS: Final = Path(str(getattr(find_spec("cfnlint"), "origin", ""))).parent / "data" / "schemas"
PARAMETERS: Final[Mapping[str, Any]] = template.load_template()["Parameters"]


@cache
def load_schema(kind: str, region: str = "us-east-1") -> Mapping[str, Any]:
    """Return the schema of a resource type. Raises KeyError if the type does not exist in the region."""
    names = _load_names(region)
    found: dict[str, Any] = json.loads((SCHEMAS / "resources" / f"{names[kind]}.json").read_text(encoding="utf-8"))
    return found


@cache
def _load_names(region: str) -> Mapping[str, str]:
    names: dict[str, str] = json.loads((SCHEMAS / "providers" / f"{region}.json").read_text(encoding="utf-8"))
    return names


@cache
def list_create_only(kind: str) -> frozenset[str]:
    """Return the properties whose change replaces a resource."""
    paths = load_schema(kind).get("createOnlyProperties", [])
    return frozenset(path.split("/")[2] for path in paths)


def validate_parameters(values: Mapping[str, str]) -> str:
    """Return what CloudFormation finds wrong with parameter values, or an empty string."""
    for name, declared in PARAMETERS.items():
        value = values.get(name, declared.get("Default"))
        if value is None:
            return f"Parameters: [{name}] must have values"
        if "AllowedValues" in declared and str(value) not in [str(each) for each in declared["AllowedValues"]]:
            return f"Parameter '{name}' must be one of AllowedValues"
        if not re.search(declared.get("AllowedPattern", ""), str(value)):
            return f"Parameter '{name}' must match pattern {declared['AllowedPattern']}"
        if "MinValue" in declared and not declared["MinValue"] <= int(value) <= declared["MaxValue"]:
            return f"Parameter '{name}' must be between {declared['MinValue']} and {declared['MaxValue']}"
    unknown = sorted(values.keys() - PARAMETERS.keys())
    return f"Parameters: {unknown} do not exist in the template" if unknown else ""
