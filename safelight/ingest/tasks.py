"""The tasks of a run. Each class sends one kind of request and records the result in the checkpoint.

``call`` runs in any thread and uses only data of its task. ``record`` and ``record_failure`` run in the engine's
thread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import Any, ClassVar

from safelight.client import Safelight
from safelight.errors import ApiError, ClientError, LocalFileError
from safelight.ingest import transfer
from safelight.ingest.checkpoint import batches, files
from safelight.ingest.checkpoint.batches import Chunk, OpenBatch
from safelight.ingest.checkpoint.files import FileRow
from safelight.ingest.inspection import FileError
from safelight.ingest.polling import PageRequest
from safelight.ingest.state import RunState
from safelight.models import AddedMembers, MemberPage, Output

#: What is missing if the API refuses to confirm an upload, by error code.
_MISSING = {"UPLOAD_INCOMPLETE": "bytes", "JOB_NOT_FOUND": "job"}


@dataclass(slots=True, kw_only=True)
class Task:
    """One exchange with the API or S3."""

    #: Maximum number of tries, or None for no limit. A try that failed because the server was unavailable does not
    #: count.
    max_tries: ClassVar[int | None] = None

    state: RunState
    tries: int = 0

    @property
    def key(self) -> str | None:
        """Return a key, or None. Two tasks with the same key never run at the same time."""
        return None

    def call(self, client: Safelight) -> Any:  # noqa: ANN401 - the argument of ``record``
        """Send the request, without retries, and return its result. Raises ClientError if it fails."""
        raise NotImplementedError

    def record(self, value: Any, now: float) -> None:  # noqa: ANN401 - the result of ``call``
        """Record the result of :meth:`call`. ``now`` is from the monotonic clock."""

    def record_failure(self, error: ClientError) -> bool:  # noqa: ARG002 - for subclasses
        """Record a permanent error. Return False if it must stop the ingest."""
        return False


@dataclass(slots=True, kw_only=True)
class CreateBatch(Task):
    """Create an empty batch."""

    batch: OpenBatch

    @property
    def key(self) -> str:
        """Return one key for all changes of the open batch."""
        return "batch"

    def call(self, client: Safelight) -> AddedMembers:
        """Create the batch with a fixed Idempotency-Key."""
        options = self.state.options
        key = f"ingest-{self.state.checkpoint_id}-b{self.batch.number}"
        return client.batches.create(name=options.name, options=options.options, idempotency_key=key)

    def record(self, value: AddedMembers, now: float) -> None:  # noqa: ARG002 - see Task
        """Record the ID."""
        batches.set_batch_id(self.state.checkpoint, self.batch, value.batch.id)


@dataclass(slots=True, kw_only=True)
class AddMembers(Task):
    """Create the jobs of a chunk."""

    chunk: Chunk
    batch_id: str

    @property
    def key(self) -> str:
        """Return one key per chunk."""
        return f"chunk {self.chunk.number}"

    def call(self, client: Safelight) -> AddedMembers:
        """Send the chunk with a fixed Idempotency-Key."""
        key = f"ingest-{self.state.checkpoint_id}-c{self.chunk.number}"
        return client.batches.add_body(self.batch_id, self.chunk.body, idempotency_key=key)

    def record(self, value: AddedMembers, now: float) -> None:  # noqa: ARG002 - see Task
        """Record jobs and forms."""
        batches.record_chunk_response(self.state.checkpoint, self.chunk, value, self.state.clock())

    def record_failure(self, error: ClientError) -> bool:
        """Start over if the batch is gone."""
        return _record_batch_gone(self.state, self.chunk.batch, error)


@dataclass(slots=True, kw_only=True)
class CloseBatch(Task):
    """Close a batch."""

    batch: OpenBatch
    batch_id: str

    @property
    def key(self) -> str:
        """Return one key for all changes of the open batch."""
        return "batch"

    def call(self, client: Safelight) -> object:
        """Close the batch. Idempotent."""
        return client.batches.close(self.batch_id)

    def record(self, value: object, now: float) -> None:  # noqa: ARG002 - see Task
        """Record that the batch is closed."""
        batches.mark_batch_closed(self.state.checkpoint, self.batch)

    def record_failure(self, error: ClientError) -> bool:
        """Start over if the batch is gone."""
        return _record_batch_gone(self.state, self.batch.number, error)


@dataclass(slots=True, kw_only=True)
class PollMembers(Task):
    """Request one page of a batch's jobs."""

    KEY: ClassVar[str] = "poll"

    request: PageRequest

    @property
    def key(self) -> str:
        """Return one key for all pages, because each depends on the one before."""
        return self.KEY

    def call(self, client: Safelight) -> MemberPage:
        """Return the page, with links if results are downloaded."""
        links = self.state.options.out is not None
        request = self.request
        return client.batches.page(request.batch_id, after=request.after, links=links, limit=request.limit)

    def record(self, value: MemberPage, now: float) -> None:
        """Record the statuses."""
        state = self.state
        lost = state.poller.record_page(state.checkpoint, self.request, value, now, state.clock())
        if not state.unconfirmed:
            state.unconfirmed.extend(lost)

    def record_failure(self, error: ClientError) -> bool:
        """Start over if the batch is gone."""
        return _record_batch_gone(self.state, self.request.batch, error)


