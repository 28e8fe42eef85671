"""Inject every fault at every AWS call of each scene, and describe the result."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from faults.simulator import clients, rendering
from faults.simulator.buckets import Stored
from faults.simulator.faults import Fault, Send, no_faults
from faults.simulator.final_checks import check_end, compute_bound
from faults.simulator.functions import Functions
from faults.simulator.invariants import find_orphans
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.world import SOURCE_BUCKET, START

from shared.aws.dynamodb.job_item import open_shard
from shared.clock import from_iso
from shared.errors import ServiceError
from shared.pipeline.pipeline import DEFAULT_PIPELINE, Pipeline

#: Number in the ID of the first job of a scene. The reconciler reads this job's partition first.
FIRST_SHARD = next(n for n in range(1, 1000) if open_shard(f"01HZY3Q1M8Z3J5W7XK9V{n:06d}") == "open#0")
#: Faults after which botocore sends the call again, so that they can hit every attempt of the call.
STEADY = (Fault.UNREACHABLE, Fault.ERROR, Fault.THROTTLED, Fault.LOST, Fault.ERROR_AFTER, Fault.OVERDUE)


@dataclass(frozen=True, slots=True)
class Scene:
    """One path. ``hit`` prepares it and returns the invocation that the fault hits."""

    title: str
    about: str
    hit: Callable[[LambdaPlatform], Invocation]
    #: Position of the job whose end is shown.
    job: int = 0
    #: True if the fault hits the first thread of the invocation, if it has one. In the reconciler, it hits both, and in
    #: the walker, all threads.
    in_thread: bool = True
    #: Returns what is wrong at the end, besides the invariants.
    check: Callable[[Functions], Sequence[str]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One fault at one call of the invocation: at the call's first attempt, or at all attempts if ``is_steady``."""

    number: int
    fault: Fault
    is_steady: bool = False


@dataclass(frozen=True, slots=True)
class SceneResult:
    """Result of a scene with one fault or none."""

    text: str
    breaches: tuple[str, ...]
    #: AWS operations that the invocation called, in order.
    operations: tuple[str, ...]


def play_scene(functions: Functions, scene: Scene, hit: InjectedFault | None) -> SceneResult:
    """Play a scene with at most one fault until its jobs have ended; return the result."""
    world = functions.open(first_id=FIRST_SHARD)
    platform = LambdaPlatform(functions)
    target = scene.hit(platform)

    calls: list[tuple[Invocation, int]] = []
    operations: list[str] = []

    def plan(send: Send) -> Fault | None:
        if send.actor not in _find_hit_actors(scene, target):
            return None
        call = (send.actor, send.number)
        if call not in calls:
            calls.append(call)
            operations.append(send.operation)
        if hit is None or calls.index(call) + 1 != hit.number:
            return None
        return hit.fault if hit.is_steady or send.tried == 0 else None

    began = world.now
    random.seed(0)  # the worker's jitter
    world.plan = plan
    platform.settle(compute_bound(functions.blueprint))
    check_end(world)
    world.watch.breaches += scene.check(functions)
    world.kill_all()
    text = _describe_result(functions, target, began - START, scene.job)
    return SceneResult(text, tuple(world.watch.breaches), tuple(operations))


def _find_hit_actors(scene: Scene, target: Invocation) -> Sequence[Invocation]:
    """Return the actors whose calls are counted: the invocation, its first thread, or both."""
    if target.kind is Kind.WALKER:  # it works in threads, which have threads
        return target.list_members()
    thread = target.threads[:1] if scene.in_thread else []
    # The reconciler finds the jobs itself, and recovers them in threads.
    return [target, *thread] if target.kind is Kind.RECONCILER or not thread else thread


def hits(calls: int) -> list[InjectedFault]:
    """Return every fault at each of the first ``calls`` calls."""
    once = [InjectedFault(number, fault) for number in range(1, calls + 1) for fault in Fault]
    return once + [InjectedFault(number, fault, is_steady=True) for number in range(1, calls + 1) for fault in STEADY]


def _describe_result(functions: Functions, target: Invocation, offset: timedelta, job: int) -> str:
    told = f"{_describe_response(target)}, " if target.kind is Kind.API else ""
    records = list(functions.world.jobs.values())
    if not -len(records) <= job < len(records):
        return f"{told}no job"
    record = records[job]
    took = from_iso(record["Timestamp"]["S"]) - START - offset
    attempts = int(record["Attempt"]["N"])
    runs = "" if attempts == 1 else f", {attempts} attempts"
    return f"{told}{record['Status']['S']}{runs}, {_round_duration(took)}"


