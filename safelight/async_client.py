"""A client for programs that use asyncio: each request runs in a thread, and waiting for jobs uses none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, Unpack

from safelight.client import Safelight
from safelight.connection import MAX_CONNECTIONS, Option
from safelight.job_options import JobOptions
from safelight.local_images import Image
from safelight.models import Deletion, Health, Job, Link, Plan, ReceiptResponse
from safelight.transport.timing import SYSTEM_TIMING, Pauses

_P = ParamSpec("_P")
_T = TypeVar("_T")
#: What ends an iteration in a thread. StopIteration can't leave a coroutine.
_END = object()


class AsyncSafelight:
    """A client of one Safelight API for asyncio. Use it in an ``async with`` statement, or close it.

    The methods have the arguments, results and errors of :class:`safelight.client.Safelight`. If a task is cancelled,
    the request that is being sent ends in its thread, and its response is discarded.
    """

    def __init__(self, api_url: str | None = None, **settings: Any) -> None:  # noqa: ANN401 - those of Safelight
        """Prepare a client without connecting. The arguments are those of ``Safelight``."""
        #: The client that sends the requests. ``run`` calls its other methods, such as ``sync.batches.create``.
        self.sync = Safelight(api_url, **settings)
        self._threads = ThreadPoolExecutor(MAX_CONNECTIONS, "safelight")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Requests of other tasks fail."""
        self.sync.close()
        await asyncio.to_thread(self._threads.shutdown)

    async def run(self, method: Callable[_P, _T], /, *arguments: _P.args, **keywords: _P.kwargs) -> _T:
        """Call a method of ``sync`` in a thread: ``await client.run(client.sync.presets.get, "web")``."""
        call = partial(method, *arguments, **keywords)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    async def iterate(self, entries: Iterator[_T]) -> AsyncIterator[_T]:
        """Yield the entries of an iterator of ``sync``, such as ``client.sync.batches.list()``."""
        while True:
            entry = await self.run(partial(next, entries, _END))
            if entry is _END:
                return
            yield entry

    async def submit(  # noqa: PLR0913 - all but the first are optional
        self,
        image: Image | None = None,
        *,
        source: str | None = None,
        filename: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        wait: int | None = None,
        idempotency_key: str | None = None,
        **shorthand: Unpack[JobOptions],
    ) -> Job:
        """Create a job for one image and return it."""
        return await self.run(
            self.sync.submit,
            image,
            source=source,
            filename=filename,
            pipeline=pipeline,
            preset=preset,
            options=options,
            wait=wait,
            idempotency_key=idempotency_key,
            **shorthand,
        )

    async def status(self, job_id: str) -> Job:
        """Return a job in its current state."""
        return await self.run(self.sync.status, job_id)

    async def wait(self, job_id: str, timeout: float | None = None) -> Job:  # noqa: ASYNC109 - as in Safelight.wait
        """Wait until a job has ended and return it, whether it has completed or not.

        ``timeout`` is in seconds. With None, there is no limit. Raises WaitedTooLong if the job has not ended in time.
        """
        pauses = Pauses(timeout, SYSTEM_TIMING)
        while True:
            job, retry_after = await self.run(self.sync.poll, job_id)
            if job.done:
                return job
            await asyncio.sleep(pauses.next_after(job, retry_after))

    async def result_link(self, job_id: str, output: str | None = None) -> Link:
        """Return a time-limited link to an output, by default the first output."""
        return await self.run(self.sync.result_link, job_id, output)

    async def download(
        self, job_id: str, to_path: str | Path, output: str | None = None, *, check_size: bool = True
    ) -> Path:
        """Download an output to ``to_path`` and return this path."""
        return await self.run(self.sync.download, job_id, to_path, output, check_size=check_size)

    async def download_raw(self, job_id: str, to_path: str | Path, *, check_size: bool = True) -> Path:
        """Download the raw image to ``to_path`` and return this path."""
        return await self.run(self.sync.download_raw, job_id, to_path, check_size=check_size)

    async def receipt(self, job_id: str) -> ReceiptResponse:
        """Return the receipt of a completed job."""
        return await self.run(self.sync.receipt, job_id)

    async def list_jobs(  # noqa: PLR0913 - one argument per filter
        self,
        *,
        status: str | None = None,
        filename: str | None = None,
        batch: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Job]:
        """Yield at most ``limit`` jobs, newest first. Pages are requested when they are needed."""
        jobs = self.sync.list_jobs(status=status, filename=filename, batch=batch, since=since, until=until, limit=limit)
        async for job in self.iterate(jobs):
            yield job

    async def cancel(self, job_id: str) -> Job:
        """Cancel an open job and return it."""
        return await self.run(self.sync.cancel, job_id)

    async def retry(
        self, job_id: str, *, pipeline: Mapping[str, Any] | None = None, options: Mapping[str, Option] | None = None
    ) -> Job:
        """Retry a failed or cancelled job, optionally with another pipeline or options, and return it."""
        return await self.run(self.sync.retry, job_id, pipeline=pipeline, options=options)

    async def delete(self, job_id: str) -> Deletion:
        """Delete a job with its raw image and processed images, and return what was deleted."""
        return await self.run(self.sync.delete, job_id)

    async def plan(
        self,
        image: Image,
        *,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        **shorthand: Unpack[JobOptions],
    ) -> Plan:
        """Return what a job would do with an image, without creating it."""
        return await self.run(self.sync.plan, image, pipeline=pipeline, preset=preset, options=options, **shorthand)

    async def health(self) -> Health:
        """Return the API's health. Raises ApiError if the API is unhealthy."""
        return await self.run(self.sync.health)
