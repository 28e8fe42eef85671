"""One execution environment of a function."""

import errno
import itertools
import json
import math
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, Final, Self

import psutil
from support.lambda_box.cgroups import ControlGroup
from support.lambda_box.runtime_api import Invocation, Result, RuntimeApi

from infra.deployment import bytecode, wheels

_JAIL: Final = Path(__file__).with_name("jail.py")
_REPOSITORY: Final = Path(__file__).parents[3]
#: The environment of ``make``, with awslambdaric.
RUNTIME: Final = _REPOSITORY / ".venv-box"
#: Lambda's user, ``sbx_user1051``.
USER: Final = 993
#: A limit for functions that hang. No passing test waits for it.
HANG_SECONDS: Final = 300
#: System calls of x86_64 that public reports say Lambda refuses.
_PRCTL: Final = {157: errno.EPERM}
_FOREIGN_PROCESSES: Final = {101: errno.EPERM, 310: errno.EPERM, 311: errno.EPERM}  # ptrace, process_vm_*
_FILTERS: Final = {317: errno.EPERM}  # seccomp
_NAMESPACES: Final = {272: errno.EPERM, 308: errno.EPERM, 435: errno.ENOSYS}  # unshare, setns, clone3
_LANDLOCK: Final = dict.fromkeys((444, 445, 446), errno.ENOSYS)

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Refusals:
    """System calls that fail, with their error numbers."""

    calls: Mapping[int, int] = field(default_factory=dict)
    #: Whether ``clone`` refuses user namespaces too.
    no_users: bool = False


#: What the kernel of this machine offers, as on a server of your own.
NOTHING: Final = Refusals()
#: What Lambda refuses with certainty. Its parent process has set ``no_new_privs``.
PRCTL: Final = Refusals(_PRCTL | _FOREIGN_PROCESSES | _FILTERS)
#: What Lambda refuses according to public reports: also namespaces, and Landlock, which its kernel 5.10 does not have.
EVERYTHING: Final = Refusals(_PRCTL | _FOREIGN_PROCESSES | _FILTERS | _NAMESPACES | _LANDLOCK, no_users=True)


@dataclass(frozen=True, slots=True)
class FunctionConfiguration:
    """What Lambda knows of a function."""

    name: str
    handler: str
    memory_mib: int
    timeout_seconds: int
    environment: Mapping[str, str]
    #: Folder with the unpacked zip.
    code: Path
    #: Folder of a layer with more modules, if any.
    layer: Path | None = None


def find_other_system() -> str | None:
    """Return why this system cannot build a box whatever is installed, or None."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return "the Lambda box needs Linux on x86-64"
    return None if os.geteuid() == 0 else "the Lambda box needs root"


def find_missing_program() -> str | None:
    """Return what must be installed to build a box, or None."""
    if bytecode.find_python(wheels.PYTHON_VERSION) is None:
        return f"the Lambda box needs Python {wheels.PYTHON_VERSION}"
    if not (RUNTIME / "bin" / "python").exists():
        return "the Lambda box needs .venv-box, which `make lambda-box` creates"
    return None


class LambdaBox:
    """A started function. Not thread-safe."""

    def __init__(self, function: FunctionConfiguration, folder: Path, refusals: Refusals = EVERYTHING) -> None:
        """Start the function. ``folder`` is for its log and its root."""
        self.function = function
        number = next(_numbers)
        self.log_path = folder / f"{function.name}-{number}.log"
        root = folder / f"root-{number}"
        root.mkdir()
        self.group = ControlGroup.create(f"safelight-box-{os.getpid()}-{number}", function.memory_mib)
        self._is_ready = threading.Event()
        self._api = RuntimeApi(f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}", self._is_ready.set)
        plan = {
            "root": str(root),
            "cgroups": self.group.process_files,
            "memory_bytes": None if self.group.folders else function.memory_mib * 1024 * 1024,
            "folders": {
                str(function.code): "/var/task",
                str(_get_python().parents[1]): "/var/lang",
                str(next(RUNTIME.glob("lib/python3*/site-packages"))): "/var/runtime",
                **({} if function.layer is None else {str(function.layer): "/opt/python"}),
            },
            "work": "/var/task",
            "user": USER,
            "refused": dict(refusals.calls),
            "no_users": refusals.no_users,
            "command": [f"/var/lang/bin/python{wheels.PYTHON_VERSION}", "-m", "awslambdaric", function.handler],
            "environment": self._make_environment(),
        }
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(_JAIL), json.dumps(plan)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        #: Processor time of INIT, and of the last event. The child of the worker may continue its start meanwhile.
        self.init_cpu_seconds = self.last_cpu_seconds = math.nan

    def wait_until_ready(self) -> None:
        """Wait until the function has ended INIT and asks for an event. Fail with its log if it ends instead."""
        if not math.isnan(self.init_cpu_seconds):
            return
        for _ in range(HANG_SECONDS * 10):
            if self._is_ready.wait(0.1):
                self.init_cpu_seconds = self.group.read_cpu_seconds()
                return
            if self._process.poll() is not None or not self._api.results.empty():
                break
        raise AssertionError(f"{self.function.name} has not started: {self.read_log()}")

    def invoke(self, event: Any) -> Any:
        """Return the function's response to an event. Fail with its log if it raises or ends."""
        result = self.try_invoke(event)
        assert result.kind == "response", (result, self.read_log())
        return result.document

    def try_invoke(self, event: Any) -> Result:
        """Return the function's response or error."""
        self.wait_until_ready()
        self._is_ready.clear()
        before = self.group.read_cpu_seconds()
        self._api.invocations.put(Invocation(event, self.function.timeout_seconds))
        for _ in range(HANG_SECONDS * 10):
            try:
                result = self._api.results.get(timeout=0.1)
            except Empty:
                if self._process.poll() is not None:
                    break
                continue
            self._is_ready.wait(HANG_SECONDS)
            self.last_cpu_seconds = self.group.read_cpu_seconds() - before
            return result
        raise AssertionError(f"{self.function.name} has ended: {self.read_log()}")

    def read_log(self) -> str:
        """Return the standard output and the standard error so far."""
        return self.log_path.read_text("utf-8", "replace")

    def find_process(self) -> psutil.Process:
        """Return the process of the function: the child of the first process of the namespace."""
        (first,) = psutil.Process(self._process.pid).children()
        (function,) = first.children()
        return function

    def close(self) -> None:
        """End all processes of the box."""
        self._process.kill()
        self._process.wait()
        self._api.close()
        self.group.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_environment(self) -> dict[str, str]:
        """Return the variables that Lambda sets, and those of the function."""
        return {
            "AWS_LAMBDA_FUNCTION_NAME": self.function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.function.memory_mib),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/29/[$LATEST]0123456789abcdef0123456789abcdef",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": CREDENTIALS[0],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS[1],
            "AWS_SESSION_TOKEN": CREDENTIALS[2],
            "LAMBDA_TASK_ROOT": "/var/task",
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/task",
            "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
            "PYTHONPATH": "/opt/python:/var/runtime",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": self.function.handler,
            **self.function.environment,
        }


#: Made-up credentials, which no process but the function may read.
CREDENTIALS: Final = ("ASIAEXAMPLEOFTHEBOX0", "secret-of-the-box/0123456789abcdefghijkl", "token-of-the-box" * 30)


def _get_python() -> Path:
    """Return Lambda's Python on this machine, without links."""
    found = bytecode.find_python(wheels.PYTHON_VERSION)
    assert found is not None
    return Path(found).resolve()