def _describe_response(client: Invocation) -> str:
    return "no response" if client.end is End.KILLED else str(client.result)


def _round_duration(took: timedelta) -> str:
    """Return the duration as text, rounded so that small code changes do not change it."""
    if took < timedelta(seconds=10):
        return "at once"
    if took < timedelta(seconds=45):
        return "< 1 min"
    return f"{round(took / timedelta(minutes=1))} min"


# ------------------------------------------------------------------------------------------------- scenes


def submit_images(platform: LambdaPlatform, count: int = 1, pipeline: Pipeline = DEFAULT_PIPELINE) -> None:
    """Let ``count`` clients post images, without faults."""
    functions = platform.functions
    functions.world.plan = no_faults
    for _ in range(count):
        platform.submit(rendering.GOOD, pipeline)
    while ready := functions.world.ready():
        functions.world.advance(ready[0])


def lose_messages(platform: LambdaPlatform) -> None:
    """Lose all messages about jobs and uploads."""
    world = platform.functions.world
    world.queue.messages.clear()
    world.uploads.messages.clear()


def post(platform: LambdaPlatform) -> Invocation:
    """Let a client post an image through the API function."""
    functions = platform.functions
    return functions.world.start(Kind.API, partial(functions.post, rendering.GOOD), limit=functions.limit(Kind.API))


def process(platform: LambdaPlatform) -> Invocation:
    """Deliver two jobs to the worker."""
    submit_images(platform, 2)
    queue = platform.functions.world.queue
    return there(platform.deliver(queue, queue.visible(platform.functions.world.now)))


def process_several_outputs(platform: LambdaPlatform) -> Invocation:
    """Deliver a job with six outputs to the worker."""
    submit_images(platform, 1, rendering.SEVERAL)
    queue = platform.functions.world.queue
    return there(platform.deliver(queue, queue.visible(platform.functions.world.now)))


def handle_dead_letter(platform: LambdaPlatform, attempts: int) -> Invocation:
    """Deliver the dead letter of a job whose worker was killed ``attempts`` times."""
    submit_images(platform)
    world = platform.functions.world
    for _ in range(attempts):
        worker = there(platform.deliver(world.queue, list(world.queue.messages)))
        while (worker.threads or [worker])[0].calls < 2:  # until the job is claimed
            world.advance(world.ready()[0])
        worker.kill()
        platform.finish(worker)
        world.pass_time(world.queue.visibility)
    world.queue.messages[0].receives = world.queue.max_receives or 0
    world.queues.receive(world.queue, list(world.queue.messages))
    return there(platform.deliver(world.dead_letters, world.dead_letters.visible(world.now)))


def send_again(platform: LambdaPlatform) -> Invocation:
    """Start the reconciler after a job's message was lost."""
    submit_images(platform)
    lose_messages(platform)
    return overdue(platform)


def close(platform: LambdaPlatform) -> Invocation:
    """Start the reconciler after the worker of a job's last attempt was killed and the dead letter was lost."""
    handle_dead_letter(platform, 5).kill()
    platform.functions.world.dead_letters.messages.clear()
    return overdue(platform)


def announce(platform: LambdaPlatform) -> Invocation:
    """Let a client declare an upload and send the file after the response."""
    return _client(platform, partial(clients.create_upload, sending=clients.SendPlan(data=rendering.GOOD)))


def forward_uploads(platform: LambdaPlatform) -> Invocation:
    """Deliver S3's events of two uploads to the upload function."""
    for _ in range(2):
        finish(platform, announce(platform))
    world = platform.functions.world
    world.pass_time(timedelta(seconds=1))
    return there(platform.deliver(world.uploads, list(world.uploads.messages)))


def take_upload(platform: LambdaPlatform) -> Invocation:
    """Deliver the forwarded events of two uploads to the worker."""
    run_to_end(platform, forward_uploads(platform))
    world = platform.functions.world
    return there(platform.deliver(world.queue, list(world.queue.messages)))


def expect_upload(platform: LambdaPlatform) -> Invocation:
    """Start the reconciler after an uploaded file arrived but S3's event was lost."""
    finish(platform, announce(platform))
    platform.functions.world.pass_time(timedelta(seconds=1))
    lose_messages(platform)
    return overdue(platform)


def name(platform: LambdaPlatform) -> Invocation:
    """Let a client import an object."""
    functions = platform.functions
    key, job_id, at = _store_source_image(functions), functions.new_id(), functions.world.clock()
    return _client(platform, partial(clients.import_object, key=key, job_id=job_id, at=at, again=False))


