"""The client of a Safelight API."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import httpx

from safelight import downloads
from safelight.address import check_api_url, find_api_url
from safelight.auth import find_auth
from safelight.batches import Batches
from safelight.connection import Connection, Option, drop_none, iterate_pages, quote_path
from safelight.errors import ApiError, WaitedTooLong
from safelight.job_options import JobOptions, combine
from safelight.local_images import Image, Upload, prepare
from safelight.models import (
    DeadLetter,
    DeadLetterPage,
    Deletion,
    Health,
    Job,
    JobPage,
    Link,
    Plan,
    ReceiptResponse,
    RedriveResult,
    WebhookSecret,
)
from safelight.part_uploads import UploadMemory
from safelight.presets_and_assets import Assets, Presets
from safelight.tokens import UploadTokens
from safelight.transport import responses
from safelight.transport.timing import SYSTEM_TIMING, Timing, wait_until_done
from safelight.uploads import DirectUploads
from safelight.watches import Watches
from safelight.webhook_settings import Webhooks

#: How many of the file's first bytes are sent for a plan. The second number is used if the first bytes do not contain
#: the complete header.
HEAD_BYTES = (128 * 1024, 700 * 1024)
#: Images of this many bytes or more are sent as direct uploads. docs/bulk.md has the limit of the API.
DIRECT_BYTES = 4_000_000
#: How long to wait for a response in addition to the wait that the request asks for.
_RESPONSE_MARGIN_SECONDS = 10.0


class Safelight:
    """A client of one Safelight API. Threads can share a client. Close it, or use it in a ``with`` statement.

    Every method retries requests after retryable errors, and raises :class:`safelight.errors.ClientError` if the
    request still fails.
    """

    def __init__(  # noqa: PLR0913 - all are optional
        self,
        api_url: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 4,
        transport: httpx.BaseTransport | None = None,
        auth: httpx.Auth | None = None,
        timing: Timing = SYSTEM_TIMING,
        state_dir: Path | None = None,
    ) -> None:
        """Prepare a client without connecting. Raises AddressUnknown if there is no URL or it is invalid.

        ``api_url`` ends in ``/v1``. Without it, the client uses ``SAFELIGHT_API_URL``, or else the local stack of the
        current folder (``safelight up``), with the authentication that :func:`safelight.auth.find_auth` finds.

        ``timeout`` is in seconds, for each step of a request: connecting, sending and receiving a part of the body.
        ``retries`` is the maximum number of retries of a request. ``state_dir`` is a folder in which interrupted
        uploads of large images are remembered, so that another process continues them. ``auth`` authenticates requests
        to the API. It is not used for links and upload forms.
        """
        self.api_url = find_api_url(None) if api_url is None else check_api_url(api_url)
        if api_url is None and auth is None:
            auth = find_auth(self.api_url)
        self._memory = UploadMemory(state_dir) if state_dir is not None else None
        self._connection = Connection(
            self.api_url, timeout=timeout, retries=retries, transport=transport, auth=auth, timing=timing
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def without_retries(self) -> "Safelight":
        """Return a client without retries that uses the same connections."""
        return self.with_retries(0)

    def with_retries(self, retries: int) -> "Safelight":
        """Return a client with another number of retries. It uses the same connections, so closing one closes both."""
        other = object.__new__(type(self))
        other.api_url, other._connection = self.api_url, self._connection.with_retries(retries)
        other._memory = self._memory
        return other

    def close(self) -> None:
        """Close the connections. Requests of other threads fail."""
        self._connection.close()

    @property
    def uploads(self) -> DirectUploads:
        """Return the direct uploads to S3."""
        return DirectUploads(self._connection, self._memory)

    @property
    def batches(self) -> Batches:
        """Return the caller's batches."""
        return Batches(self._connection)

    @property
    def presets(self) -> Presets:
        """Return the presets."""
        return Presets(self._connection)

    @property
    def assets(self) -> Assets:
        """Return the caller's watermark images."""
        return Assets(self._connection)

    @property
    def webhooks(self) -> Webhooks:
        """Return the caller's webhooks."""
        return Webhooks(self._connection)

    @property
    def tokens(self) -> UploadTokens:
        """Return the caller's upload tokens."""
        return UploadTokens(self._connection)

    @property
    def watches(self) -> Watches:
        """Return the caller's watches of S3 prefixes."""
        return Watches(self._connection)

    def submit(  # noqa: PLR0913 - all but the first are optional
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
        """Create a job for one image and return it. Without ``wait``, the job is usually still PENDING.

        ``image`` is a path, bytes, or a file object in binary mode. ``source`` is the ``s3://bucket/key`` of an object
        that S3 copies, the ``https://`` URL of a file that Safelight downloads, or ``job:ID`` for the stored raw image
        of another job. Raises TypeError unless exactly one of the two is given. Give at most one of ``pipeline``,
        ``preset`` (a name) and shorthand options, either as keyword arguments (``width=300``, see
        :class:`safelight.job_options.JobOptions`) or as the mapping ``options``.
        With ``wait``, the method returns when the job has ended, or after this number of seconds.

        All retries of a request use ``idempotency_key``, so they do not create a second job. By default, each call has
        a new key. Images of ``DIRECT_BYTES`` or more are sent with :attr:`uploads`.
        """
        key = idempotency_key or str(uuid.uuid4())
        options = combine(options, **shorthand)
        if source is None and image is not None:
            upload = prepare(image, filename)
            if upload.size() >= DIRECT_BYTES:
                job = self.uploads.upload(
                    upload, filename=filename, pipeline=pipeline, preset=preset, options=options, idempotency_key=key
                )
                return job if wait is None else self._wait_at_most(job, wait)
            return self._submit_upload(upload, pipeline, {**options, **drop_none({"preset": preset})}, key, wait)
        if source is None or image is not None:
            raise TypeError("give image or source")
        given = drop_none({"filename": filename, "pipeline": pipeline, "preset": preset})
        return self._create_job(key, wait, document={**options, **given, "source": source})

    def status(self, job_id: str) -> Job:
        """Return a job in its current state."""
        return self.poll(job_id)[0]

    def poll(self, job_id: str) -> tuple[Job, float | None]:
        """Return a job in its current state, and the seconds after which the API suggests the next request."""
        response = self._connection.request("GET", f"jobs/{quote_path(job_id)}")
        return responses.read(response, Job), responses.retry_after_seconds(response)

    def wait(self, job_id: str, timeout: float | None = None) -> Job:
        """Wait until a job has ended and return it, whether it has completed or not.

        ``timeout`` is in seconds. With None, there is no limit. Raises WaitedTooLong if the job has not ended in time.
        """
        return wait_until_done(partial(self.poll, job_id), timeout=timeout, timing=self._connection.timing)

    def result_link(self, job_id: str, output: str | None = None) -> Link:
        """Return a time-limited link to an output, by default the first output."""
        return self._connection.retry(partial(self._link, _output_path(job_id, output)))

    def download(self, job_id: str, to_path: str | Path, output: str | None = None, *, check_size: bool = True) -> Path:
        """Download an output to ``to_path`` and return this path. The default is the first output.

        Each try uses a new link. An existing file is replaced only when the download is complete. With ``check_size``,
        the file must have the size that the API states. Raises LocalFileError if the file can't be written.
        """
        return self._download(_output_path(job_id, output), Path(to_path), check_size=check_size)

    def download_raw(self, job_id: str, to_path: str | Path, *, check_size: bool = True) -> Path:
        """Download the raw image in the same way as :meth:`download`."""
        return self._download(f"jobs/{quote_path(job_id)}/raw", Path(to_path), check_size=check_size)

    def fetch(self, link: Link, to_path: str | Path, *, digest: str | None = None, part: str | None = None) -> Path:
        """Download the image of a link to ``to_path``, without retries, and return this path.

        ``digest`` (SHA-256, hexadecimal) and ``part`` are those of :func:`safelight.downloads.fetch`. Raises
        DownloadFailed if the download fails, and LocalFileError if the file can't be written.
        """
        path = Path(to_path)
        downloads.fetch(link, path, self._connection.store, digest=digest, part=part)
        return path

    def receipt(self, job_id: str) -> ReceiptResponse:
        """Return the receipt of a completed job."""
        return responses.read(self._connection.request("GET", f"jobs/{quote_path(job_id)}/receipt"), ReceiptResponse)

    def list_jobs(  # noqa: PLR0913 - one argument per filter
        self,
        *,
        status: str | None = None,
        filename: str | None = None,
        batch: str | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Job]:
        """Yield at most ``limit`` jobs, newest first. Pages are requested when they are needed.

        With ``filename``, only jobs whose file name contains this text are included, in upper or lower case.
        ``since`` and ``until`` are times in ISO 8601. Only jobs created in between are included, and those created at
        ``since``.
        """
        filters = drop_none({"status": status, "filename": filename, "batch": batch, "since": since, "until": until})
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "jobs", query={**filters, **query}), JobPage),
            lambda page: page.jobs,
            limit,
        )

    def cancel(self, job_id: str) -> Job:
        """Cancel an open job and return it."""
        return responses.read(self._connection.post(f"jobs/{quote_path(job_id)}/cancel"), Job)

    def retry(
        self, job_id: str, *, pipeline: Mapping[str, Any] | None = None, options: Mapping[str, Option] | None = None
    ) -> Job:
        """Retry a failed or cancelled job, optionally with another pipeline or options, and return it."""
        document = {**(options or {}), **drop_none({"pipeline": pipeline})}
        return responses.read(self._connection.post(f"jobs/{quote_path(job_id)}/retry", document or None), Job)

    def delete(self, job_id: str) -> Deletion:
        """Delete a job with its raw image and processed images, and return what was deleted.

        Links to the images stop working. For 30 days, further calls return the same statement.
        """
        return responses.read(self._connection.request("DELETE", f"jobs/{quote_path(job_id)}"), Deletion)

    def dead_letters(self, *, reason: str | None = None, limit: int | None = None) -> Iterator[DeadLetter]:
        """Yield at most ``limit`` dead letters.

        Only operators can do this. Pages are requested when they are needed.
        """
        return iterate_pages(
            lambda query: responses.read(
                self._connection.request("GET", "dead-letters", query={**drop_none({"reason": reason}), **query}),
                DeadLetterPage,
            ),
            lambda page: page.dead_letters,
            limit,
        )

    def redrive(self, *, job_id: str | None = None, reason: str | None = None, force: bool = False) -> RedriveResult:
        """Redrive one job, all dead letters with one reason, or all dead letters. Only operators can do this.

        Sends as many requests as necessary and returns the sum of their results.
        """
        chosen: dict[str, Any] = {"id": job_id} if job_id else {"reason": reason} if reason else {"all": True}
        total = RedriveResult()
        cursor: str | None = None
        while True:
            document = {**chosen, "force": force, **drop_none({"cursor": cursor})}
            total = total.combine(
                responses.read(self._connection.post("dead-letters/redrive", document), RedriveResult)
            )
            cursor = total.next_cursor
            if cursor is None:
                return total

    def register_webhook(self, name: str, url: str) -> str:
        """Create a webhook, or point the existing one to ``url`` and renew its secret. Return the secret."""
        path = f"webhooks/{quote_path(name)}"
        created = responses.read(self._connection.send("PUT", path, document={"url": url}), WebhookSecret)
        return created.secret or responses.read(self._connection.send("POST", f"{path}/secret"), WebhookSecret).secret

    def plan(
        self,
        image: Image,
        *,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        **shorthand: Unpack[JobOptions],
    ) -> Plan:
        """Return what a job would do with an image. Only the first bytes of the file are sent, and nothing is stored.

        The other arguments are those of :meth:`submit`. If the first bytes do not contain the
        complete header, a second request sends more bytes. Raises ApiError if the API can't read the header, as with
        TIFF.
        """
        upload = prepare(image)
        chosen = combine(options, **shorthand)
        given = drop_none({"pipeline": pipeline, "preset": preset, "options": chosen or None})
        document = {**given, "size": upload.size()}
        for length in HEAD_BYTES:
            head = base64.b64encode(upload.head(length)).decode()
            try:
                response = self._connection.request("POST", "plan", document={**document, "head": head})
            except ApiError as error:
                is_too_short = any(each.pointer == "/head" for each in error.pointers) and document["size"] > length
                if not is_too_short or length == HEAD_BYTES[-1]:
                    raise
            else:
                break
        return responses.read(response, Plan)

    def health(self) -> Health:
        """Return the API's health. Raises ApiError if the API is unhealthy."""
        return responses.read(self._connection.request("GET", "health"), Health)

    def _submit_upload(
        self,
        upload: Upload,
        pipeline: Mapping[str, Any] | None,
        query: Mapping[str, Option],
        key: str,
        wait: int | None,
    ) -> Job:
        named = drop_none({"filename": upload.filename})
        piped = {} if pipeline is None else {"pipeline": json.dumps(pipeline, separators=(",", ":"))}
        return self._create_job(key, wait, query={**query, **named, **piped}, body=upload.opened)

    def _create_job(self, key: str, wait: int | None, **request: Any) -> Job:  # noqa: ANN401 - arguments of Connection.send
        headers = {"Idempotency-Key": key}
        if "body" in request:
            headers["Content-Type"] = "application/octet-stream"
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        timeout = max(self._connection.timeout, (wait or 0) + _RESPONSE_MARGIN_SECONDS)
        return responses.read(
            self._connection.request("POST", "jobs", headers=headers, timeout=timeout, **request), Job
        )

    def _wait_at_most(self, job: Job, seconds: int) -> Job:
        try:
            return self.wait(job.id, seconds)
        except WaitedTooLong:
            return self.status(job.id)

    def _link(self, path: str) -> Link:
        return responses.read(self._connection.send("GET", path, query={"redirect": False}), Link)

    def _download(self, link_path: str, path: Path, *, check_size: bool) -> Path:
        def download_once() -> None:
            link = self._link(link_path)
            if not check_size:
                link = link.model_copy(update={"size": None})
            downloads.fetch(link, path, self._connection.store)

        self._connection.retry(download_once)
        return path


def _output_path(job_id: str, output: str | None) -> str:
    return f"jobs/{quote_path(job_id)}/" + ("result" if output is None else f"outputs/{quote_path(output)}")
