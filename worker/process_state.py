"""What another process of the same user can change in this process for good.

If only the limits confine a child, a compromised one can lower the limits or the priority of the worker
(``docs/security.md``). The worker would then fail or delay every later job, so it ends instead, and Lambda starts a new
one.
"""

import os
import resource
from dataclasses import dataclass
from typing import Final, Self

#: Names by number. Some limits have two names, of which this is the first.
_LIMITS: Final = {
    getattr(resource, name): name for name in sorted(dir(resource), reverse=True) if name.startswith("RLIMIT_")
}


@dataclass(frozen=True, slots=True)
class ProcessState:
    """The limits and the priority of this process's main thread."""

    #: Soft and hard limit by the name of the resource.
    limits: tuple[tuple[str, tuple[int, int]], ...]
    niceness: int
    #: Number of the scheduling policy. None on systems without policies.
    policy: int | None

    @classmethod
    def read(cls) -> Self:
        """Return the current state."""
        process = os.getpid()
        return cls(
            limits=tuple((name, resource.getrlimit(number)) for number, name in _LIMITS.items()),
            niceness=os.getpriority(os.PRIO_PROCESS, process),
            policy=os.sched_getscheduler(process) if hasattr(os, "sched_getscheduler") else None,
        )

    def list_differences(self, other: Self) -> list[str]:
        """Return the names of what differs in ``other``."""
        names = [name for (name, limit), (_, theirs) in zip(self.limits, other.limits, strict=True) if limit != theirs]
        names += ["niceness"] if self.niceness != other.niceness else []
        return names + (["policy"] if self.policy != other.policy else [])
