"""The sandbox, which runs ``worker.imaging.render`` in a pool of child processes.

It is thread-safe: each call uses one child, and waits while all children are in use.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import Empty, LifoQueue
from typing import Final

from shared.errors import ImageError, ResourceLimit, SafelightError, SandboxUnavailable, TimeTooShort, error_classes
from shared.pipeline.facts import FactsRequest, ImageFacts
from shared.pipeline.image_formats import INPUT_FORMATS
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, RenderResult
from worker.imaging.heif import needs_heif
from worker.imaging.render import NO_ASSETS
from worker.imaging.software import LIBHEIF
from worker.sandbox.budget import Budget
from worker.sandbox.confinement import ALL_MEASURES, list_complete_layers
from worker.sandbox.process import PROGRAM, Child
from worker.sandbox.protocol import Answer, Ready, Refusal, Request, fill_outputs

#: Receives the names of the measures that a new child could not apply.
ReportMissing = Callable[[frozenset[str]], None]

MAX_DETAIL: Final = 300
MAX_WARNINGS: Final = 20
#: Pixels; no input format supports more.
MAX_SIDE: Final = 65_535
_REFUSALS: Final = {kind.code: kind for kind in error_classes(ImageError) if issubclass(kind, ImageError)}


class RenderFault(SafelightError):
    """An internal error in the child. The job is tried again, and the log contains the child's traceback."""


class Sandbox:
    """A fixed number of slots. A slot holds one child or is empty."""

    def __init__(  # noqa: PLR0913 - what a sandbox consists of
        self,
        budget: Budget,
        *,
        children: int,
        environment: Mapping[str, str],
        program: Sequence[str] = PROGRAM,
        report_missing: ReportMissing = lambda _: None,
        is_strict: bool = False,
    ) -> None:
        """Create empty slots. ``warm_up`` or the first image starts a child process.

        ``environment`` contains only the variables that a child needs to run Python, such as LD_LIBRARY_PATH.
        ``program`` contains the arguments of the interpreter. ``report_missing`` is called once for each child that
        could not apply all measures. If the sandbox is strict, such a child renders no image.
        """
        self._budget = budget
        self._report_missing = report_missing
        self._is_strict = is_strict
        self._program = program
        self._environment = environment
        # Children inherit the priority of the thread that starts them, so a thread with normal priority starts them.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        self._starter.submit(int).result()
        # Last in, first out: with little work, the same child is used again and the others start later or never.
        self._slots: LifoQueue[Child | None] = LifoQueue()
        for _ in range(children):
            self._slots.put(None)

    def warm_up(self) -> None:
        """Start one child and return immediately. The child imports Pillow while the caller creates AWS clients.

        If the system cannot start a process, no error is raised here. The first call to ``render`` raises it.
        """
        slot = self._slots.get()
        try:
            slot = slot or self._start()
        except SandboxUnavailable:
            return
        finally:
            self._slots.put(slot)

    def render(  # noqa: PLR0913 - what render takes, and when to start and end
        self,
        data: bytes,
        pipeline: Pipeline,
        limits: Limits,
        assets: Mapping[str, bytes] = NO_ASSETS,
        facts: FactsRequest | None = None,
        *,
        start_by: float | None = None,
        end_by: float | None = None,
    ) -> RenderResult:
        """Render one image in a child.

        Raises the same errors as ``worker.imaging.render``. In addition, raises TimedOut if the child uses too much
        CPU time and ResourceLimit if it sends an invalid answer; other images are not affected. Raises TimeTooShort if
        no child is free before ``start_by`` (``time.monotonic``), RenderInterrupted if the child ends without an
        answer or has none at ``end_by``, SandboxUnavailable if no child can be started, and RenderFault if the child
        has an internal error.
        """
        request = Request(
            pipeline=pipeline,
            limits=limits,
            assets=tuple(assets),
            facts=facts,
            answer_bytes=self._budget.answer_bytes,
            sizes=(len(data), *map(len, assets.values())),
        )
        heif = needs_heif(data, assets)
        with self._child(start_by, heif=heif) as child:
            ready = self._prepare(child)
            answer, outputs = child.run(request, [data, *assets.values()], end_by=end_by)
            try:
                rendered = _check_answer(answer, outputs, pipeline)
            except ResourceLimit:
                # The memory of the child may be fragmented, or an image may have compromised the child.
                child.close()
                raise
            software = {name: version for name, version in ready.software.items() if heif or name != LIBHEIF}
            layers = list_complete_layers(ready.confined)
            return replace(rendered, software=software, sandbox=layers, facts=_limit_facts(rendered.facts, facts))

    def close(self) -> None:
        """Kill all children. No call to ``render`` may be running."""
        for slot in [self._slots.get() for _ in range(self._slots.qsize())]:
            if slot is not None:
                slot.close()
            self._slots.put(None)

    @contextmanager
    def _child(self, start_by: float | None, *, heif: bool) -> Iterator[Child]:
        """Yield a healthy child from a slot. Afterwards, put it back, or put a new child in its place.

        If the child cannot decode HEIC and must (``heif``), replace it first.
        """
        slot = self._take(start_by)
        try:
            slot = self._get_healthy(slot, heif=heif)
            yield slot
        finally:
            self._slots.put(self._replace_if_unhealthy(slot))

    def _prepare(self, child: Child) -> Ready:
        """Wait until the child is ready. Report the measures that a new child could not apply.

        Raises SandboxUnavailable if there are any and the sandbox is strict.
        """
        is_new = child.ready is None
        ready = child.wait_until_ready()
        missing = ALL_MEASURES.difference(ready.confined)
        if missing and is_new:
            self._report_missing(missing)
        if missing and self._is_strict:
            child.close()
            raise SandboxUnavailable
        return ready

    def _take(self, start_by: float | None) -> Child | None:
        if start_by is None:
            return self._slots.get()
        rest = start_by - time.monotonic()
        # After ``start_by``, do not start even if a child is free.
        if rest > 0:
            with suppress(Empty):
                return self._slots.get(timeout=rest)
        raise TimeTooShort(retry_after_seconds=1)

    def _get_healthy(self, child: Child | None, *, heif: bool = False) -> Child:
        """Return the child if it is healthy and can decode HEIC or need not, otherwise a new one."""
        if child is not None and child.healthy and (child.has_heif or not heif):
            return child
        if child is not None:
            child.close()
        return self._start(heif=heif)

    def _replace_if_unhealthy(self, child: Child | None) -> Child | None:
        """Replace an unhealthy child immediately, so that the next image does not wait for its imports."""
        try:
            return None if child is None else self._get_healthy(child)
        except SandboxUnavailable:
            return None

    def _start(self, *, heif: bool = False) -> Child:
        return self._starter.submit(Child, self._budget, self._environment, self._program, heif=heif).result()


