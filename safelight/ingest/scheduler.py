"""The order of tasks: first changes of batches, then polling, then downloads, then uploads."""

from safelight.ingest.checkpoint import batches, files
from safelight.ingest.checkpoint.batches import CHUNK_SIZE
from safelight.ingest.checkpoint.files import FileRow
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.state import RunState
from safelight.ingest.tasks import (
    AddMembers,
    CloseBatch,
    ConfirmUpload,
    CreateBatch,
    DownloadResults,
    PollMembers,
    Task,
    UploadFile,
)

#: Each request of a run adds this many times the members of the one before, up to ``CHUNK_SIZE``.
_CHUNK_GROWTH = 4


def next_task(state: RunState, now: float) -> Task | None:
    """Return the most urgent task and mark its key as busy. Return None if nothing can start now."""
    for choose in (_next_batch_change, _next_poll, _next_download, _next_upload):
        task = choose(state, now)
        if task is not None:
            if task.key is not None:
                state.busy.add(task.key)
            return task
    return None


def next_files_to_inspect(state: RunState, concurrency: int) -> list[FileRow]:
    """Return the next files to inspect.

    Few files are inspected in advance, so that their upload forms do not expire. The first requests of a run have few
    members, so that uploads start early.
    """
    checkpoint = state.checkpoint
    if batches.get_open_batch(checkpoint) is None:
        if files.has_any(checkpoint, State.FOUND):
            batches.open_batch(checkpoint)
        return []
    limit = CHUNK_SIZE + 4 * concurrency
    inspected = sum(files.count_files(checkpoint, each, limit) for each in (State.CHUNKED, State.MEMBER))
    if inspected >= limit:
        return []
    rows = files.list_files(checkpoint, State.FOUND, excluded=(), limit=state.chunk_size)
    if len(rows) < state.chunk_size and not state.scanned:
        return []
    state.chunk_size = min(CHUNK_SIZE, _CHUNK_GROWTH * state.chunk_size)
    return rows


def is_finished(state: RunState) -> bool:
    """Return True if no task can start now or later."""
    if not state.scanned or state.inspecting or state.unconfirmed or state.busy:
        return False
    open_states = [State.FOUND, State.CHUNKED, State.MEMBER, State.SENT, State.DUPLICATE]
    if state.options.out is not None:
        open_states.append(State.COMPLETED)
    return not files.has_any(state.checkpoint, *open_states) and batches.get_open_batch(state.checkpoint) is None


def _next_batch_change(state: RunState, _now: float) -> Task | None:
    batch = batches.get_open_batch(state.checkpoint)
    if batch is None or "batch" in state.busy:
        return None
    chunks = batches.list_pending_chunks(state.checkpoint)
    if chunks and batch.id is None:
        return CreateBatch(state=state, batch=batch)
    for chunk in chunks:
        task = AddMembers(state=state, chunk=chunk, batch_id=batch.id or "")
        if task.key not in state.busy:
            return task
    if not state.scanned or state.inspecting or files.has_any(state.checkpoint, State.FOUND, State.CHUNKED):
        return None
    if batch.id is not None:
        return CloseBatch(state=state, batch=batch, batch_id=batch.id)
    # No file could be read, so the API has no batch.
    batches.mark_batch_closed(state.checkpoint, batch)
    return None


def _next_poll(state: RunState, now: float) -> Task | None:
    if state.unconfirmed:
        return ConfirmUpload(state=state, job=state.unconfirmed.popleft())
    if PollMembers.KEY in state.busy:
        return None
    request = state.poller.next_page(state.checkpoint, now)
    return None if request is None else PollMembers(state=state, request=request)


def _next_download(state: RunState, _now: float) -> Task | None:
    out = state.options.out
    row = None if out is None else state.downloads.take(state.checkpoint)
    if out is None or row is None:
        return None
    outputs = files.read_outputs(row)
    paths = files.claim_output_paths(state.checkpoint, row, outputs)
    return DownloadResults(state=state, row=row, outputs=outputs, paths=paths, out=out)


def _next_upload(state: RunState, _now: float) -> Task | None:
    # The first round of polling shows which files an earlier run has uploaded without recording this.
    row = None if state.poller.first_round else state.uploads.take(state.checkpoint)
    return None if row is None else UploadFile(state=state, row=row)
