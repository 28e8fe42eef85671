"""The client: one object that knows where the API is, and a method for each thing one asks of it."""

import base64
import copy
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx

from safelight.address import check_api_url
from safelight.batches import Batches
from safelight.downloads import fetch
from safelight.errors import ApiError, WaitedTooLong
from safelight.models import (
    DeadLetter,
    DeadLetterPage,
    Deletion,
    Health,
    Job,
    JobPage,
    Link,
    Plan,
    ReceiptAnswer,
    Redriven,
    WebhookSecret,
)
from safelight.presets_and_assets import Assets, Presets, path_part
from safelight.transport import responses
from safelight.transport.error_translation import translated
from safelight.transport.polling import wait_until_done
from safelight.transport.retries import with_retries
from safelight.transport.timing import REAL, Timing
from safelight.upload_source import Upload, prepare
from safelight.uploads import DirectUploads

if TYPE_CHECKING:
    from safelight.ingest.progress import Tally

#: Jobs asked for at once when listing.
PAGE_SIZE = 100
#: How much of a file is sent to plan for it; the second where the first does not reach the header.
HEAD_BYTES = (128 * 1024, 700 * 1024)
#: Images of this size and more go straight to the store; the API takes little more, docs/bulk.md.
DIRECT_BYTES = 4_000_000
#: What a request may take beyond the wait that it asks for.
_ANSWER_MARGIN_SECONDS = 10.0

Option = str | int | bool
_T = TypeVar("_T")


