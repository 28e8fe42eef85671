"""The sandbox: ``render`` as in ``worker.imaging``, in a pool of child processes.

It is safe for threads: each takes a child for itself, and waits while all are taken.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Final

from shared.errors import ImageError, ResourceLimit, SafelightError, SandboxUnavailable, TimeTooShort, error_classes
from shared.formats import ACCEPTED
from shared.pipeline import Pipeline
from worker.imaging import Limits, Rendered
from worker.imaging.render import NO_ASSETS
from worker.sandbox.budget import Budget
from worker.sandbox.process import Child
from worker.sandbox.protocol import Answer, Refusal, Request, filled

MAX_DETAIL: Final = 300
MAX_WARNINGS: Final = 20
_REFUSALS: Final = {error.code: error for error in error_classes(ImageError)}


class RenderFault(SafelightError):
    """A fault of ours in the child: the record comes back, and the log has the child's traceback."""


class Sandbox:
    """A fixed number of places, each with a child or none yet."""

    def __init__(self, budget: Budget, *, children: int, environment: Mapping[str, str]) -> None:
        """Make the places; no process is started before ``warm_up`` or the first picture.

        ``environment`` is what a child needs to run Python here, such as LD_LIBRARY_PATH, and nothing else.
        """
        self._budget = budget
        self._environment = environment
        # The child that worked last is taken first: the others' memory may stay untouched.
        self._places: LifoQueue[Child | None] = LifoQueue()
        for _ in range(children):
            self._places.put(None)

    def warm_up(self) -> None:
        """Start one child and don't wait for it: it imports Pillow while the caller makes its clients.

        Where the system refuses, the first picture will say so.
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
        died: these cost the child and no other picture. TimeTooShort says that no child was free until
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
                return _accept(answer, outputs, pipeline)
            except ResourceLimit:
                # Its memory is in pieces, or it was not itself any more.
                child.close()
                raise

    def close(self) -> None:
        """End all children. Nobody may be rendering."""
        for _ in range(self._places.qsize()):
            if (child := self._places.get()) is not None:
                child.close()
            self._places.put(None)

    @contextmanager
    def _child(self, start_by: float | None) -> Iterator[Child]:
        """Lend a child; afterwards its place holds it again, or its successor."""
        timeout = None if start_by is None else max(0.0, start_by - time.monotonic())
        try:
            place = self._places.get(timeout=timeout)
        except Empty as error:
            raise TimeTooShort(retry_after_seconds=1) from error
        try:
            place = self._living(place)
            yield place
        finally:
            self._places.put(self._living_or_none(place))

    def _living(self, child: Child | None) -> Child:
        """Return the child if it can go on, or a new one in its place."""
        if child is not None and child.healthy:
            return child
        if child is not None:
            child.close()
        return self._start()

    def _living_or_none(self, child: Child | None) -> Child | None:
        """Replace a child at once, so that the next picture need not wait for the imports."""
        try:
            return None if child is None else self._living(child)
        except SandboxUnavailable:
            return None

    def _start(self) -> Child:
        return Child(self._budget, self._environment)


def _accept(answer: Answer, outputs: list[bytes], pipeline: Pipeline) -> Rendered:
    """Return what a child made, or raise what it says; an answer to another question is its end."""
    if answer.fault is not None:
        fault = RenderFault()
        fault.add_note(answer.fault)
        raise fault
    if answer.refusal is not None:
        raise _error(answer.refusal)
    rendered = answer.rendered
    if rendered is None or len(outputs) != len(pipeline.outputs) or not _is_plausible(rendered, pipeline):
        raise ResourceLimit
    return filled(rendered, outputs)


def _error(refusal: Refusal) -> ImageError:
    """Return the error of a code; of what is none of ours no word is passed on."""
    error = _REFUSALS.get(refusal.code)
    if error is None:
        return ResourceLimit()
    detail = refusal.detail
    return error(detail if detail.isprintable() and len(detail) <= MAX_DETAIL else None)


def _is_plausible(rendered: Rendered, pipeline: Pipeline) -> bool:
    """Tell whether facts fit the question, and are small enough to be kept in a record."""
    return (
        tuple(output for output, _ in rendered.outputs) == pipeline.outputs
        and all(encoded.image_format in ACCEPTED for _, encoded in rendered.outputs)
        and rendered.format in {image_format.name for image_format in ACCEPTED}
        and len(rendered.warnings) <= MAX_WARNINGS
        and all(len(warning) <= MAX_DETAIL and warning.isprintable() for warning in rendered.warnings)
    )
