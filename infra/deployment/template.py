"""Read the SAM template."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[1] / "template.yaml"


class _Loader(yaml.CSafeLoader):
    """YAML loader (libyaml, for speed) that knows CloudFormation's short forms such as ``!Ref``."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """Return the long form of a short form: ``!Sub x`` becomes ``{"Fn::Sub": x}``."""
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


def load_template(text: str | None = None) -> dict[str, Any]:
    """Return a parsed template, by default Safelight's, with intrinsic functions in their long form."""
    source = TEMPLATE.read_text(encoding="utf-8") if text is None else text
    template: dict[str, Any] = yaml.load(source, Loader=_Loader)  # noqa: S506 - derived from CSafeLoader
    return template


def parameter_names(template: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of all parameters."""
    return frozenset(template["Parameters"])


def parameter_defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the defaults by parameter name, as strings."""
    return {
        name: str(declared["Default"]) for name, declared in template["Parameters"].items() if "Default" in declared
    }
