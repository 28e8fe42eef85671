"""The client for asyncio."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from safelight import AsyncSafelight, Safelight
from safelight.errors import ApiError, WaitedTooLong

T = TypeVar("T")
API_URL = "http://api.test/v1"


@pytest.fixture
def run(api: Any) -> Callable[[Callable[[AsyncSafelight], Awaitable[T]]], T]:
    """Return a function that runs a coroutine function with a client of the fake API."""

    def start(program: Callable[[AsyncSafelight], Awaitable[T]]) -> T:
        async def main() -> T:
            async with AsyncSafelight(API_URL, transport=httpx.MockTransport(api)) as client:
                return await program(client)

        return asyncio.run(main())

    return start


def test_image_is_submitted_awaited_and_downloaded(run: Any, api: Any, image_file: Path, tmp_path: Path) -> None:
    """The three methods of the shortest program."""

    async def program(client: AsyncSafelight) -> Path:
        job = await client.submit(image_file, width=300)
        job = await client.wait(job.id)
        assert job.succeeded
        return await client.download(job.id, tmp_path / "result.png")

    assert run(program).read_bytes().startswith(b"pixels of ")
    assert api.requests[0].url.params["width"] == "300"


def test_requests_of_tasks_overlap(run: Any) -> None:
    """The API answers only when two requests have arrived."""
    arrived: list[int] = []
    both = asyncio.Event()

    async def program(client: AsyncSafelight) -> list[str]:
        loop = asyncio.get_running_loop()
        plain = client.sync.submit

        def submit(*arguments: Any, **keywords: Any) -> Any:
            arrived.append(1)
            if len(arrived) == 2:
                loop.call_soon_threadsafe(both.set)
            asyncio.run_coroutine_threadsafe(both.wait(), loop).result()
            return plain(*arguments, **keywords)

        client.sync.submit = submit  # type: ignore[method-assign]
        jobs = await asyncio.gather(client.submit(b"a"), client.submit(b"b"))
        return sorted(job.id for job in jobs)

    assert run(program) == ["JOB00000", "JOB00001"]


def test_jobs_are_listed(run: Any) -> None:
    """Several pages, and a limit."""

    async def program(client: AsyncSafelight) -> list[str]:
        for _ in range(5):
            await client.submit(b"image")
        return [job.id async for job in client.list_jobs(limit=3)]

    assert len(run(program)) == 3


def test_errors_are_those_of_the_client(run: Any) -> None:
    """An unknown job, and a wait that is too short."""

    async def ask(client: AsyncSafelight) -> None:
        await client.status("MISSING")

    async def wait(client: AsyncSafelight) -> None:
        job = await client.submit(b"image")
        await client.wait(job.id, timeout=0)

    with pytest.raises(ApiError, match="does not exist"):
        run(ask)
    with pytest.raises(WaitedTooLong):
        run(wait)


def test_other_methods_run_in_a_thread(run: Any) -> None:
    """``run`` and ``iterate`` reach what has no method of its own."""

    async def program(client: AsyncSafelight) -> list[Any]:
        return [each async for each in client.iterate(await client.run(client.sync.dead_letters))]

    assert run(program) == []


def test_methods_have_the_arguments_of_the_client() -> None:
    """A program can be changed from one to the other with `await`."""
    own = {name for name in vars(AsyncSafelight) if not name.startswith("_")} - {"run", "iterate", "close"}
    assert {"submit", "wait", "download", "list_jobs", "plan"} <= own
    for name in own:
        here, there = (inspect.signature(getattr(each, name)) for each in (AsyncSafelight, Safelight))
        assert here.parameters == there.parameters, name
