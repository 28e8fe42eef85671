"""The sandbox: same results as without it, and bounded effects of a misbehaving child."""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from PIL import Image
from support import sample_images
from support.heif_images import read_heif
from support.sandboxes import BUDGET, FRAME, LIMITS, READY, process_ids, sandbox

from shared.errors import (
    ImageError,
    NotAnImage,
    RenderInterrupted,
    ResourceLimit,
    SafelightError,
    SandboxUnavailable,
    SideTooLong,
    TimeTooShort,
    TooManyPixels,
    TruncatedImage,
)
from shared.pipeline.facts import FactsRequest, GpsPosition
from shared.pipeline.pipeline import DEFAULT_PIPELINE, OutputFormat, Pipeline
from worker.imaging import RenderResult, render
from worker.sandbox import process
from worker.sandbox.confinement import ALL_MEASURES, LAYERS
from worker.sandbox.pool import RenderFault, Sandbox
from worker.sandbox.protocol import Answer

PICTURE = sample_images.make_jpeg(300, 200)
THREE = Pipeline.model_validate({"outputs": [{"name": name, "format": name} for name in ("png", "jpeg", "webp")]})
#: The layers that the sandbox has on this system.
COMPLETE = tuple(LAYERS) if sys.platform == "linux" else ()
#: For a child that never answers. No other child is quick enough on every machine.
SHORT = replace(BUDGET, cpu_seconds=1, wall_seconds=1)
ANSWER = 'sys.stdin.buffer.read(4)\nframe(b"""{}""", b"x" * {})\nsys.stdin.buffer.read()\n'

#: Reads a whole request. A child that ends before is not to blame for its answer.
READ_ALL = (
    "import json\n(length,) = struct.unpack('>I', sys.stdin.buffer.read(4))\n"
    "for size in json.loads(sys.stdin.buffer.read(length))['sizes']: sys.stdin.buffer.read(size)\n"
)


def child_id(boxed: Sandbox) -> int | None:
    """Return the process ID in a sandbox's only slot."""
    place = boxed._slots.queue[0]
    return place.id if place else None


def honest(pipeline: Pipeline = DEFAULT_PIPELINE) -> RenderResult:
    """Return the result of rendering in this process."""
    return replace(render(PICTURE, pipeline, LIMITS), sandbox=COMPLETE)


@pytest.mark.parametrize("pipeline", [DEFAULT_PIPELINE, THREE])
def test_results_equal_those_of_render(pipeline: Pipeline) -> None:
    """Bytes, facts and warnings, for several images of one child."""
    with sandbox() as boxed:
        first = boxed.render(PICTURE, pipeline, LIMITS)
        child = child_id(boxed)
        assert first == boxed.render(PICTURE, pipeline, LIMITS) == honest(pipeline)
        assert child_id(boxed) == child


def test_large_images_pass_the_pipes() -> None:
    """Megabytes in both directions."""
    noise = sample_images.encode(sample_images.make_noise(1500, 1200), "BMP")
    keep = Pipeline.model_validate({"outputs": [{"name": "a"}, {"name": "b"}]})
    with sandbox() as boxed:
        assert boxed.render(noise, keep, LIMITS) == replace(render(noise, keep, LIMITS), sandbox=COMPLETE)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", NotAnImage),
        (b"x", NotAnImage),
        (b"\x89PNG\r\n\x1a\n and then words", NotAnImage),
        (PICTURE[:1500], TruncatedImage),
        (sample_images.make_png(20_000, 2), SideTooLong),
    ],
)
def test_errors_equal_those_of_render(data: bytes, error: type[ImageError]) -> None:
    """With the same sentence; the child survives."""
    with pytest.raises(error) as told:
        render(data, DEFAULT_PIPELINE, LIMITS)
    with sandbox() as boxed:
        boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
        child = child_id(boxed)
        with pytest.raises(error) as raised:
            boxed.render(data, DEFAULT_PIPELINE, LIMITS)
        assert raised.value.detail == told.value.detail
        assert child_id(boxed) == child


