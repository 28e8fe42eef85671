"""The sandbox: ``render`` as in ``worker.imaging``, in a pool of child processes.

It is safe for threads: each takes a child for itself, and waits while all are taken.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from queue import Empty, LifoQueue
from typing import Final

from shared.errors import ImageError, ResourceLimit, SafelightError, SandboxUnavailable, TimeTooShort, error_classes
from shared.pipeline.image_formats import INPUT_FORMATS
from shared.pipeline.pipeline import Pipeline
from worker.imaging import Limits, Rendered
from worker.imaging.render import NO_ASSETS
from worker.sandbox.budget import Budget
from worker.sandbox.process import PROGRAM, Child
from worker.sandbox.protocol import Answer, Refusal, Request, fill_outputs

MAX_DETAIL: Final = 300
MAX_WARNINGS: Final = 20
#: Pixels; no format that is accepted can say more.
MAX_SIDE: Final = 65_535
_REFUSALS: Final = {kind.code: kind for kind in error_classes(ImageError) if issubclass(kind, ImageError)}


class RenderFault(SafelightError):
    """A fault of ours in the child: the record comes back, and the log has the child's traceback."""


class Sandbox:
    """A fixed number of places, each with a child or none yet."""

    def __init__(
        self,
        budget: Budget,
        *,
        children: int,
        environment: Mapping[str, str],
        program: Sequence[str] = PROGRAM,
    ) -> None:
        """Make the places; no process is started before ``warm_up`` or the first image.

        ``environment`` is what a child needs to run Python here, such as LD_LIBRARY_PATH, and nothing else.
        ``assemble_filter`` is what each runs, as arguments of the interpreter.
        """
        self._budget = budget
        self._program = program
        self._environment = environment
        # Children inherit the priority of the thread that starts them, and outlive the delivery that lowered its own.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="sandbox")
        self._starter.submit(int).result()
        # The child that worked last is taken first: the others' memory may stay untouched.
        self._places: LifoQueue[Child | None] = LifoQueue()
        for _ in range(children):
            self._places.put(None)

    def warm_up(self) -> None:
        """Start one child and don't wait for it: it imports Pillow while the caller makes its clients.

        Where the system refuses, the first image will say so.
        """
        place = self._places.get()
        try:
            place = place or self._start()
        except SandboxUnavailable:
            return
        finally:
            self._places.put(place)

    def render(
        self,
        data: bytes,
        pipeline: Pipeline,
        limits: Limits,
        assets: Mapping[str, bytes] = NO_ASSETS,
        *,
        start_by: float | None = None,
    ) -> Rendered:
        """Decode, run the operations, encode each output, in a child.

        Raises what ``worker.imaging.render`` raises, and TimedOut or ResourceLimit when the child overran or
        died: these cost the child and no other image. TimeTooShort says that no child was free until
        ``start_by`` (monotonic, seconds), SandboxUnavailable that none could be started.
        """
        request = Request(
            pipeline=pipeline,
            limits=limits,
            assets=tuple(assets),
            answer_bytes=self._budget.answer_bytes,
            sizes=(len(data), *map(len, assets.values())),
        )
        with self._child(start_by) as child:
            answer, outputs = child.run(request, [data, *assets.values()])
            try:
                rendered = _check_answer(answer, outputs, pipeline)
            except ResourceLimit:
                # Its memory is in pieces, or it was not itself any more.
                child.close()
                raise
            return replace(rendered, software=child.ready.software if child.ready is not None else {})

    def close(self) -> None:
        """End all children. Nobody may be rendering."""
        for place in [self._places.get() for _ in range(self._places.qsize())]:
            if place is not None:
                place.close()
            self._places.put(None)

    @contextmanager
    def _child(self, start_by: float | None) -> Iterator[Child]:
        """Lend a child; afterwards its place holds it again, or its successor."""
        place = self._take(start_by)
        try:
            place = self._living(place)
            yield place
        finally:
            self._places.put(self._living_or_none(place))

    def _take(self, start_by: float | None) -> Child | None:
        if start_by is None:
            return self._places.get()
        rest = start_by - time.monotonic()
        # Even if a child is free: it is too late to use it.
        if rest > 0:
            with suppress(Empty):
                return self._places.get(timeout=rest)
        raise TimeTooShort(retry_after_seconds=1)

    def _living(self, child: Child | None) -> Child:
        """Return the child if it can go on, or a new one in its place."""
        if child is not None and child.healthy:
            return child
        if child is not None:
            child.close()
        return self._start()

    def _living_or_none(self, child: Child | None) -> Child | None:
        """Replace a child at once, so that the next image need not wait for the imports."""
        try:
            return None if child is None else self._living(child)
        except SandboxUnavailable:
            return None

    def _start(self) -> Child:
        return self._starter.submit(Child, self._budget, self._environment, self._program).result()


def _check_answer(answer: Answer, outputs: list[bytes], pipeline: Pipeline) -> Rendered:
    """Return what a child made, or raise what it says; an answer to another question is its end."""
    if answer.fault is not None:
        fault = RenderFault()
        fault.add_note(answer.fault)
        raise fault
    if answer.refusal is not None:
        raise _restore_error(answer.refusal)
    rendered = answer.rendered
    if rendered is None or len(outputs) != len(pipeline.outputs) or not _is_plausible(rendered, pipeline):
        raise ResourceLimit
    return fill_outputs(rendered, outputs)


def _restore_error(refusal: Refusal) -> ImageError:
    """Return the error of a code; of what is none of ours no word is passed on."""
    kind = _REFUSALS.get(refusal.code)
    if kind is None:
        return ResourceLimit()
    detail = refusal.detail
    error = kind(detail if detail.isprintable() and len(detail) <= MAX_DETAIL else None)
    error.add_note(refusal.cause)
    return error


def _is_plausible(rendered: Rendered, pipeline: Pipeline) -> bool:
    """Tell whether facts fit the question, and are small enough to be kept in a record."""
    sides = [rendered.width, rendered.height]
    for _, encoded in rendered.outputs:
        sides += [encoded.width, encoded.height]
    return (
        tuple(output for output, _ in rendered.outputs) == pipeline.outputs
        and all(encoded.format is output.format for output, encoded in rendered.outputs)
        and rendered.format in {image_format.name for image_format in INPUT_FORMATS}
        and all(1 <= side <= MAX_SIDE for side in sides)
        and len(rendered.warnings) <= MAX_WARNINGS
        and all(len(warning) <= MAX_DETAIL and warning.isprintable() for warning in rendered.warnings)
    )
