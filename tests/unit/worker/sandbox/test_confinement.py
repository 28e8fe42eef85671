"""What a confined child cannot do."""

import fcntl
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from support import sample_images
from support.heif_images import read_heif
from support.sandboxes import BUDGET, FRAME, LIMITS, process_ids, sandbox

from shared.errors import RenderInterrupted, ResourceLimit, TimedOut
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline
from worker.sandbox.confinement import ALL_MEASURES
from worker.sandbox.process import Child
from worker.sandbox.protocol import Ready, Request

linux = pytest.mark.skipif(sys.platform != "linux", reason="these measures are Linux's")
PROBE = (
    FRAME
    + """
import json
from worker.sandbox.confinement import confine
confine(2**30, 100)
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
        child.wait_until_ready()
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
        assert set(child.ready.confined) == ALL_MEASURES
        status = Path(f"/proc/{child.ready.process_id}/status").read_text("ascii")
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
        assert "Threads:\t1\n" in status
        assert Path(f"/proc/{child.ready.process_id}/oom_score_adj").read_text("ascii") == "1000\n"


@linux
def test_hard_limits_are_lowered_too() -> None:
    """So a child cannot raise them again."""
    with sandbox() as boxed:
        boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS)
        child = boxed._slots.queue[0]
        assert child is not None
        assert child.ready is not None
        lines = Path(f"/proc/{child.ready.process_id}/limits").read_text("ascii").splitlines()[1:]
    limits = {line[:26].strip(): line[26:68].split() for line in lines}
    for name in ("file size", "core file size", "processes", "open files", "locked memory", "msgqueue size"):
        assert limits[f"Max {name}"] == ["0", "0"]
    for name in ("cpu time", "address space"):
        soft, hard = limits[f"Max {name}"]
        assert soft == hard != "unlimited"


def test_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the worker reaches a child, in particular no credentials."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "s3cr3t")
    names = set(answer_of("return ' '.join(os.environ)", {"LD_LIBRARY_PATH": "/nowhere"}).split())
    assert names <= {"LD_LIBRARY_PATH", "PYTHONPATH", "LANG", "LC_CTYPE", "PYDANTIC_DISABLE_PLUGINS"}
    assert "LD_LIBRARY_PATH" in names
    assert "s3cr3t" not in answer_of("return os.environ")


def test_a_child_does_not_load_what_only_the_worker_needs() -> None:
    """Each of these modules takes memory and start time in every child."""
    script = FRAME + "import json, worker.sandbox.child\nframe(json.dumps({'confined': list(sys.modules)}).encode())"
    with Child(BUDGET, {}, ("-c", script)) as child:
        loaded = set(child.wait_until_ready().confined)
    assert "worker.imaging.render" in loaded
    assert not loaded & {"email", "zipfile", "concurrent.futures", "queue", "boto3", "worker.sandbox.pool", "pic_scale"}


def test_descriptors_of_the_parent_are_not_inherited(tmp_path: Path) -> None:
    """Even inheritable files and sockets of the worker are closed in a child."""
    with (tmp_path / "secret").open("wb") as file:
        high = fcntl.fcntl(file.fileno(), fcntl.F_DUPFD, 100)
        os.set_inheritable(high, True)
        try:
            assert answer_of(f"return os.write({high}, b'x')") == "OSError"
        finally:
            os.close(high)


@linux
def test_a_child_has_no_files() -> None:
    """Its file system is empty, and its working directory is the root of it."""
    assert answer_of("return os.getcwd()") == "/"
    assert answer_of("return os.path.exists('/etc') or os.path.exists('/')") == "False"


@linux
def test_a_measure_that_the_system_refuses_is_not_reported() -> None:
    """As on AWS Lambda, where prctl and new namespaces are refused. The images are still rendered."""
    script = (
        "import worker.sandbox.confinement as confinement, worker.sandbox.child as child\n"
        "import worker.sandbox.libc as libc, worker.sandbox.namespaces as namespaces\n"
        "def refuse(*arguments): raise PermissionError(1, 'refused')\n"
        "confinement.set_process_flag = confinement.enter_namespaces = confinement.install_filter = refuse\n"
        "child.main()\n"
    )
    with sandbox(script=script) as boxed:
        boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS)
        child = boxed._slots.queue[0]
        assert child is not None
        assert child.ready is not None
        missing = ALL_MEASURES - set(child.ready.confined)
        assert missing >= {"namespaces", "no_new_privileges", "not_dumpable", "system_calls"}
        assert child.ready.process_id is None
        assert "files" in child.ready.confined


def test_a_child_ends_with_its_parent() -> None:
    """It ends when the pipe closes."""
    with Child(BUDGET, {}) as child:
        child.wait_until_ready()
        assert child._process.stdin is not None
        child._process.stdin.close()
        assert child._process.wait(timeout=600) == 0


#: No operation: nothing lets the planner decode less than the whole image.
WHOLE = Pipeline()
#: Two formats whose codecs report too little memory each in its own way.
COMMON = {"JPEG", "AVIF"}
LARGE = [
    ("JPEG", "RGB", {}),
    ("PNG", "RGBA", {}),
    ("WEBP", "RGBA", {"lossless": True, "method": 0}),
    ("GIF", "P", {}),
    ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    ("BMP", "RGB", {}),
    ("AVIF", "RGB", {"speed": 10}),
    ("HEIC", "RGB", {}),
]


@linux
@pytest.mark.parametrize(
    ("name", "mode", "options"),
    [pytest.param(*row, id=row[0], marks=[] if row[0] in COMMON else [pytest.mark.thorough]) for row in LARGE],
)
def test_too_little_memory_is_a_resource_limit(name: str, mode: str, options: dict[str, object]) -> None:
    """No codec's error makes the image look damaged; the next image works."""
    tight = replace(BUDGET, memory_bytes=24 * 1024 * 1024)
    scene = sample_images.draw_scene(3000, 2400).convert(mode)
    large = read_heif("large") if name == "HEIC" else sample_images.encode(scene, name, **options)
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


@pytest.mark.thorough
def test_an_image_that_takes_too_long_times_out() -> None:
    """The child is killed; the next image works."""
    many = [{"name": f"o{number}", "format": "webp"} for number in range(10)]
    slow = Pipeline.model_validate(
        {
            "operations": [{"op": "resize", "width": 6000, "height": 6000, "fit": "exact", "enlarge": True}],
            "outputs": many,
        }
    )
    with sandbox(replace(BUDGET, cpu_seconds=1)) as boxed:
        with pytest.raises(TimedOut):
            boxed.render(sample_images.encode(sample_images.make_noise(64, 64), "PNG"), slow, LIMITS)
        assert boxed.render(sample_images.make_jpeg(), DEFAULT_PIPELINE, LIMITS).width == 64


@linux
def test_cpu_time_is_limited_for_each_image() -> None:
    """The limit restarts with each request, and is the image's fault however long it takes."""
    script = FRAME + (
        "frame(b'{\"confined\":[]}')\n"
        "first = time.process_time()\n"
        "while time.process_time() < first + 1.2: pass\n"
        'frame(b\'{"fault": "first"}\')\n'
        "while True: pass\n"
    )
    with Child(replace(BUDGET, cpu_seconds=2), {}, ("-c", script)) as child:
        request = Request(pipeline=DEFAULT_PIPELINE, limits=LIMITS, assets=(), answer_bytes=0)
        assert child.run(request, ())[0].fault == "first"
        with pytest.raises(TimedOut):
            child.run(request, ())


@linux
def test_an_image_without_cpu_time_is_interrupted() -> None:
    """A child that waits, or that the system does not run, is not the image's fault."""
    script = FRAME + "frame(b'{\"confined\":[]}')\nsignal.pause()\n"
    with Child(replace(BUDGET, wall_seconds=1), {}, ("-c", script)) as child:
        request = Request(pipeline=DEFAULT_PIPELINE, limits=LIMITS, assets=(), answer_bytes=0)
        with pytest.raises(RenderInterrupted):
            child.run(request, ())


@linux
def test_a_stopped_child_continues() -> None:
    """A child that is frozen and thawed, as by Lambda, finishes its image."""
    script = FRAME + (
        "frame(b'{\"confined\":[]}')\nsys.stdin.buffer.read(4)\nos.kill(os.getpid(), signal.SIGSTOP)\n"
        'frame(b\'{"fault": "thawed"}\')\nsignal.pause()\n'
    )
    request = Request(pipeline=DEFAULT_PIPELINE, limits=LIMITS, assets=(), answer_bytes=0)
    with Child(replace(BUDGET, cpu_seconds=1), {}, ("-c", script)) as child, ThreadPoolExecutor(1) as threads:
        run = threads.submit(child.run, request, ())
        state = Path(f"/proc/{child.id}/stat")
        while state.read_text("ascii").rsplit(") ", 1)[1][0] != "T":
            assert not run.done()
        os.kill(child.id, signal.SIGCONT)
        assert run.result()[0].fault == "thawed"