#: Children that never answer.
HANGING = {
    "reads nothing": "signal.pause()",
    "answers nothing": "sys.stdin.buffer.read()",
    "ignores requests to end": "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()",
    "stops within a header": "os.write(1, struct.pack('>I', 100) + b'{')\nsignal.pause()",
}
MISBEHAVIOUR = {
    **{name: (script, RenderInterrupted) for name, script in HANGING.items()},
    "exits": ("sys.stdin.buffer.read(4)\nsys.exit(3)", RenderInterrupted),
    "is killed": ("sys.stdin.buffer.read(4)\nos.kill(os.getpid(), signal.SIGKILL)", RenderInterrupted),
    "crashes": ("sys.stdin.buffer.read(4)\nos.kill(os.getpid(), signal.SIGSEGV)", RenderInterrupted),
    "closes its output and hangs": ("sys.stdin.buffer.read(4)\nos.close(1)\nsignal.pause()", RenderInterrupted),
    "promises a header of 4 GiB": ("os.write(1, b'\\xff' * 4)\nsignal.pause()", ResourceLimit),
    "promises a header of 4 GiB and exits": (READ_ALL + "os.write(1, b'\\xff' * 4)", ResourceLimit),
    "promises 10 TB and exits": (READ_ALL + 'frame(b\'{"fault": "", "sizes": [10000000000000]}\')', ResourceLimit),
    "answers words": (ANSWER.format("words", 0), ResourceLimit),
    "answers a pickle": ("import pickle\n" + ANSWER.format("\\x80\\x05N.", 0), ResourceLimit),
    "answers nothing in JSON": (ANSWER.format("{}", 0), ResourceLimit),
    "answers what was not asked": (ANSWER.format('{"surprise": 1}', 0), ResourceLimit),
    "promises 10 TB": (ANSWER.format('{"sizes": [10000000000000]}', 0), ResourceLimit),
    "promises less than nothing": (ANSWER.format('{"sizes": [-1]}', 0), ResourceLimit),
    "refuses with a code of its own": (
        ANSWER.format(json.dumps({"refusal": {"code": "X", "detail": "x", "cause": ""}}), 0),
        ResourceLimit,
    ),
    "refuses with a code that is not a picture's": (
        ANSWER.format(json.dumps({"refusal": {"code": "FORBIDDEN", "detail": "x", "cause": ""}}), 0),
        ResourceLimit,
    ),
}


@pytest.mark.parametrize(("script", "error"), MISBEHAVIOUR.values(), ids=list(MISBEHAVIOUR))
def test_a_misbehaving_child_fails_one_image(script: str, error: type[SafelightError]) -> None:
    """The image gets a code, and another child replaces it."""
    before = process_ids()
    with sandbox(SHORT if script in HANGING.values() else BUDGET, script=READY + script) as boxed:
        boxed.warm_up()
        (child,) = process_ids() - before
        with pytest.raises(error) as raised:
            boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
        assert raised.value.detail == error.title
        assert child not in process_ids()
        assert child_id(boxed) in process_ids()
    assert process_ids() == before


def test_only_children_that_decode_heic_load_libheif() -> None:
    """The first HEIC image replaces the child. The new one renders other formats too, without naming libheif."""
    with sandbox() as boxed:
        assert "libheif" not in boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS).software
        first = child_id(boxed)
        heic = read_heif("RGB_8__29x100.heif")
        assert boxed.render(heic, DEFAULT_PIPELINE, LIMITS).software == render(heic, DEFAULT_PIPELINE, LIMITS).software
        second = child_id(boxed)
        assert boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS) == honest()
        assert "libheif" in boxed.render(heic, DEFAULT_PIPELINE, LIMITS).software
        assert first != second == child_id(boxed)


