"""Sandboxes that tests on moto share: a child process needs more CPU time to start than most tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

import worker.app
from worker.sandbox.pool import Sandbox
from worker.sandbox.process import PROGRAM


@dataclass
class SandboxPool:
    """Sandboxes by their arguments. Several tests may not use a pool at the same time."""

    sandboxes: dict[str, Sandbox] = field(default_factory=dict)

    @contextmanager
    def lend(self) -> Iterator[None]:
        """Let the worker use sandboxes of this pool, with the children of earlier tests."""
        lent: dict[str, int] = {}

        def get_sandbox(budget: Any, *, children: int, **options: Any) -> Sandbox:
            key = repr((budget, children, sorted(options.items())))
            lent[key] = children
            if key not in self.sandboxes:
                self.sandboxes[key] = Sandbox(budget, children=children, **options)
            return self.sandboxes[key]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(worker.app, "Sandbox", get_sandbox)
            yield
        for key, children in lent.items():
            if not _is_complete(self.sandboxes[key], children):
                self.sandboxes.pop(key).close()

    def close(self) -> None:
        """End all child processes."""
        for sandbox in self.sandboxes.values():
            sandbox.close()
        self.sandboxes.clear()


def _is_complete(sandbox: Sandbox, children: int) -> bool:
    """Return False if a test has taken a slot or left a child that runs another program."""
    slots = list(sandbox._slots.queue)
    programs = [child._process.args for child in slots if child is not None]
    return len(slots) == children and all(set(PROGRAM) <= set(cast("Any", program)) for program in programs)
