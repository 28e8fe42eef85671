"""A function whose decoder is taken over: a handler that starts and confines a child as the worker does.

Its module imports the worker, so that the function's process is a worker after INIT.
"""

# mypy: ignore-errors
import os
import tempfile
from pathlib import Path

from worker.app import CHILD_ENVIRONMENT, get_consumer
from worker.app import handler as worker_handler
from worker.sandbox.pool import Child
from worker.sandbox.process import SandboxUnavailable, _InvalidAnswer

#: Programs whose start would end the probes: each says so on the pipe to the worker, if it gets so far.
PROGRAMS = (["/bin/echo", "started"], ["/var/lang/bin/python3.13", "-c", "print('started')"])


def handler(event, _context):
    """Run the probes of the event in a confined child. Return what they got, by name."""
    with tempfile.TemporaryDirectory() as folder:
        victim = Path(folder, "victim")
        victim.write_text("unchanged", "utf-8")
        Path(folder, "folder").mkdir()
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        context = (os.getpid(), str(victim), (host, int(port)), (), ("start a program",))
        applied, probes = run_child(f"{event['frame']}\nCONTEXT = {context!r}\n{event['probes']}")
        programs = [start_program(event["frame"], program) for program in PROGRAMS]
        probes["start a program"] = "refused" if set(programs) == {"refused"} else f"reached: {programs}"
        return {"applied": applied, "probes": probes, "is_unchanged": victim_is_unchanged(victim)}


def damaging_handler(event, context):
    """Let a confined child lower the limits of the worker, then pass the event to the worker's handler."""
    script = (
        f"{event['frame']}\nimport resource\nfrom worker.sandbox.confinement import confine\nconfine(2**30, 100)\n"
        f"resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE, (3, 3))\n"
        "frame(b'{\"confined\": []}')\nos.read(0, 1)\n"
    )
    run_child(script)
    return worker_handler(event, context)


def victim_is_unchanged(victim):
    """Return True if the file has its content. A probe may have renamed or deleted it."""
    return victim.exists() and victim.read_text("utf-8") == "unchanged"


def run_child(script):
    """Start a child with the worker's budget and environment. Return its measures and what it reports."""
    sandbox = get_consumer().sandbox
    environment = {name: os.environ[name] for name in CHILD_ENVIRONMENT if name in os.environ}
    with Child(sandbox._budget, environment, ("-c", script)) as child:
        ready = child.wait_until_ready()
        return ready.confined, dict(ready.software)


def start_program(frame, program):
    """Return ``refused``, or what a program has written that replaced a confined child."""
    script = (
        f"{frame}\nimport os\nfrom worker.sandbox.confinement import confine\nconfine(2**30, 100)\n"
        f"try:\n    os.execv({program[0]!r}, {program!r})\n"
        'except OSError:\n    frame(b\'{"confined": ["refused"]}\')\n    os.read(0, 1)\n'
    )
    try:
        applied, _ = run_child(script)
    except SandboxUnavailable as error:
        # The kernel replaces the child, but the new program can open no library and ends without a word.
        return "started" if isinstance(error.__cause__, _InvalidAnswer) else "refused"
    return applied[0]
