"""What threads do for a run, one class each: the exchange, and what its end means for the checkpoint.

``call`` runs in any thread and touches nothing but its own task; ``note`` and ``refuse`` run in the loop's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import Any, ClassVar

from safelight.client import Safelight
from safelight.errors import ApiError, ClientError, LocalFileError
from safelight.ingest import transfer
from safelight.ingest.checkpoint import batches, chunks, files
from safelight.ingest.checkpoint.batches import OpenBatch
from safelight.ingest.checkpoint.chunks import Chunk
from safelight.ingest.checkpoint.files import FileRow
from safelight.ingest.inspection import Refusal
from safelight.ingest.polling import Look
from safelight.ingest.state import Desk
from safelight.models import Added, MemberPage, Output

#: What a confirmation that is refused says of a job, by code.
_MISSING = {"UPLOAD_INCOMPLETE": "bytes", "JOB_NOT_FOUND": "job"}


@dataclass(slots=True, kw_only=True)
class Task:
    """One exchange with the other side."""

    #: How often it is tried where it was not the server that was away; None: as long as the run's patience.
    most_tries: ClassVar[int | None] = None

    desk: Desk
    tries: int = 0

    @property
    def name(self) -> str | None:
        """Return what there is one of at a time, None where there may be many."""
        return None

    def call(self, client: Safelight) -> Any:  # noqa: ANN401 - what ``note`` takes
        """Do it, once. Raises ClientError."""
        raise NotImplementedError

    def note(self, value: Any, now: float) -> None:  # noqa: ANN401 - what ``call`` returned
        """Write down what came of it. ``now`` is that of the monotonic clock."""

    def refuse(self, error: ClientError) -> bool:  # noqa: ARG002 - of those that can
        """Write down that it can't be done, if that is the fault of one file; tell whether it is."""
        return False


@dataclass(slots=True, kw_only=True)
class MakeBatch(Task):
    """Make a batch without members."""

    batch: OpenBatch
    checkpoint_id: str

    @property
    def name(self) -> str:
        """There is one batch at a time."""
        return "batch"

    def call(self, client: Safelight) -> Added:
        """Ask for it under a key that is always the same."""
        order = self.desk.order
        return batches.make(client, self.checkpoint_id, self.batch, order.name, order.options)

    def note(self, value: Added, now: float) -> None:  # noqa: ARG002 - see Task
        """Keep what it is called."""
        batches.note_id(self.desk.checkpoint, self.batch, value.batch.id)


@dataclass(slots=True, kw_only=True)
class AddMembers(Task):
    """Make the members of a chunk."""

    chunk: Chunk
    batch_id: str
    checkpoint_id: str

    @property
    def name(self) -> str:
        """Each chunk is sent by one thread."""
        return f"chunk {self.chunk.number}"

    def call(self, client: Safelight) -> Added:
        """Ask for them under a key that is always the same."""
        return batches.add(client, self.checkpoint_id, self.batch_id, self.chunk)

    def note(self, value: Added, now: float) -> None:  # noqa: ARG002 - see Task
        """Keep their jobs and forms."""
        chunks.answered(self.desk.checkpoint, self.chunk, value, self.desk.clock())

    def refuse(self, error: ClientError) -> bool:
        """Begin anew where the batch is gone."""
        return _begins_anew(self.desk, self.chunk.batch, error)


@dataclass(slots=True, kw_only=True)
class CloseBatch(Task):
    """Let a batch take no more members."""

    batch: OpenBatch
    batch_id: str

    @property
    def name(self) -> str:
        """There is one batch at a time."""
        return "batch"

    def call(self, client: Safelight) -> object:
        """Close it; twice is once."""
        return client.batches.close(self.batch_id)

    def note(self, value: object, now: float) -> None:  # noqa: ARG002 - see Task
        """Keep that it is closed."""
        batches.note_closed(self.desk.checkpoint, self.batch)

    def refuse(self, error: ClientError) -> bool:
        """Begin anew where the batch is gone."""
        return _begins_anew(self.desk, self.batch.number, error)


