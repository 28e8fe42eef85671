"""What a confined child cannot do."""

import fcntl
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from support import sample_images
from support.sandboxes import BUDGET, FRAME, LIMITS, process_ids, sandbox

from shared.errors import ResourceLimit, TimedOut
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline
from worker.sandbox.process import Child
from worker.sandbox.protocol import Ready, Request
from worker.sandbox.syscalls import AARCH64, X86_64, assemble_filter

linux = pytest.mark.skipif(sys.platform != "linux", reason="these measures are Linux's")
PROBE = (
    FRAME
    + """
import json
from worker.sandbox.confinement import confine
confine(2**30)
def told():
{}
try:
    answer = str(told())
except BaseException as error:
    answer = type(error).__name__
frame(json.dumps({{"confined": [answer]}}).encode())
"""
)


def answer_of(body: str, environment: dict[str, str] | None = None) -> str:
    """Run the body of a function in a confined child; return what it returns, or the name of what it raises."""
    script = PROBE.format("\n".join("    " + line for line in body.splitlines()))
    with Child(BUDGET, environment or {}, ("-c", script)) as child:
        child._wait_until_ready()
        assert isinstance(child.ready, Ready)
        (answer,) = child.ready.confined
    return answer


@linux
def test_a_child_applies_every_measure() -> None:
    """On Linux, all measures are supported, and /proc confirms them."""
    with sandbox() as boxed:
        boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS)
        child = boxed._slots.queue[0]
        assert child is not None
        assert child.ready is not None
        assert len(child.ready.confined) == 9, child.ready
        status = Path(f"/proc/{child.id}/status").read_text("ascii")
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
        assert "Threads:\t1\n" in status
        assert Path(f"/proc/{child.id}/oom_score_adj").read_text("ascii") == "1000\n"


FORBIDDEN = {
    "a socket": "import socket\nreturn socket.socket()",
    "a pair of sockets": "import socket\nreturn socket.socketpair()",
    "a process": "return os.fork()",
    "a program": "return os.execv('/bin/true', ['true'])",
    "a shell": "import subprocess\nreturn subprocess.run(['true'])",
    "a signal to the parent": "return os.kill(os.getppid(), 0)",
    "a signal to everybody": "return os.kill(-1, 0)",
    "a limit of the parent's": "import resource\nreturn resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "a file in memory": "return os.memfd_create('x')",
}


@linux
@pytest.mark.parametrize("body", FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_system_calls_of_an_attacker_are_refused(body: str) -> None:
    """No socket, process, program or access to another process, as any user."""
    assert answer_of(body) == "PermissionError"


@linux
def test_a_thread_cannot_be_started() -> None:
    """A codec cannot multiply its CPU time."""
    assert answer_of("import threading\nthreading.Thread(target=print).start()") == "RuntimeError"


@linux
@pytest.mark.parametrize(
    "body",
    [
        "with open('file', 'wb', buffering=0) as file:\n    return file.write(b'x')",
        "held = [open(os.devnull) for _ in range(20)]\nreturn len(held)",
    ],
)
def test_files_cannot_be_written_and_few_are_open(body: str) -> None:
    """A child writes no file and has few open."""
    assert answer_of(body) == "OSError"


@linux
def test_limits_cannot_be_lifted() -> None:
    """The hard limits are lowered too."""
    body = "import resource\nreturn resource.getrlimit(resource.RLIMIT_FSIZE), resource.getrlimit(resource.RLIMIT_CORE)"
    assert answer_of(body) == "((0, 0), (0, 0))"
    body = "import resource\nsoft, hard = resource.getrlimit(resource.RLIMIT_AS)\nreturn soft == hard != -1"
    assert answer_of(body) == "True"


def test_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the worker reaches a child, in particular no credentials."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "s3cr3t")
    names = set(answer_of("return ' '.join(os.environ)", {"LD_LIBRARY_PATH": "/nowhere"}).split())
    assert names <= {"LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR", "HOME", "LANG", "LC_CTYPE"}
    assert "LD_LIBRARY_PATH" in names
    assert "s3cr3t" not in answer_of("return os.environ")


@linux
def test_aws_cannot_be_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even with boto3, a child has neither credentials nor a network."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    body = "import boto3\nreturn boto3.client('s3', region_name='us-east-1').list_buckets()"
    assert answer_of(body) in {"NoCredentialsError", "PermissionError", "RuntimeError"}
    signed = (
        "import boto3\n"
        "keys = dict(aws_access_key_id='a', aws_secret_access_key='b')\n"
        "return boto3.client('s3', region_name='us-east-1', endpoint_url='http://127.0.0.1:1', **keys).list_buckets()"
    )
    assert answer_of(signed) in {"EndpointConnectionError", "HTTPClientError", "PermissionError", "RuntimeError"}


def test_descriptors_of_the_parent_are_not_inherited(tmp_path: Path) -> None:
    """Even inheritable files and sockets of the worker are closed in a child."""
    with (tmp_path / "secret").open("wb") as file:
        high = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, 100)
        os.set_inheritable(high, True)
        try:
            assert answer_of(f"return os.fstat({high})") == "OSError"
        finally:
            os.close(high)


