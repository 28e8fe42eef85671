"""Reads the SAM template: its parameters, and the whole of it for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.CSafeLoader):
    """YAML, read by libyaml for its speed, with CloudFormation's short forms (``!Ref`` and its kind)."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Turn ``!Sub x`` into ``{"Fn::Sub": x}``."""
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise yaml.constructor.ConstructorError(None, None, f"cannot read !{suffix}", node.start_mark)
    return {name: value}


_Loader.add_multi_constructor("!", _long_form)


def load(text: str | None = None) -> dict[str, Any]:
    """Parse a template, ours unless another is given, with intrinsic functions in their long form."""
    source = TEMPLATE.read_text(encoding="utf-8") if text is None else text
    template: dict[str, Any] = yaml.load(source, Loader=_Loader)  # noqa: S506 - derived from CSafeLoader
    return template


def parameter_names(template: Mapping[str, Any]) -> frozenset[str]:
    """Name every parameter."""
    return frozenset(template["Parameters"])


def parameter_defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """Map each parameter that has a default to it, as the string that CloudFormation passes on."""
    return {
        name: str(declared["Default"]) for name, declared in template["Parameters"].items() if "Default" in declared
    }