@dataclass(slots=True, kw_only=True)
class LookAtMembers(Task):
    """Look how jobs have ended."""

    look: Look

    @property
    def name(self) -> str:
        """Where to look next depends on what was seen."""
        return "look"

    def call(self, client: Safelight) -> MemberPage:
        """Ask for a page, with links where results are wanted."""
        links = self.desk.order.out is not None
        look = self.look
        return client.batches.page(look.batch_id, after=look.after, links=links, limit=look.limit)

    def note(self, value: MemberPage, now: float) -> None:
        """Keep the ends."""
        lost = self.desk.watch.saw(self.desk.checkpoint, self.look, value, now, self.desk.clock())
        if not self.desk.unconfirmed:
            self.desk.unconfirmed.extend(lost)

    def refuse(self, error: ClientError) -> bool:
        """Begin anew where the batch is gone."""
        return _begins_anew(self.desk, self.look.batch, error)


@dataclass(slots=True, kw_only=True)
class Confirm(Task):
    """Tell the API that bytes are there, where the store's own message, or the job, seems to be lost."""

    job: str
    most_tries: ClassVar[int | None] = 3

    def call(self, client: Safelight) -> str | None:
        """Return what is missing: ``bytes``, the ``job``, or nothing."""
        try:
            client.uploads.confirm(self.job)
        except ApiError as error:
            if error.code in _MISSING:
                return _MISSING[error.code]
            raise
        return None

    def note(self, value: str | None, now: float) -> None:  # noqa: ARG002 - see Task
        """Have bytes that are not there sent again; let a job go that is not there."""
        if value is None:
            files.note_confirmed(self.desk.checkpoint, self.job, self.desk.clock())
        elif value == "bytes":
            files.note_unsent(self.desk.checkpoint, self.job)
        elif value == "job":
            files.note_gone(self.desk.checkpoint, self.job)

    def refuse(self, error: ClientError) -> bool:  # noqa: ARG002 - see Task
        """Leave it to the next look."""
        return True


@dataclass(slots=True, kw_only=True)
class Send(Task):
    """Send a file's bytes."""

    row: FileRow
    most_tries: ClassVar[int | None] = 6

    def call(self, client: Safelight) -> None:
        """Send them, with a fresh form where it takes one."""
        transfer.send_bytes(client, self.row)

    def note(self, value: None, now: float) -> None:  # noqa: ARG002 - see Task
        """Keep that they are there."""
        files.note_sent(self.desk.checkpoint, self.row.number, self.row.job, self.desk.clock())
        self.desk.sends.drop(self.row)

    def refuse(self, error: ClientError) -> bool:
        """Keep why they can't be sent."""
        if not _is_of_the_file(error):
            return False
        files.refuse(self.desk.checkpoint, Refusal(self.row.number, error.code, str(error)))
        self.desk.sends.drop(self.row)
        return True


@dataclass(slots=True, kw_only=True)
class Save(Task):
    """Fetch the results of a file."""

    row: FileRow
    outputs: Sequence[Output]
    places: Mapping[str, str]
    out: Path
    most_tries: ClassVar[int | None] = 6

    def call(self, client: Safelight) -> list[str]:
        """Write them to their places."""
        return transfer.fetch_results(client, self.row, self.outputs, self.places, self.out)

    def note(self, value: list[str], now: float) -> None:  # noqa: ARG002 - see Task
        """Keep where they are."""
        files.note_saved(self.desk.checkpoint, self.row.number, value)
        self.desk.saves.drop(self.row)

    def refuse(self, error: ClientError) -> bool:
        """Keep why they can't be fetched; a full disk is not the fault of a file."""
        if not _is_of_the_file(error):
            return False
        self.desk.saves.drop(self.row)
        if error.code == "JOB_NOT_FOUND":
            files.refuse(self.desk.checkpoint, Refusal(self.row.number, "JOB_GONE", files.GONE))
            return True
        files.note_unsaved(self.desk.checkpoint, Refusal(self.row.number, error.code, str(error)))
        return True


def _begins_anew(desk: Desk, batch: int, error: ClientError) -> bool:
    """Let the files of a batch that the API knows no more begin again; tell whether that is the error."""
    if not isinstance(error, ApiError) or error.code != "BATCH_NOT_FOUND":
        return False
    batches.note_gone(desk.checkpoint, batch)
    desk.sends.clear()
    return True


def _is_of_the_file(error: ClientError) -> bool:
    """Tell whether another file may fare better."""
    if isinstance(error, LocalFileError):
        cause = error.__cause__
        return not (isinstance(cause, OSError) and cause.errno in {ENOSPC, EDQUOT, EROFS})
    return not (isinstance(error, ApiError) and error.status in {401, 403})