class Safelight:
    """A client of one Safelight API. It may be shared by threads; close it, or use it in a ``with``.

    Every method raises :class:`safelight.errors.ClientError`; what may pass is tried again before that.
    """

    def __init__(  # noqa: PLR0913 - each has a default that serves
        self,
        api_url: str,
        *,
        timeout: float = 30.0,
        retries: int = 4,
        transport: httpx.BaseTransport | None = None,
        auth: httpx.Auth | None = None,
        timing: Timing = REAL,
    ) -> None:
        """Prepare the client; nothing is sent yet.

        ``api_url`` ends in ``/v1``. ``timeout`` is in seconds and holds for each step of a request:
        connecting, sending a piece, receiving a piece. ``retries`` is how often a request is repeated.
        ``auth`` signs requests to the API, never those to a link. Raises AddressUnknown.
        """
        self.api_url = check_api_url(api_url)
        self._timeout = timeout
        self._retries = retries
        self._timing = timing
        headers = {"User-Agent": "safelight-client"}
        # Threads that share the client keep their connections.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
        self._api = httpx.Client(transport=transport, auth=auth, timeout=timeout, headers=headers, limits=limits)
        # Links lead to a store that must not see the API's credentials.
        self._links = httpx.Client(transport=transport, timeout=timeout, headers=headers, limits=limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def once(self) -> Self:
        """Return a client on the same connections that tries everything once; closing either closes both."""
        other = copy.copy(self)
        other._retries = 0  # noqa: SLF001 - it is one of us
        return other

    def close(self) -> None:
        """Close the connections; a request that another thread has under way fails."""
        self._api.close()
        self._links.close()

    def submit(  # noqa: PLR0913 - each has a default that serves
        self,
        picture: str | Path | bytes | None = None,
        *,
        source: str | None = None,
        filename: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        wait: int | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Send one image and return its job, usually still PENDING.

        ``picture`` is a path, read piece by piece, or bytes; ``source``, in its place, is ``s3://bucket/key`` of an
        object that the server copies. ``pipeline`` says what is to be done,
        ``preset`` names it, ``options`` is the short form (``width``, ``height``, ``fit``, ``enlarge``, ``grayscale``,
        ``format``, ``quality``). ``wait`` asks the API to answer only when the job is done, or after so
        many seconds. Lost answers are asked for again under the same ``idempotency_key``, which makes no second
        job; without one of the caller's own, each call has a new one. What is too large for the API goes straight to
        the store, see :attr:`uploads`. Raises TypeError unless exactly one of ``picture`` and ``source`` is given.
        """
        key = idempotency_key or str(uuid.uuid4())
        if picture is None or source is not None:
            if picture is not None or source is None:
                raise TypeError("give picture or source")
            given = {"filename": filename, "pipeline": pipeline, "preset": preset}
            asked = {**(options or {}), **{name: each for name, each in given.items() if each is not None}}
            return self._import({**asked, "source": source}, _wishes(key, wait), wait or 0)
        upload = prepare(picture, filename)
        if upload.size() >= DIRECT_BYTES:
            job = self.uploads.send_new(upload, pipeline=pipeline, preset=preset, options=options, idempotency_key=key)
            return job if wait is None else self._waited(job, wait)
        query: dict[str, Option] = dict(options or {})
        if upload.filename is not None:
            query["filename"] = upload.filename
        if pipeline is not None:
            query["pipeline"] = json.dumps(pipeline, separators=(",", ":"))
        if preset is not None:
            query["preset"] = preset
        headers = {"Content-Type": "application/octet-stream", **_wishes(key, wait)}
        send = partial(self._send_upload, upload, self._url("jobs", query), headers, wait or 0)
        return responses.read(self._retried(send, repeatable=True), Job)

    def status(self, job_id: str) -> Job:
        """Return the job as it stands."""
        return self._look(job_id)[0]

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Return the job once it is done, however it ended.

        ``timeout`` is in seconds, None for ever. Raises WaitedTooLong.
        """
        return wait_until_done(partial(self._look, job_id), timeout=timeout, timing=self._timing)

    def result_link(self, job_id: str, output: str | None = None) -> Link:
        """Return a time-limited link to a processed image: the first, or the output of that name."""
        return self._retried(partial(self._link, job_id, output), repeatable=True)

    def download(self, job_id: str, to_path: str | Path, output: str | None = None, *, as_found: bool = False) -> Path:
        """Write a processed image to ``to_path``, which is replaced, and return that path.

        The file appears when it is whole. Each try takes a fresh link. With ``as_found`` it may have another size than
        the job's record says, as after somebody has changed it. Raises LocalFileError too.
        """
        path = Path(to_path)
        self._retried(lambda: fetch(_loose(self._link(job_id, output), as_found), path, self._links), repeatable=True)
        return path

    def download_raw(self, job_id: str, to_path: str | Path, *, as_found: bool = False) -> Path:
        """Write the image as it was sent to ``to_path``, as :meth:`download` does."""
        path = Path(to_path)
        self._retried(lambda: fetch(_loose(self._raw_link(job_id), as_found), path, self._links), repeatable=True)
        return path

    def receipt(self, job_id: str) -> ReceiptAnswer:
        """Return what a completed job was made of and by what."""
        return responses.read(self._get(f"jobs/{path_part(job_id)}/receipt"), ReceiptAnswer)

    def fetch(self, link: Link, to_path: str | Path, *, digest: str | None = None, part: str | None = None) -> Path:
        """Write what a link points at to ``to_path``, once, and return that path.

        ``digest`` is the expected SHA-256 in hexadecimal; ``part`` as in :func:`safelight.downloads.fetch`. Raises
        DownloadFailed, LocalFileError too.
        """
        path = Path(to_path)
        fetch(link, path, self._links, digest=digest, part=part)
        return path

    def ingest(  # noqa: PLR0913 - each has a default that serves
        self,
        *sources: str | Path,
        checkpoint: str | Path,
        out: str | Path | None = None,
        manifests: Sequence[str | Path] = (),
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        name: str | None = None,
        concurrency: int | None = None,
        report: "Callable[[Tally], None] | None" = None,
    ) -> "Tally":
        """Send any number of images and wait for their results; return how many fared how.

        ``sources`` and ``manifests`` are those of ``safelight ingest``. ``checkpoint`` is a file that knows how far it
        is: the same call goes on where an earlier one stopped, however that ended. ``report`` is told the counts now
        and then. Raises IngestStopped when the API refuses or stays away.
        """
        from safelight.ingest.function import ingest  # noqa: PLC0415 - few need it

        asked = {"pipeline": pipeline, "preset": preset}
        order_options = {**(options or {}), **{key: each for key, each in asked.items() if each is not None}}
        return ingest(
            self,
            [str(each) for each in sources],
            Path(checkpoint),
            out=None if out is None else Path(out),
            manifests=[Path(each) for each in manifests],
            options=order_options,
            name=name,
            concurrency=concurrency,
            report=report,
        )

    def list_jobs(
        self,
        *,
        status: str | None = None,
        batch: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Yield jobs, newest first, page after page as they are consumed; ``limit`` is the most in all."""
        left = limit
        cursor: str | None = None
        while left is None or left > 0:
            size = PAGE_SIZE if left is None else min(left, PAGE_SIZE)
            page = self._page({"status": status, "batch": batch, "limit": size, "cursor": cursor})
            yield from page.jobs[:left]
            cursor = page.next_cursor
            if cursor is None:
                return
            left = None if left is None else left - len(page.jobs)

    def cancel(self, job_id: str) -> Job:
        """End a job that has not ended, and return it."""
        return responses.read(self._post(f"jobs/{path_part(job_id)}/cancel"), Job)

    def retry(
        self,
        job_id: str,
        *,
        pipeline: Mapping[str, Any] | None = None,
        options: Mapping[str, Option] | None = None,
    ) -> Job:
        """Begin a failed or cancelled job again, as before or with another pipeline or options; return it."""
        asked = {**(options or {}), **({"pipeline": pipeline} if pipeline is not None else {})}
        return responses.read(self._post(f"jobs/{path_part(job_id)}/retry", asked), Job)

    def delete(self, job_id: str) -> Deletion:
        """Erase a job, its raw image and all that was made of it; links to those are dead from then on.

        Returns what went. Asked again, the API says the same for 30 days.
        """
        return responses.read(self._call("DELETE", f"jobs/{path_part(job_id)}", repeatable=True), Deletion)

    def dead_letters(self, *, reason: str | None = None, limit: int | None = None) -> Iterator[DeadLetter]:
        """Yield dead letters, page after page as they are consumed; for operators."""
        left = limit
        cursor: str | None = None
        while left is None or left > 0:
            query = {"reason": reason, "limit": PAGE_SIZE if left is None else min(left, PAGE_SIZE), "cursor": cursor}
            response = self._get("dead-letters", {key: each for key, each in query.items() if each is not None})
            page = responses.read(response, DeadLetterPage)
            yield from page.dead_letters[:left]
            cursor = page.next_cursor
            if cursor is None:
                return
            left = None if left is None else left - len(page.dead_letters)

    def redrive(self, *, job_id: str | None = None, reason: str | None = None, force: bool = False) -> Redriven:
        """Begin dead letters again: one job, those of one reason, or all; for operators.

        Asks as often as it takes to go through them, and returns what became of them together.
        """
        wanted: dict[str, Any] = {"id": job_id} if job_id else {"reason": reason} if reason else {"all": True}
        total = Redriven()
        cursor: str | None = None
        while True:
            asked = {**wanted, "force": force, **({"cursor": cursor} if cursor else {})}
            total = total.joined(responses.read(self._post("dead-letters/redrive", asked), Redriven))
            cursor = total.next_cursor
            if cursor is None:
                return total

    def turn_webhook(self, name: str, url: str) -> str:
        """Create a webhook of that name, or lead the one that is there to ``url``; return its new secret."""
        body = json.dumps({"url": url}).encode()
        headers = {"Content-Type": "application/json"}
        place = f"webhooks/{path_part(name)}"
        kept = self._send("PUT", self._url(place, {}), headers=headers, content=body)
        made = responses.read(kept, WebhookSecret)
        return made.secret or responses.read(self._send("POST", self._url(f"{place}/secret", {})), WebhookSecret).secret

    def plan(
        self,
        picture: str | Path | bytes,
        *,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
    ) -> Plan:
        """Return what a job would do with an image. Only the beginning of the file is sent, and nothing is kept.

        ``pipeline``, ``preset`` and ``options`` are those of :meth:`submit`. A header that begins late in its file
        costs a second request. Formats whose header the API can't read (TIFF, AVIF) end in ApiError.
        """
        upload = prepare(picture)
        asked = {"pipeline": pipeline, "preset": preset, "options": options or None}
        facts: dict[str, Any] = {name: each for name, each in asked.items() if each is not None}
        facts["size"] = upload.size()
        headers = {"Content-Type": "application/json"}
        for length in HEAD_BYTES:
            head = base64.b64encode(upload.head(length)).decode()
            body = json.dumps(facts | {"head": head}).encode()
            try:
                answer = self._call("POST", "plan", headers=headers, content=partial(bytes, body), repeatable=True)
            except ApiError as error:
                beyond = any(each.pointer == "/head" for each in error.pointers) and facts["size"] > length
                if not beyond or length == HEAD_BYTES[-1]:
                    raise
            else:
                break
        return responses.read(answer, Plan)

    def health(self) -> Health:
        """Return what the API says of itself. Raises ApiError when it is not well."""
        return responses.read(self._get("health"), Health)

    @property
    def uploads(self) -> DirectUploads:
        """Images that go straight to the store."""
        return DirectUploads(self._call, self._links, self._retried)

    @property
    def batches(self) -> Batches:
        """Groups of jobs."""
        return Batches(self._call)

    @property
    def presets(self) -> Presets:
        """Named pipelines."""
        return Presets(self._call)

    @property
    def assets(self) -> Assets:
        """Images for watermarks."""
        return Assets(self._call)

    def _call(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Option] | None = None,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], Any] | None = None,
        repeatable: bool,
    ) -> httpx.Response:
        url = self._url(path, query or {})

        def send() -> httpx.Response:
            return self._send(method, url, headers=dict(headers or {}), content=content() if content else None)

        return self._retried(send, repeatable=repeatable)

    def _import(self, document: Mapping[str, Any], headers: Mapping[str, str], wait: int) -> Job:
        timeout = max(self._timeout, wait + _ANSWER_MARGIN_SECONDS)
        url = self._url("jobs", {})
        send = partial(self._send, "POST", url, json=dict(document), headers=dict(headers), timeout=timeout)
        return responses.read(self._retried(send, repeatable=True), Job)

    def _waited(self, job: Job, seconds: int) -> Job:
        """Return the job when it is done, or as it stands after so many seconds."""
        try:
            return self.wait(job.id, seconds)
        except WaitedTooLong:
            return self.status(job.id)

    def _look(self, job_id: str) -> tuple[Job, float | None]:
        response = self._get(f"jobs/{path_part(job_id)}")
        return responses.read(response, Job), responses.retry_after_seconds(response)

    def _page(self, query: Mapping[str, Option | None]) -> JobPage:
        return responses.read(
            self._get("jobs", {key: each for key, each in query.items() if each is not None}), JobPage
        )

    def _link(self, job_id: str, output: str | None) -> Link:
        path = "result" if output is None else f"outputs/{path_part(output)}"
        return responses.read(
            self._send("GET", self._url(f"jobs/{path_part(job_id)}/{path}", {"redirect": False})), Link
        )

    def _raw_link(self, job_id: str) -> Link:
        return responses.read(self._send("GET", self._url(f"jobs/{path_part(job_id)}/raw", {"redirect": False})), Link)

    def _get(self, path: str, query: Mapping[str, Option] | None = None) -> httpx.Response:
        return self._retried(partial(self._send, "GET", self._url(path, query or {})), repeatable=True)

    def _post(self, path: str, document: Mapping[str, Any] | None = None) -> httpx.Response:
        """Send a request under a key of its own, so that it may be repeated."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        more = {"json": dict(document)} if document else {}
        return self._retried(
            partial(self._send, "POST", self._url(path, {}), headers=headers, **more),
            repeatable=True,
        )

    def _send_upload(self, upload: Upload, url: str, headers: Mapping[str, str], wait: int) -> httpx.Response:
        # Opened anew for every try: the one before has read it.
        with upload.opened() as content:
            return self._send(
                "POST",
                url,
                headers=dict(headers),
                content=content,
                timeout=max(self._timeout, wait + _ANSWER_MARGIN_SECONDS),
            )

    def _send(self, method: str, url: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own arguments
        with translated(self.api_url):
            response = self._api.request(method, url, **arguments)
        responses.check(response)
        return response

    def _retried(self, call: Callable[[], _T], *, repeatable: bool) -> _T:
        return with_retries(call, retries=self._retries, repeatable=repeatable, timing=self._timing)

    def _url(self, path: str, query: Mapping[str, Option]) -> str:
        texts = {key: str(each).lower() if isinstance(each, bool) else str(each) for key, each in query.items()}
        # quote, not quote_plus: gateways differ on what a plus means. A name may hold undecodable bytes.
        encoded = urlencode(texts, quote_via=quote, safe="", errors="replace")
        return f"{self.api_url}/{path}" + (f"?{encoded}" if encoded else "")


def _wishes(key: str, wait: int | None) -> dict[str, str]:
    """Return the headers that say how a request for a job is to be taken."""
    return {"Idempotency-Key": key, **({"Prefer": f"wait={wait}"} if wait is not None else {})}


def _loose(link: Link, as_found: bool) -> Link:
    """Return a link that promises no size, where whatever lies there is wanted."""
    return link.model_copy(update={"size": None}) if as_found else link