def test_a_heic_asset_needs_libheif_too() -> None:
    """Whether the image itself is a HEIC file or not."""
    pipeline = Pipeline.model_validate({"operations": [{"op": "watermark", "image": "mark"}]})
    with sandbox() as boxed:
        assets = {"mark": read_heif("RGB_8__29x100.heif")}
        assert "libheif" in boxed.render(PICTURE, pipeline, LIMITS, assets).software


def forged(rendered: RenderResult) -> str:
    """Return a script that answers with a forged result."""
    answer, parts = Answer.of(rendered)
    return READY + ANSWER.format(answer.model_dump_json().replace("\\", "\\\\"), sum(map(len, parts)))


def test_a_forged_result_is_rejected() -> None:
    """Other outputs, unknown formats, too many warnings."""
    rendered = honest()
    (output, encoded), *_ = rendered.outputs
    strange = replace(encoded, format=OutputFormat.GIF)
    forgeries = [
        honest(THREE),
        replace(rendered, outputs=()),
        replace(rendered, outputs=((output, strange),)),
        replace(rendered, format="../../etc"),
        replace(rendered, warnings=("w",) * 10_000),
        replace(rendered, warnings=("w" * 10_000,)),
        replace(rendered, warnings=("two\nlines",)),
        replace(rendered, width=10**9),
        replace(rendered, height=0),
        replace(rendered, outputs=((output, replace(encoded, width=-1)),)),
    ]
    for forgery in forgeries:
        with sandbox(script=forged(forgery)) as boxed, pytest.raises(ResourceLimit):
            boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)


def test_a_child_can_not_add_facts() -> None:
    """A position that the request does not ask for is dropped, and so are all facts of a job that wants none."""
    rendered = render(PICTURE, DEFAULT_PIPELINE, LIMITS, facts_request=FactsRequest())
    assert rendered.facts
    found = rendered.facts.model_copy(update={"gps": GpsPosition(latitude=52.52, longitude=13.41)})
    script = forged(replace(rendered, facts=found))
    for request, expected in ((FactsRequest(gps=True), found), (FactsRequest(), rendered.facts), (None, None)):
        with sandbox(script=script) as boxed:
            assert boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS, facts=request).facts == expected


def test_a_child_s_error_detail_is_bounded() -> None:
    """A long or multi-line detail is replaced by our own sentence."""
    for detail in ("Traceback:\n  File", "x" * 301):
        script = READY + ANSWER.format(
            json.dumps({"refusal": {"code": "CORRUPT_IMAGE", "detail": detail, "cause": "c"}}).replace("\\", "\\\\"), 0
        )
        with sandbox(script=script) as boxed, pytest.raises(ImageError) as raised:
            boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
        assert raised.value.code == "CORRUPT_IMAGE"
        assert raised.value.detail == raised.value.title


def test_an_internal_error_does_not_fail_the_image() -> None:
    """It is INTERNAL, with the child's traceback for the log only."""
    script = READY + ANSWER.format('{"fault": "KeyError in line 7"}', 0)
    with sandbox(script=script) as boxed, pytest.raises(RenderFault) as raised:
        boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
    assert raised.value.retriable
    assert raised.value.detail == SafelightError.title
    assert raised.value.__notes__ == ["KeyError in line 7"]


@pytest.mark.parametrize("script", ["import sys; sys.exit(1)", "print('hello')", "import nothing_of_this_name"])
def test_a_child_that_never_gets_ready_is_retryable(script: str) -> None:
    """SANDBOX_UNAVAILABLE, and nothing is left behind."""
    before = process_ids()
    with sandbox(script=script) as boxed, pytest.raises(SandboxUnavailable) as raised:
        boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
    assert raised.value.retriable
    assert process_ids() == before


