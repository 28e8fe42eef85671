"""What is to be done next: new members before looks, results before bytes, and no more than is good at a time."""

from safelight.ingest.checkpoint import batches, chunks, files
from safelight.ingest.checkpoint.chunks import MEMBERS
from safelight.ingest.checkpoint.files import FileRow
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.state import Desk
from safelight.ingest.tasks import AddMembers, CloseBatch, Confirm, LookAtMembers, MakeBatch, Save, Send, Task


def next_task(desk: Desk, now: float) -> Task | None:
    """Return what is most urgent, None if nothing can be begun at this moment."""
    for choose in (_next_of_batch, _next_look, _next_save, _next_send):
        task = choose(desk, now)
        if task is not None:
            if task.name is not None:
                desk.busy.add(task.name)
            return task
    return None


def to_prepare(desk: Desk, limit: int) -> list[FileRow]:
    """Return files to look at, so that there are always bytes to send but no form waits long for them.

    ``limit`` is the number of requests that may be under way.
    """
    checkpoint = desk.checkpoint
    batch = batches.current(checkpoint)
    if batch is None:
        if files.any_in(checkpoint, State.FOUND):
            batches.open_new(checkpoint)
        return []
    ahead = MEMBERS + 4 * limit
    waiting = sum(files.count(checkpoint, state, ahead) for state in (State.CHUNKED, State.MEMBER))
    if waiting >= ahead:
        return []
    rows = files.waiting(checkpoint, State.FOUND, held=(), most=MEMBERS)
    return rows if len(rows) == MEMBERS or desk.scanned else []


def is_over(desk: Desk) -> bool:
    """Tell whether nothing is left to be begun, now or later."""
    if not desk.scanned or desk.preparing or desk.unconfirmed or desk.busy:
        return False
    left = [State.FOUND, State.CHUNKED, State.MEMBER, State.SENT, State.TWIN]
    if desk.order.out is not None:
        left.append(State.COMPLETED)
    return not files.any_in(desk.checkpoint, *left) and batches.current(desk.checkpoint) is None


def _next_of_batch(desk: Desk, _now: float) -> Task | None:
    batch = batches.current(desk.checkpoint)
    if batch is None or "batch" in desk.busy:
        return None
    if batch.id is None:
        return MakeBatch(desk=desk, batch=batch, checkpoint_id=desk.checkpoint.id)
    for chunk in chunks.unanswered(desk.checkpoint):
        task = AddMembers(desk=desk, chunk=chunk, batch_id=batch.id, checkpoint_id=desk.checkpoint.id)
        if task.name not in desk.busy:
            return task
    if desk.scanned and not desk.preparing and not files.any_in(desk.checkpoint, State.FOUND, State.CHUNKED):
        return CloseBatch(desk=desk, batch=batch, batch_id=batch.id)
    return None


def _next_look(desk: Desk, now: float) -> Task | None:
    if desk.unconfirmed:
        return Confirm(desk=desk, job=desk.unconfirmed.popleft())
    look = None if "look" in desk.busy else desk.watch.next_look(desk.checkpoint, now)
    return None if look is None else LookAtMembers(desk=desk, look=look)


def _next_save(desk: Desk, _now: float) -> Task | None:
    out = desk.order.out
    row = None if out is None else desk.saves.take(desk.checkpoint)
    if out is None or row is None:
        return None
    outputs = files.read_outputs(row)
    return Save(desk=desk, row=row, outputs=outputs, places=files.places(desk.checkpoint, row, outputs), out=out)


def _next_send(desk: Desk, _now: float) -> Task | None:
    # What an earlier run has sent without having written it down shows in the first look.
    row = None if desk.watch.first_round else desk.sends.take(desk.checkpoint)
    return None if row is None else Send(desk=desk, row=row)
