"""One hand-written mutant: our code with one guarantee removed, and the tests that must fail on it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


class OutdatedMutant(AssertionError):
    """The text that a mutant replaces is missing or occurs more than once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One text of one file, and what replaces it."""

    #: What the mutated code does wrong.
    name: str
    #: Relative to the root of the repository.
    path: str
    #: Occurs exactly once in the file.
    text: str
    instead: str
    #: Arguments of pytest: files, or tests by their node ID. At least one test must fail.
    tests: tuple[str, ...]

    def apply(self, source: str) -> str:
        """Return the mutated source. Raises OutdatedMutant, and SyntaxError if the mutated source is no Python."""
        count = source.count(self.text)
        if count != 1:
            raise OutdatedMutant(
                f"The mutant '{self.name}' replaces a text that occurs {count} times in {self.path}: {self.text!r}. "
                "Adapt the mutant in tests/mutants/hand_written to the code."
            )
        mutated = source.replace(self.text, self.instead)
        compile(mutated, self.path, "exec", dont_inherit=True)
        return mutated