def copy(platform: LambdaPlatform) -> Invocation:
    """Deliver two imports to the worker."""
    for _ in range(2):
        finish(platform, name(platform))
    queue = platform.functions.world.queue
    return there(platform.deliver(queue, list(queue.messages)))


def gather(platform: LambdaPlatform) -> Invocation:
    """Let a client create a batch with one upload."""
    functions = platform.functions
    member = clients.Member(sending=clients.SendPlan(data=rendering.GOOD))
    order = clients.BatchOrder(seed=functions.new_id(), at=functions.world.clock(), members=[member])
    return _client(platform, partial(clients.create_batch, order=order, again=False))


def count(platform: LambdaPlatform) -> Invocation:
    """Deliver the forwarded event of a batch member to the worker."""
    finish(platform, gather(platform))
    world = platform.functions.world
    world.pass_time(timedelta(seconds=1))
    run_to_end(platform, there(platform.deliver(world.uploads, list(world.uploads.messages))))
    return there(platform.deliver(world.bulk_queue, list(world.bulk_queue.messages)))


def _client(platform: LambdaPlatform, ask: Callable[..., str]) -> Invocation:
    return platform.client(partial(_status, partial(ask, platform.functions)))


def _status(ask: Callable[[], str]) -> str:
    """Return the HTTP status of the response, also for a service error."""
    try:
        return ask()
    except ServiceError as error:
        return str(error.status)


def finish(platform: LambdaPlatform, client: Invocation) -> None:
    """Run a request of one thread to its end."""
    while client.end is None:
        platform.functions.world.advance(client)


def run_to_end(platform: LambdaPlatform, actor: Invocation) -> None:
    """Run an invocation without faults and acknowledge its messages."""
    world = platform.functions.world
    while actor.end is None:
        world.advance(world.ready()[0])
    platform.finish(actor)


def _store_source_image(functions: Functions) -> str:
    shop = functions.world.bucket.others[SOURCE_BUCKET]
    shop["a.jpg"] = Stored(rendering.GOOD, "image/jpeg")
    return "a.jpg"


def overdue(platform: LambdaPlatform) -> Invocation:
    """Let time pass until a job is overdue, and start the reconciler."""
    due = platform.next_sweep()
    assert due is not None
    platform.functions.world.pass_time(due - platform.functions.world.now)
    return platform.run_reconciler()


def there(actor: Invocation | None) -> Invocation:
    """Return an invocation that must have started."""
    assert actor is not None
    return actor


SCENES: Sequence[Scene] = (
    Scene("Submit an image", "The fault hits the API function.", post),
    Scene(
        "Process a batch of messages", "The worker receives two jobs. The fault hits a call for the first one.", process
    ),
    Scene(
        "Process a job with several outputs",
        "The job has six outputs. The fault hits a call of the worker, for example between two outputs.",
        process_several_outputs,
        check=lambda functions: [f"orphan: {key}" for key in find_orphans(functions.world)],
    ),
    Scene(
        "Handle a dead letter, attempts left",
        "The message has used up its receives. The job has used no attempts.",
        partial(handle_dead_letter, attempts=0),
    ),
    Scene(
        "Handle a dead letter, no attempts left",
        "Five workers were killed during the job.",
        partial(handle_dead_letter, attempts=5),
    ),
    Scene("Requeue after a lost message", "The reconciler finds an overdue job.", send_again),
    Scene(
        "Fail after a lost worker, no attempts left", "The reconciler finds a job whose fifth worker was killed.", close
    ),
    Scene("Declare an upload", "The fault hits the API. A client that gets a 2xx response sends the file.", announce),
    Scene(
        "Forward the events of uploads",
        "S3 sends events of two uploads. The fault hits a call of the upload function for the first one.",
        forward_uploads,
    ),
    Scene(
        "Process uploads",
        "The events of two uploads were forwarded. The fault hits a call of the worker for the first one.",
        take_upload,
    ),
    Scene("Recover a lost S3 event", "The reconciler finds an overdue upload whose file is in S3.", expect_upload),
    Scene("Request an import", "The fault hits the API function.", name),
    Scene("Process an import", "The worker receives two jobs. The fault hits a call for the first one.", copy),
    Scene(
        "Create a batch",
        "The batch has one member. The fault hits the API. A client that gets a 2xx response sends the file.",
        gather,
    ),
    Scene("Process a batch member", "The fault hits a call of the worker for the only member.", count),
)
