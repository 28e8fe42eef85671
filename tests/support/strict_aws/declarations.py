"""The template as CloudFormation sees it: after the SAM transform, for given parameters, with its dependencies."""

import copy
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import Any, Final
from unittest.mock import patch

from samtranslator.translator.transform import transform  # type: ignore[import-untyped]
from support.resolved_template import Resolver

from infra.deployment import template

ACCOUNT: Final = "123456789012"
#: A reference in a resolved value: ``<UiBucket>`` or ``<UiBucket.Arn>``.
REFERENCE: Final = re.compile(r"<(\w+)(?:\.([\w.]+))?>")


@dataclass(frozen=True, slots=True)
class Declared:
    """A resource of a stack."""

    name: str
    kind: str
    properties: Mapping[str, Any]
    #: Logical IDs of the resources that must exist before this one.
    needs: frozenset[str]
    deletion_policy: str
    replacement_policy: str


@dataclass(frozen=True, slots=True)
class Declaration:
    """A template with values for its parameters."""

    #: By logical ID, each resource after those that it needs.
    resources: Mapping[str, Declared]
    outputs: Mapping[str, str]

    def find_all_needs(self, name: str) -> set[str]:
        """Return the logical IDs of all resources that exist before a resource, also indirectly."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = self.resources[waiting.pop()].needs - found
            found |= new
            waiting += new
        return found


class NoManagedPolicies:
    """The template names no policy of AWS, so SAM needs no list of them."""

    def load(self) -> dict[str, str]:
        """Return nothing."""
        return {}


@cache
def load_transformed(text: str | None = None) -> Mapping[str, Any]:
    """Return a template after the SAM transform, by default Safelight's."""
    loaded = template.load_template(text)
    with patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-west-1"}):  # without a region, SAM refuses the template
        transformed: dict[str, Any] = transform(copy.deepcopy(loaded), {}, NoManagedPolicies())
    return transformed


def declare(values: Mapping[str, str], text: str | None = None) -> Declaration:
    """Return the resources and outputs of a template for parameter values that differ from the defaults.

    Raises graphlib.CycleError if resources need each other, and KeyError if one needs a resource that does not exist.
    """
    return _declare(tuple(sorted(values.items())), text)


@cache
def _declare(pairs: tuple[tuple[str, str], ...], text: str | None) -> Declaration:
    values = dict(pairs)
    source = load_transformed(text)
    resolver = Resolver(source, **{"AWS::AccountId": ACCOUNT, **values})
    found: dict[str, Declared] = {}
    for name, each in source["Resources"].items():
        properties = resolver.resource(name)
        if properties is None:
            continue
        explicit = each.get("DependsOn", [])
        found[name] = Declared(
            name=name,
            kind=each["Type"],
            properties=properties,
            needs=frozenset([*_list_references(properties), *([explicit] if isinstance(explicit, str) else explicit)]),
            deletion_policy=each.get("DeletionPolicy", "Delete"),
            replacement_policy=each.get("UpdateReplacePolicy", "Delete"),
        )
    for each in found.values():
        for need in each.needs:
            if need not in found:
                raise KeyError(f"Unresolved resource dependencies [{need}] of {each.name}")
    order = TopologicalSorter({name: sorted(each.needs) for name, each in found.items()}).static_order()
    outputs = {name: value for name in source["Outputs"] if (value := resolver.output(name)) is not None}
    return Declaration({name: found[name] for name in order}, outputs)


def _list_references(value: Any) -> Iterator[str]:
    """Yield the logical IDs in a resolved value."""
    if isinstance(value, str):
        yield from (found[1] for found in REFERENCE.finditer(value))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _list_references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _list_references(each)