def _check_answer(answer: Answer, outputs: list[bytes], pipeline: Pipeline) -> RenderResult:
    """Return what the child has rendered, or raise the error that the child reports.

    Raises ResourceLimit if the answer does not match the request.
    """
    if answer.fault is not None:
        fault = RenderFault()
        fault.add_note(answer.fault)
        raise fault
    if answer.refusal is not None:
        raise _restore_error(answer.refusal)
    rendered = answer.rendered
    if rendered is None or len(outputs) != len(rendered.outputs) or not _is_plausible(rendered, pipeline):
        raise ResourceLimit
    return fill_outputs(rendered, outputs)


def _limit_facts(facts: ImageFacts | None, request: FactsRequest | None) -> ImageFacts | None:
    """Return the facts without those that were not requested. A child that was compromised could send them."""
    if facts is None or request is None:
        return None
    return facts if request.gps else facts.model_copy(update={"gps": None})


def _restore_error(refusal: Refusal) -> ImageError:
    """Return the error for the code of a refusal. For an unknown code, return ResourceLimit without any text."""
    kind = _REFUSALS.get(refusal.code)
    if kind is None:
        return ResourceLimit()
    detail = refusal.detail
    error = kind(detail if detail.isprintable() and len(detail) <= MAX_DETAIL else None)
    error.add_note(refusal.cause)
    return error


def _is_plausible(rendered: RenderResult, pipeline: Pipeline) -> bool:
    """Return True if the outputs match the pipeline, and sides and warnings are within their limits."""
    sides = [rendered.width, rendered.height, rendered.full_width]
    for _, encoded in rendered.outputs:
        sides += [encoded.width, encoded.height]
    return (
        all(1 <= side <= MAX_SIDE for side in sides)
        and tuple(output for output, _ in rendered.outputs) == pipeline.expand_outputs(rendered.full_width).outputs
        and all(encoded.format is output.format for output, encoded in rendered.outputs)
        and rendered.format in {image_format.name for image_format in INPUT_FORMATS}
        and len(rendered.warnings) <= MAX_WARNINGS
        and all(len(warning) <= MAX_DETAIL and warning.isprintable() for warning in rendered.warnings)
    )
