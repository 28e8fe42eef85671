"""Limits on memory and processor time, of version 1 or 2 of Linux's control groups. See ``cgroups(7)``."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from worker.sandbox.budget import PROCESSOR_MIB

_ROOT: Final = Path("/sys/fs/cgroup")
_MIB: Final = 1024 * 1024
#: Length of a scheduling period, microseconds.
_PERIOD: Final = 100_000
_CONTROLLERS: Final = ("memory", "cpu", "cpuacct")


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The groups of one box. Empty if this system gives none."""

    folders: Sequence[Path]
    is_second_version: bool

    @classmethod
    def create(cls, name: str, memory_mib: int) -> "ControlGroup":
        """Create groups with the memory, and the share of a processor that Lambda gives with this memory."""
        quota = max(1000, _PERIOD * memory_mib // PROCESSOR_MIB)
        is_second = (_ROOT / "cgroup.controllers").exists()
        folders = [_ROOT / name] if is_second else [_ROOT / controller / name for controller in _CONTROLLERS]
        group = cls(folders, is_second)
        limit = str(memory_mib * _MIB)
        try:
            for folder in folders:
                folder.mkdir()
            if is_second:
                group._write("memory.max", limit)
                group._write("cpu.max", f"{quota} {_PERIOD}")
            else:
                group._write("memory.limit_in_bytes", limit)
                group._write("cpu.cfs_period_us", str(_PERIOD))
                group._write("cpu.cfs_quota_us", str(quota))
        except OSError:
            group.remove()
            return cls((), is_second)
        return group

    @property
    def process_files(self) -> list[str]:
        """Return the files into which a process writes to join the groups."""
        return [str(folder / "cgroup.procs") for folder in self.folders]

    def read_cpu_seconds(self) -> float:
        """Return the processor time of all processes that were in the group; NaN without a group."""
        if not self.folders:
            return float("nan")
        if self.is_second_version:
            return float(self._read("cpu.stat").split()[1]) / 1e6
        return float(self._read("cpuacct.usage")) / 1e9

    def read_peak_bytes(self) -> float:
        """Return the largest memory so far, with the page cache of files that only the group has read."""
        if not self.folders:
            return float("nan")
        return float(self._read("memory.peak" if self.is_second_version else "memory.max_usage_in_bytes"))

    def remove(self) -> None:
        """Delete the groups. Their processes must have ended."""
        for folder in self.folders:
            for _ in range(100):
                with suppress(FileNotFoundError):
                    try:
                        folder.rmdir()
                    except OSError:  # the kernel still removes the last process
                        time.sleep(0.01)
                        continue
                break

    def _read(self, name: str) -> str:
        return next(folder / name for folder in self.folders if (folder / name).exists()).read_text("utf-8")

    def _write(self, name: str, value: str) -> None:
        """Write a setting into the first group that has it. Raises OSError if none has."""
        found = [folder / name for folder in self.folders if (folder / name).exists()]
        if not found:
            raise FileNotFoundError(name)
        found[0].write_text(value, "utf-8")