def test_each_child_has_a_temporary_folder() -> None:
    """Its working directory is new and is deleted when the child ends."""
    folder = Path(answer_of("return os.getcwd()"))
    assert folder.name.startswith("safelight-")
    assert not folder.exists()


def test_a_child_ends_with_its_parent() -> None:
    """It ends when the pipe closes."""
    with Child(BUDGET, {}) as child:
        child._wait_until_ready()
        assert child._process.stdin is not None
        child._process.stdin.close()
        assert child._process.wait(timeout=60) == 0


#: No operation: nothing lets the planner decode less than the whole image.
WHOLE = Pipeline()
LARGE = [
    ("JPEG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("WEBP", "RGBA", {"lossless": True, "method": 0}),
    ("GIF", "P", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("BMP", "RGB", {}),
    ("AVIF", "RGB", {"speed": 10}),
]


@linux
@pytest.mark.parametrize(("name", "mode", "options"), LARGE, ids=[row[0] for row in LARGE])
def test_too_little_memory_is_a_resource_limit(name: str, mode: str, options: dict[str, object]) -> None:
    """No codec's error makes the image look damaged; the next image works."""
    tight = replace(BUDGET, memory_bytes=24 * 1024 * 1024)
    large = sample_images.encode(sample_images.draw_scene(3000, 2400).convert(mode), name, **options)
    before = process_ids()
    with sandbox(tight) as boxed:
        boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS)
        (child,) = process_ids() - before
        with pytest.raises(ResourceLimit):
            boxed.render(large, WHOLE, LIMITS)
        assert child not in process_ids()
        assert boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS).width == 64


@linux
def test_too_large_outputs_are_refused_in_the_child() -> None:
    """They never reach the worker's memory."""
    few = replace(BUDGET, answer_bytes=10_000)
    with sandbox(few) as boxed, pytest.raises(ResourceLimit, match="10,000 are allowed"):
        boxed.render(sample_images.encode(sample_images.make_noise(200, 200), "PNG"), Pipeline(), LIMITS)


def test_an_image_that_takes_too_long_times_out() -> None:
    """The child is killed; the next image works."""
    many = [{"name": f"o{number}", "format": "webp"} for number in range(10)]
    slow = Pipeline.model_validate(
        {
            "operations": [{"op": "resize", "width": 6000, "height": 6000, "fit": "exact", "enlarge": True}],
            "outputs": many,
        }
    )
    with sandbox(replace(BUDGET, seconds=1)) as boxed:
        with pytest.raises(TimedOut):
            boxed.render(sample_images.encode(sample_images.make_noise(64, 64), "PNG"), slow, LIMITS)
        assert boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS).width == 64


@linux
def test_the_kernel_limits_cpu_time_per_record() -> None:
    """The limit restarts with each request and needs no parent."""
    script = FRAME + (
        "import resource\n"
        "from worker.sandbox.confinement import limit_cpu_time\n"
        "first = time.process_time()\n"
        "while time.process_time() < first + 1.2: pass\n"
        "limit_cpu_time(1)\n"
        "frame(b'{\"confined\":[]}')\n"
        "while True: pass\n"
    )
    with Child(BUDGET, {}, ("-c", script)) as child:
        request = Request(pipeline=DEFAULT_PIPELINE, limits=LIMITS, assets=(), answer_bytes=0)
        with pytest.raises(TimedOut):
            child.run(request, ())


@pytest.mark.parametrize("machine", [X86_64, AARCH64])
def test_the_filter_is_a_valid_program(machine: object) -> None:
    """Every jump stays inside, and the last instruction allows, on both architectures."""
    assert isinstance(machine, type(X86_64))
    code = assemble_filter(machine, 4711)
    steps = [code[at : at + 8] for at in range(0, len(code), 8)]
    assert len(steps) < 4096
    for at, step in enumerate(steps[:-1]):
        assert at + 1 + max(step[2], step[3]) < len(steps)
    assert steps[-1] == bytes.fromhex("06000000") + (0x7FFF0000).to_bytes(4, "little")
    assert len(set(machine.denied.values()) | set(machine.own_only.values())) == len(machine.denied) + len(
        machine.own_only
    )
