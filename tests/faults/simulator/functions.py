"""The functions on the doubles: their composition roots run unchanged, with our clients, clock and rendering.

Built once per process, because clients are slow to create. Each run uses its own world. The doubles replace parts of
our modules only while they are installed, so that tests of other folders can run in the same process.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from aws_lambda_powertools.utilities.typing import LambdaContext
from faults.simulator import aws_interception, rendering
from faults.simulator.faults import Answer
from faults.simulator.invocations import Invocation, Kind, current, die
from faults.simulator.queues import Message, Queue, as_received
from faults.simulator.settings import Blueprint
from faults.simulator.threads import Threads
from faults.simulator.world import SOURCE_BUCKET, World
from support import events

import api.app
import api.batches.backfill
import api.batches.prefix_imports
import api.dependencies
import api.jobs.submission
import api.walker
import api.watches.intake
import notifier.app
import notifier.deferral
import notifier.webhooks
import shared.parallel
import shared.sqs_batch
import worker.app
import worker.dead_letters
import worker.reconciler
import worker.uploads
from api.dead_letters.use_cases import DeadLetters
from api.http.body import Upload
from api.jobs.lifecycle import JobLifecycle
from api.jobs.submission import JobSubmission
from notifier.http_post import HttpResponse
from shared.aws.clients import Clients, make_clients, make_notifier_clients
from shared.errors import SafelightError, SourceUnreachable
from shared.jobs.job import ANONYMOUS, Job
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import UrlSource
from shared.pipeline.image_formats import JPEG
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline
from worker.imaging import RenderResult

ROOTS: tuple[ModuleType, ...] = (
    *(api.dependencies, api.walker, worker.app, worker.dead_letters, worker.reconciler, worker.uploads),
)
NOTIFIER_ROOTS: tuple[ModuleType, ...] = (notifier.app, notifier.webhooks)
#: Builders of the roots, before any patch.
MAKERS: tuple[Callable[[], Any], ...] = (
    worker.app.get_consumer.__wrapped__,
    worker.dead_letters.get_dead_letters.__wrapped__,
    worker.reconciler.get_reconciler.__wrapped__,
    worker.uploads.get_upload_events.__wrapped__,
    api.walker.get_walker.__wrapped__,
    notifier.app.get_publisher.__wrapped__,
    notifier.webhooks.get_consumer.__wrapped__,
)
#: The web server from which files are imported.
SOURCE_HOST = "files.example.com"
#: Duration of the render double.
WORK = timedelta(seconds=1)


@dataclass
class RunContext(events.Context):
    """A Lambda context on the run's clock."""

    remaining: Callable[[], timedelta] = timedelta

    def get_remaining_time_in_millis(self) -> int:
        """Return the remaining time of the invocation."""
        return int(self.remaining() / timedelta(milliseconds=1))


