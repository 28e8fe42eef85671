"""Mutants: copies of our code with one guarantee removed, which the runs must catch.

A mutant is made from the source of a function. If the text to replace is missing, creating it fails, so it cannot
become outdated unnoticed.
"""

import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any, cast

import pytest

import worker.app
import worker.dead_letters
import worker.image_processor
import worker.reconciler
from api.batches.members import MemberCreation
from api.jobs.submission import JobSubmission, find_created
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.source_store import SourceStore
from shared.jobs import object_keys


@dataclass(frozen=True, slots=True)
class Mutant:
    """One function with one text replaced."""

    name: str
    function: Callable[..., Any]
    text: str
    instead: str
    #: A run that has caught the mutant, with which the search begins. After a change of the simulator, others follow.
    first_seed: int = 0

    def seeds(self, count: int) -> Iterator[int]:
        """Yield the seeds of so many runs, from the first one on."""
        return ((self.first_seed + number) % count for number in range(count))

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Replace the real function wherever it is imported."""
        function = cast("FunctionType", self.function)
        real = function.__code__
        function.__code__ = self._code()
        try:
            yield
        finally:
            function.__code__ = real

    def _code(self) -> CodeType:
        function = cast("FunctionType", self.function)
        source = textwrap.dedent(inspect.getsource(function))
        if source.count(self.text) != 1:
            msg = f"{self.name}: {self.text!r} is {source.count(self.text)} times in {function.__qualname__}"
            raise ValueError(msg)
        made: dict[str, Any] = {}
        exec(source.replace(self.text, self.instead), function.__globals__, made)  # noqa: S102 - our own code, broken
        return cast("FunctionType", made[function.__name__]).__code__


def parametrize(mutants: Iterable[Mutant]) -> pytest.MarkDecorator:
    """Return a mark that runs a test with each mutant, in ``make test-all`` only."""
    params = [pytest.param(each, id=each.name, marks=pytest.mark.thorough) for each in mutants]
    return pytest.mark.parametrize("mutant", params)


MUTANTS = (
    Mutant("attempt not compared on commit", JobTable.commit, "#Attempt = :attempt", "#Attempt >= :attempt"),
    Mutant(
        "message acknowledged before the write",
        worker.app.JobConsumer.process_record,
        "result = self._get_processor(",
        "queue = self.queues[record.event_source_arn.rsplit(':', 1)[-1]];"
        " queue._client.delete_message(QueueUrl=queue.url, ReceiptHandle=record.receipt_handle);"
        " result = self._get_processor(",
    ),
    Mutant(
        "message acknowledged though the service failed",
        worker.app.JobConsumer.process_record,
        "self._postpone(record, error)\n        raise",
        "self._postpone(record, error)\n        return Outcome.SKIPPED",
    ),
    Mutant(
        "message sent before the record",
        JobSubmission.submit,
        "job = self.jobs.create(job)",
        "self.queues.notify_worker(job); job = self.jobs.create(job)",
    ),
    Mutant(
        "record before the raw image",
        JobSubmission.submit,
        "self.images.put_raw(",
        "self.jobs.create(job); self.images.put_raw(",
    ),
    Mutant(
        "reconciler dropped", worker.reconciler.Reconciler.reconcile, "try:", "return RecoveryStep.NOTHING\n    try:"
    ),
    Mutant("one output key for all attempts", object_keys.processed_key, "{attempt}/", ""),
    Mutant("lease not compared on claim", JobTable.claim, "#LeaseUntil < :now", "#LeaseUntil <> :now"),
    Mutant(
        "dead letter dropped",
        worker.dead_letters.DeadLetters.handle_dead_letter,
        "if not self.jobs.compare_and_swap(job, decision.job):",
        "if False:",
        first_seed=239,
    ),
    Mutant(
        "service's fault taken for the picture's",
        worker.image_processor.ImageProcessor._attempt,
        "except ImageError as error",
        "except (ImageError, ServiceError) as error",
        first_seed=24,
    ),
    Mutant(
        "member counted outside of the transaction that moves it",
        JobTable._replace,
        'transact(self._client, [{"Update": update}, *counts])',
        "self._client.update_item(**update); transact(self._client, counts)",
    ),
    Mutant(
        "members made outside of the transaction that counts them",
        BatchTable.append,
        "transact(self._client, writes)",
        "transact(self._client, writes[: len(chunk)]); transact(self._client, writes[len(chunk) :])",
    ),
    Mutant(
        "import looked at anew by the second try of a request",
        find_created,
        "if not reservation.is_repeat:",
        "if True:",
        first_seed=1502,
    ),
    Mutant(
        "members made anew by the second try of a request",
        MemberCreation.add,
        "if is_repeat else {}",
        "if None else {}",
        first_seed=1417,
    ),
    Mutant("whatever lies there is copied", SourceStore._copy, "CopySourceIfMatch=source.etag,", ""),
    Mutant(
        "copied anew by every attempt",
        worker.image_processor.ImageProcessor._fetch,
        "return self._read(job, max_bytes)\n    except",
        "job.source is None or self.sources.copy(job.source, job.raw.key);"
        " return self._read(job, max_bytes)\n    except",
        first_seed=101,
    ),
    Mutant(
        "record refers to the upload that a form can replace",
        worker.image_processor.ImageProcessor._pin,
        "if data is None",
        "if True or data is None",
    ),
    Mutant("one copy of an upload for all attempts", object_keys.pinned_key, "{attempt}", "1"),
    Mutant(
        "upload deleted though its job was cancelled and may be retried",
        worker.image_processor._is_unused,
        "refusal.job.raw.key != upload.key",
        "refusal.job.status.is_terminal",
        first_seed=3644,
    ),
    Mutant(
        "uploads expired without looking for their bytes",
        worker.reconciler.Reconciler.reconcile,
        "self.images.get_size(job.raw.key) if is_awaiting else None",
        "None",
    ),
    Mutant(
        "completed before it is stored",
        worker.image_processor.ImageProcessor._store,
        "self.images.put_processed(processed, encoded.data)",
        "",
    ),
)