def test_a_missing_interpreter_is_retryable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slot stays usable."""
    with sandbox() as boxed:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "/nowhere/python")
            boxed.warm_up()
            for _ in range(2):
                with pytest.raises(SandboxUnavailable):
                    boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
        assert boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS) == honest()


def test_a_child_that_died_while_idle_is_replaced() -> None:
    """Without failing an image."""
    with sandbox() as boxed:
        boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
        child = child_id(boxed)
        assert child is not None
        os.kill(child, 9)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS) == honest()
        assert child_id(boxed) != child


def test_a_child_is_replaced_after_its_last_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another child continues."""
    monkeypatch.setattr(process, "MAX_RECORDS", 3)
    with sandbox() as boxed:
        used = []
        for _ in range(7):
            place = boxed._slots.queue[0]
            used.append(place.id if place else None)
            boxed.render(sample_images.make_png(8, 8), DEFAULT_PIPELINE, LIMITS)
    assert len(set(used[1:])) == 3


def test_each_child_renders_one_image_at_a_time() -> None:
    """Twelve threads share two children, and each gets its own result."""
    sizes = [(20 + number, 10 + number) for number in range(12)]
    before = process_ids()
    with sandbox(children=2) as boxed, ThreadPoolExecutor(12) as threads:
        made = threads.map(lambda size: boxed.render(sample_images.make_jpeg(*size), DEFAULT_PIPELINE, LIMITS), sizes)
        assert [(each.width, each.height) for each in made] == sizes
        assert len(process_ids() - before) == 2


def test_nothing_starts_after_start_by() -> None:
    """Whether or not a child is free."""
    with sandbox(script=READY + "signal.pause()") as boxed:
        with pytest.raises(TimeTooShort):
            boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS, start_by=time.monotonic())
        boxed.warm_up()
        child = boxed._slots.queue[0]
        assert child is not None
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(boxed.render, PICTURE, DEFAULT_PIPELINE, LIMITS)
            while boxed._slots.qsize() or child.ready is None:
                assert not slow.done()
            with pytest.raises(TimeTooShort):
                boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS, start_by=time.monotonic() + 0.01)
            assert not slow.done()
            os.kill(child.id, 9)
            assert isinstance(slow.exception(), RenderInterrupted)


def test_the_pixel_limit_can_exceed_pillow_s() -> None:
    """Above Pillow's own 179 megapixels."""
    side = 13_600
    picture = sample_images.encode(Image.new("1", (side, side)), "PNG")
    crop = Pipeline.model_validate({"operations": [{"op": "crop", "width": 10, "height": 10}]})
    with sandbox(replace(BUDGET, memory_bytes=2 * 1024**3)) as boxed:
        made = boxed.render(picture, crop, replace(LIMITS, max_pixels=side * side))
        assert (made.width, made.height) == (side, side)
        with pytest.raises(TooManyPixels):
            boxed.render(picture, crop, replace(LIMITS, max_pixels=side * side - 1))


def test_missing_measures_are_reported_once_for_each_child() -> None:
    """And are in the result. A strict sandbox renders nothing."""
    missing = frozenset(LAYERS["system_calls"])
    applied = json.dumps(sorted(ALL_MEASURES - missing))
    answer, parts = Answer.of(render(PICTURE, DEFAULT_PIPELINE, LIMITS))
    data = answer.head() + b"".join(parts)
    script = (
        FRAME
        + f"frame(b'{{\"confined\": {applied}}}')\n"
        + "while prefix := sys.stdin.buffer.read(4):\n"
        + "    request = sys.stdin.buffer.read(*struct.unpack('>I', prefix))\n"
        + "    import json\n"
        + "    sys.stdin.buffer.read(sum(json.loads(request)['sizes']))\n"
        + f"    os.write(1, bytes.fromhex('{data.hex()}'))\n"
    )
    reports: list[frozenset[str]] = []
    with sandbox(script=script, report_missing=reports.append) as boxed:
        for _ in range(2):
            assert boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS).sandbox == ("limits", "namespaces")
        assert reports == [missing]
    with sandbox(script=script, is_strict=True) as boxed, pytest.raises(SandboxUnavailable):
        boxed.render(PICTURE, DEFAULT_PIPELINE, LIMITS)