class Functions:
    """Our functions, with the current world."""

    def __init__(self, blueprint: Blueprint | None = None) -> None:
        """Create the functions, by default with the settings of the template. They run only while installed."""
        self.blueprint = blueprint or Blueprint.read()
        #: Sends a webhook's request: its URL and headers.
        self.receive: Callable[[str, Mapping[str, str]], HttpResponse] = lambda *_: HttpResponse(status=204)
        self.world = World(self.blueprint)
        self._numbers = 0
        self.render = rendering.quick_render(lambda: next(self.world.nonces), die, self._work, self._interrupt)
        with pytest.MonkeyPatch.context() as patch:
            self._patch_environment(patch)
            self._clients = self._create_clients()
            self._notifier_clients = self._create_notifier_clients()
            self._patch_modules(patch)
            self._roots = [make() for make in MAKERS]

    @contextmanager
    def install(self) -> Iterator[None]:
        """Replace the parts of our modules that reach out to AWS, clocks, threads and processes, for one test."""
        level = logging.root.manager.disable
        with pytest.MonkeyPatch.context() as patch:
            self._patch_environment(patch)
            self._patch_modules(patch)
            self._patch_roots(patch)
            api.dependencies.get_dependencies.cache_clear()
            try:
                self.dependencies = api.dependencies.get_dependencies()  # routes keep this function and its result
                logging.disable(logging.CRITICAL)
                yield
            finally:
                logging.disable(level)
                api.dependencies.get_dependencies.cache_clear()

    def _patch_environment(self, patch: pytest.MonkeyPatch) -> None:
        for name, value in self.blueprint.environment().items():
            patch.setenv(name, value)
        patch.setenv("IMPORT_BUCKETS", SOURCE_BUCKET)
        patch.setenv("WATCH_BUCKETS", SOURCE_BUCKET)
        patch.setenv("IMPORT_HOSTS", SOURCE_HOST)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    def _patch_modules(self, patch: pytest.MonkeyPatch) -> None:
        # Metrics have their own tests; here they would print a line per invocation.
        patch.setattr(AmazonCloudWatchEMFProvider, "flush_metrics", lambda provider, **_: provider.clear_metrics())
        for root in ROOTS:
            patch.setattr(root, "make_clients", lambda *_, **__: self._clients)
            patch.setattr(root, "utc_now", self._now, raising=False)  # not every root needs a clock
        self._patch_notifier(patch)
        for module in (api.jobs.submission, api.batches.backfill, api.batches.prefix_imports, api.watches.intake):
            patch.setattr(module, "new_id", lambda _: self.new_id())
        # Child processes and a hidden process are not needed here.
        patch.setattr(worker.app, "Sandbox", rendering.QuickSandbox)
        patch.setattr(worker.app, "hide_memory", lambda: None)
        patch.setattr(worker.app, "UrlFetcher", lambda *_: SimpleNamespace(fetch=self._download))
        patch.setattr(rendering.QuickSandbox, "render", staticmethod(self._render), raising=False)
        patch.setattr(Threads, "starter", staticmethod(self._start_thread), raising=False)
        patch.setattr(shared.sqs_batch, "ThreadPoolExecutor", Threads)
        patch.setattr(shared.parallel, "ThreadPoolExecutor", Threads)
        for name in ("transactions", "batch_reads"):
            patch.setattr(f"shared.aws.dynamodb.{name}.time", SimpleNamespace(sleep=self._sleep))

    def _patch_roots(self, patch: pytest.MonkeyPatch) -> None:
        """Use roots that were built once, so that later changes of the environment do not matter."""
        consumer, dead_letters, reconciler, uploads, walker, publisher, sender = self._roots
        patch.setattr(worker.app, "get_consumer", lambda: consumer)
        patch.setattr(worker.uploads, "get_upload_events", lambda: uploads)
        patch.setattr(api.walker, "get_walker", lambda: walker)
        patch.setattr(worker.dead_letters, "get_dead_letters", lambda: dead_letters)
        patch.setattr(worker.reconciler, "get_reconciler", lambda: reconciler)
        patch.setattr(notifier.app, "get_publisher", lambda: publisher)
        patch.setattr(notifier.webhooks, "get_consumer", lambda: sender)

    def _patch_notifier(self, patch: pytest.MonkeyPatch) -> None:
        given = self._notifier_clients
        patch.setattr(notifier.app, "make_notifier_clients", lambda *_: given)
        patch.setattr(notifier.webhooks, "make_webhook_clients", lambda *_: given)
        patch.setattr(notifier.webhooks, "HttpPost", lambda **_: self._post)
        for root in NOTIFIER_ROOTS:
            patch.setattr(root, "utc_now", self._now)
        patch.setattr(notifier.deferral, "ThreadPoolExecutor", Threads)

    def _post(self, url: str, headers: Mapping[str, str], _body: bytes) -> HttpResponse:
        return self.receive(url, headers)

    def _download(self, source: UrlSource, *, max_bytes: int) -> bytes:
        """Download a file. The web server fails in the first request of a run."""
        assert source.host == SOURCE_HOST
        assert max_bytes > len(rendering.GOOD)
        self._work()
        self.world.watch.seen["download"] += 1
        if self.world.watch.seen["download"] == 1:
            raise SourceUnreachable
        return rendering.GOOD

    def _create_clients(self) -> Clients:
        """Create clients whose calls reach the doubles."""
        clients = make_clients(5)
        for name in ("s3", "dynamodb", "sqs"):
            client: Any = getattr(clients, name)
            client._make_api_call = partial(self._call, name)
        return clients

    def _create_notifier_clients(self) -> SimpleNamespace:
        sns: Any = make_notifier_clients(5).sns
        sns._make_api_call = partial(self._call, "sns")
        return SimpleNamespace(dynamodb=self._clients.dynamodb, sqs=self._clients.sqs, sns=sns)

    def _call(self, service: str, operation: str, request: Mapping[str, Any]) -> Answer:
        return aws_interception.call(self.world, service, operation, request)

    def _start_thread(self, parent: Invocation, body: Callable[[], Any]) -> Invocation:
        return self.world.start_thread(parent, body)

    def _now(self) -> datetime:
        return self.world.clock()

    def new_id(self) -> str:
        """Return the next ID of this run."""
        self._numbers += 1
        return f"01HZY3Q1M8Z3J5W7XK9V{self._numbers:06d}"

    def _sleep(self, seconds: float) -> None:
        if (actor := current()) is not None:
            self.world.delay(actor, timedelta(seconds=seconds))

    def _render(self, *facts: Any, **_: float) -> RenderResult:
        """Render; the times that limit rendering have no effect."""
        return self.render(*facts)

    def _work(self) -> None:
        actor = current()
        if actor is not None:
            self.world.delay(actor, WORK)

    def _interrupt(self) -> bool:
        """Return True in the first call of a run: the attempt is interrupted."""
        self.world.watch.seen["rendering interrupted"] += 1
        return self.world.watch.seen["rendering interrupted"] == 1

    def open(self, *, first_id: int = 1) -> World:
        """Start a new world; its jobs are numbered from ``first_id``."""
        self.world = World(self.blueprint)
        self._numbers = first_id - 1
        return self.world

    # ------------------------------------------------------------------------------- what actors run

    def submit(self, data: bytes, pipeline: Pipeline = DEFAULT_PIPELINE) -> Job:
        """Accept an image as the API does, and return the response."""
        upload = Upload(data=data, image_format=JPEG)
        submission = JobSubmission.of(self.dependencies)
        submitted = submission.submit(upload, JobSpec(pipeline), None, ANONYMOUS)
        self.world.watch.answered(submitted.job.id)
        return submitted.job

    def post(self, data: bytes) -> int:
        """Post an image through the whole API function; return the status.

        Only one request at a time: the function keeps the current one in a global, as Lambda allows.
        """
        event = events.http("POST", "/v1/jobs", data, headers={"Content-Type": "application/octet-stream"})
        answer = api.app.handler(event, self.make_context())
        if answer["statusCode"] == 202:
            self.world.watch.answered(json.loads(answer["body"])["id"])
        return int(answer["statusCode"])

    def ask(self, deed: str, job_id: str) -> None:
        """Cancel, retry or delete a job for its owner. A refusal is a valid response."""
        lifecycle, at = JobLifecycle.of(self.dependencies), self.world.clock()
        with suppress(SafelightError):
            OWNERS_DEEDS[deed](lifecycle, job_id, ANONYMOUS, at=at)
            self.world.watch.seen[f"owner's {deed}"] += 1

    def redrive(self, job_id: str) -> None:
        """Redrive a job for an operator. A refusal is a valid response."""
        with suppress(SafelightError):
            DeadLetters.of(self.dependencies).redrive(job_id, at=self.world.clock())
            self.world.watch.seen["operator's redrive"] += 1

    def deliver(self, queue: Queue, messages: list[Message]) -> Any:
        """Invoke the function of a queue with messages; return its response."""
        event = events.sqs(*map(as_received, messages), queue=queue.name)
        handlers = {
            self.world.dead_letters.name: worker.dead_letters,
            self.world.uploads.name: worker.uploads,
            self.world.webhooks.name: notifier.webhooks,
        }
        return handlers.get(queue.name, worker.app).handler(event, self.make_context())

    def reconcile(self) -> Any:
        """Start the reconciler."""
        return worker.reconciler.handler({}, self.make_context())

    def walk(self) -> Any:
        """Start the walker."""
        return api.walker.handler({}, self.make_context())

    def watch(self, bodies: list[str]) -> Any:
        """Deliver S3's events about a watched bucket to the walker; return its response."""
        messages = [events.make_message(body) for body in bodies]
        return api.walker.handler(events.sqs(*messages, queue="watch"), self.make_context())

    def notify(self, records: list[Any]) -> Any:
        """Invoke the notifier with records of the stream of jobs."""
        return notifier.app.handler({"Records": records}, self.make_context())

    def resume_deliveries(self) -> Any:
        """Invoke the webhook function as its schedule does."""
        return notifier.webhooks.handler({"source": "aws.events"}, self.make_context())

    def make_context(self) -> LambdaContext:
        """Return the context of the running invocation."""
        actor = current()
        world = self.world
        end = actor.deadline if actor is not None and actor.deadline is not None else world.now + timedelta(minutes=1)
        return cast("LambdaContext", RunContext(remaining=lambda: end - world.now))

    def limit(self, kind: Kind) -> timedelta:
        """Return the timeout of a function."""
        return self.blueprint.timeout(FUNCTIONS[kind])


OWNERS_DEEDS: Mapping[str, Callable[..., object]] = {
    "cancel": JobLifecycle.cancel,
    "retry": JobLifecycle.retry,
    "delete": JobLifecycle.delete,
}
FUNCTIONS: Mapping[Kind, str] = {
    Kind.API: "ApiFunction",
    Kind.WORKER: "WorkerFunction",
    Kind.UPLOADS: "UploadFunction",
    Kind.DEAD_LETTERS: "DeadLetterFunction",
    Kind.RECONCILER: "ReconcilerFunction",
    Kind.WALKER: "WalkerFunction",
    Kind.NOTIFIER: "NotifierFunction",
    Kind.WEBHOOKS: "WebhookFunction",
}
