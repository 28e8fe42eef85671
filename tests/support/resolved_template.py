"""The template resolved with given parameters: conditions evaluated, references replaced.

A reference to a resource becomes its logical ID, ``<UiBucket>``, and an attribute ``<UiBucket.Arn>``. ``AWS::NoValue``
removes its property.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.deployment import template

TEMPLATE = template.load_template()
PSEUDO: Final = {"AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com", "AWS::Partition": "aws"}
NOTHING: Final = object()


class Resolver:
    """Resolves a template with parameters that differ from its defaults."""

    def __init__(self, source: Mapping[str, Any] = TEMPLATE, /, **parameters: str) -> None:
        """Set parameters; all others have their defaults."""
        self._source = source
        self._values = template.parameter_defaults(source) | PSEUDO | parameters

    def resource(self, name: str) -> dict[str, Any] | None:
        """Return the properties of a resource, or None if its condition is false."""
        declared = self._source["Resources"][name]
        if "Condition" in declared and not self.holds(declared["Condition"]):
            return None
        found: dict[str, Any] = self.read(declared["Properties"])
        return found

    def output(self, name: str) -> Any:
        """Return the value of an output, or None if its condition is false."""
        declared = self._source["Outputs"][name]
        if "Condition" in declared and not self.holds(declared["Condition"]):
            return None
        return self.read(declared["Value"])

    def holds(self, condition: str) -> bool:
        """Return True if a condition is true."""
        return self._decide(self._source["Conditions"][condition])

    def read(self, value: Any) -> Any:
        """Return a value with all references resolved."""
        if isinstance(value, list):
            return [found for each in value if (found := self.read(each)) is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and next(iter(value)) in _FUNCTIONS:
            name, argument = next(iter(value.items()))
            return _FUNCTIONS[name](self, argument)
        pairs = {name: self.read(each) for name, each in value.items()}
        return {name: each for name, each in pairs.items() if each is not NOTHING}

    def _decide(self, test: Mapping[str, Any]) -> bool:
        name, argument = next(iter(test.items()))
        if name == "Condition":
            return self.holds(argument)
        if name == "Fn::Equals":
            return str(self.read(argument[0])) == str(self.read(argument[1]))  # CloudFormation compares texts
        decided = [self._decide(each) for each in argument]
        return {"Fn::Not": not decided[0], "Fn::And": all(decided), "Fn::Or": any(decided)}[name]

    def _ref(self, name: str) -> Any:
        return NOTHING if name == "AWS::NoValue" else self._values.get(name, f"<{name}>")

    def _find_in_map(self, argument: Sequence[Any]) -> Any:
        mapping, key, member = (self.read(each) for each in argument)
        return self._source["Mappings"][mapping][str(key)][member]

    def _sub(self, argument: Any) -> str:
        text, named = argument if isinstance(argument, list) else (argument, {})
        own = {name: str(self.read(each)) for name, each in named.items()}
        return re.sub(r"\$\{([^}]+)\}", lambda found: own.get(found[1], str(self._ref(found[1]))), text)


_FUNCTIONS: Final[Mapping[str, Any]] = {
    "Ref": Resolver._ref,
    "Fn::If": lambda own, of: own.read(of[1] if own.holds(of[0]) else of[2]),
    "Fn::Sub": Resolver._sub,
    "Fn::GetAtt": lambda _own, of: f"<{'.'.join(of)}>",
    "Fn::Select": lambda own, of: own.read(of[1])[int(of[0])],
    "Fn::Split": lambda own, of: own.read(of[1]).split(of[0]),
    "Fn::Join": lambda own, of: of[0].join(own.read(of[1])),
    "Fn::FindInMap": Resolver._find_in_map,
}