@dataclass(slots=True, kw_only=True)
class ConfirmUpload(Task):
    """Confirm the upload of a job. Its S3 event seems to be lost, or the job itself."""

    job: str
    max_tries: ClassVar[int | None] = 3

    def call(self, client: Safelight) -> str | None:
        """Confirm the upload. Return what is missing: ``bytes`` (the file), ``job``, or None if nothing is missing."""
        try:
            client.uploads.confirm(self.job)
        except ApiError as error:
            if error.code in _MISSING:
                return _MISSING[error.code]
            raise
        return None

    def record(self, value: str | None, now: float) -> None:  # noqa: ARG002 - see Task
        """Record that the upload is confirmed, that the file must be uploaded again, or that the job is missing."""
        if value is None:
            files.mark_confirmed(self.state.checkpoint, self.job, self.state.clock())
        elif value == "bytes":
            files.mark_unsent(self.state.checkpoint, self.job)
        elif value == "job":
            files.mark_job_gone(self.state.checkpoint, self.job)

    def record_failure(self, error: ClientError) -> bool:  # noqa: ARG002 - see Task
        """Ignore the error. The next page shows the job again."""
        return True


@dataclass(slots=True, kw_only=True)
class UploadFile(Task):
    """Upload a file."""

    row: FileRow
    max_tries: ClassVar[int | None] = 6

    def call(self, client: Safelight) -> bool:
        """Upload the file. Return False if its job no longer waits for the file."""
        return transfer.upload_file(client, self.row)

    def record(self, value: bool, now: float) -> None:  # noqa: ARG002 - see Task
        """Record that the file is uploaded."""
        if value:
            self.state.sent_files += 1
            self.state.sent_bytes += self.row.size or 0
        files.mark_sent(self.state.checkpoint, self.row.number, self.row.job, self.state.clock())
        self.state.uploads.release(self.row)

    def record_failure(self, error: ClientError) -> bool:
        """Record why the file can't be uploaded."""
        if not _concerns_only_the_file(error):
            return False
        files.mark_refused(self.state.checkpoint, FileError(self.row.number, error.code, str(error)))
        self.state.uploads.release(self.row)
        return True


@dataclass(slots=True, kw_only=True)
class DownloadResults(Task):
    """Download the results of a file."""

    row: FileRow
    outputs: Sequence[Output]
    paths: Mapping[str, str]
    out: Path
    max_tries: ClassVar[int | None] = 6

    def call(self, client: Safelight) -> list[str]:
        """Download the results and return their paths."""
        return transfer.download_results(client, self.row, self.outputs, self.paths, self.out)

    def record(self, value: list[str], now: float) -> None:  # noqa: ARG002 - see Task
        """Record the paths."""
        files.mark_saved(self.state.checkpoint, self.row.number, value)
        self.state.downloads.release(self.row)

    def record_failure(self, error: ClientError) -> bool:
        """Record why the results can't be downloaded. A full disk stops the ingest."""
        if not _concerns_only_the_file(error):
            return False
        self.state.downloads.release(self.row)
        if error.code == "JOB_NOT_FOUND":
            files.mark_refused(self.state.checkpoint, FileError(self.row.number, "JOB_GONE", files.JOB_GONE))
        else:
            files.mark_unsaved(self.state.checkpoint, FileError(self.row.number, error.code, str(error)))
        return True


def _record_batch_gone(state: RunState, batch: int, error: ClientError) -> bool:
    """If the API no longer has the batch, move its open files to another batch and return True."""
    if not isinstance(error, ApiError) or error.code != "BATCH_NOT_FOUND":
        return False
    batches.mark_batch_gone(state.checkpoint, batch)
    state.uploads.clear()
    return True


def _concerns_only_the_file(error: ClientError) -> bool:
    """Return True if the error affects only one file, so that other files can succeed."""
    if isinstance(error, LocalFileError):
        cause = error.__cause__
        return not (isinstance(cause, OSError) and cause.errno in {ENOSPC, EDQUOT, EROFS})
    return not (isinstance(error, ApiError) and error.status in {401, 403})
