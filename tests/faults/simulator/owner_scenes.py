"""Scenes of owners and operators: cancel, retry, delete, redrive and backfill, and rendering that is interrupted.

The requests pass the whole API function. A client that gets no response, or a 5xx response, repeats its request.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from faults.simulator import rendering
from faults.simulator.buckets import Stored
from faults.simulator.functions import SOURCE_HOST, Functions
from faults.simulator.http_requests import HttpRequest, require_success, send_request, start_request
from faults.simulator.invocations import Invocation
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.single_faults import (
    Scene,
    handle_dead_letter,
    lose_messages,
    overdue,
    run_to_end,
    submit_images,
    there,
)

from shared.aws.dynamodb.walks.walk_table import WALKS
from shared.jobs.job import ANONYMOUS

#: A request for an import of a prefix.
IMPORT = HttpRequest("POST", "/v1/batches", json.dumps({"prefix": {"source": "s3://shop/"}}), key="first")
#: Time after which everything that is not overdue has happened.
CALM = timedelta(minutes=5)


def cancel(platform: LambdaPlatform) -> Invocation:
    """Let a client cancel a job whose message was lost."""
    submit_images(platform)
    lose_messages(platform)
    return start_request(platform, _act(platform, "cancel"))


def retry(platform: LambdaPlatform) -> Invocation:
    """Let a client retry a cancelled job. The message of the first generation is still in the queue."""
    submit_images(platform)
    require_success(platform, _act(platform, "cancel", key="first"))
    return start_request(platform, _act(platform, "retry"))


def delete(platform: LambdaPlatform) -> Invocation:
    """Let a client delete a completed job."""
    _complete(platform)
    return start_request(platform, HttpRequest("DELETE", f"/v1/jobs/{_id(platform)}"))


def finish_deletion(platform: LambdaPlatform) -> Invocation:
    """Start the reconciler after the API function was killed with the tombstone of a completed job."""
    _complete(platform)
    world = platform.functions.world
    api = platform.client(partial(send_request, platform.functions, HttpRequest("DELETE", f"/v1/jobs/{_id(platform)}")))
    while "DeletedAt" not in world.jobs[_id(platform)]:
        world.advance(api)
    api.kill()
    return overdue(platform)


def delete_running(platform: LambdaPlatform) -> Invocation:
    """Let a client delete a job while its worker renders."""
    submit_images(platform)
    world = platform.functions.world
    worker = there(platform.deliver(world.queue, list(world.queue.messages)))
    while "Claimant" not in world.jobs[_id(platform)]:
        world.advance(next(actor for actor in world.ready() if actor.root is worker))
    return start_request(platform, HttpRequest("DELETE", f"/v1/jobs/{_id(platform)}"))


def redrive(platform: LambdaPlatform) -> Invocation:
    """Let an operator redrive a job whose five workers were killed."""
    run_to_end(platform, handle_dead_letter(platform, 5))
    body = json.dumps({"id": _id(platform)})
    return start_request(platform, HttpRequest("POST", "/v1/dead-letters/redrive", body))


def redrive_all(platform: LambdaPlatform) -> Invocation:
    """Let an operator redrive all dead letters."""
    run_to_end(platform, handle_dead_letter(platform, 5))
    return start_request(platform, HttpRequest("POST", "/v1/dead-letters/redrive", json.dumps({"all": True})))


def interrupt(platform: LambdaPlatform, data: bytes) -> Invocation:
    """Deliver a job to the worker whose child process is killed while it renders ``data``."""
    platform.submit(data)
    world = platform.functions.world
    while ready := world.ready():
        world.advance(ready[0])
    return there(platform.deliver(world.queue, list(world.queue.messages)))


def backfill(platform: LambdaPlatform) -> Invocation:
    """Let a client create the members of a backfill of one completed job."""
    _complete(platform)
    body = json.dumps({"backfill": {}})
    require_success(platform, HttpRequest("POST", "/v1/batches", body, key="first"))
    return start_request(platform, HttpRequest("POST", f"/v1/batches/{_batch_id(platform)}/backfill"))


def walk_backfill(platform: LambdaPlatform) -> Invocation:
    """Start the walker for a backfill of one completed job, whose client is gone."""
    _complete(platform)
    require_success(platform, HttpRequest("POST", "/v1/batches", json.dumps({"backfill": {}}), key="first"))
    return platform.run_walker()


def start_import(platform: LambdaPlatform) -> Invocation:
    """Let a client create an import of a prefix with two objects."""
    shop = platform.functions.world.bucket.others["shop"]
    shop |= {f"{number}.jpg": Stored(rendering.GOOD, "image/jpeg") for number in range(2)}
    return start_request(platform, IMPORT)


def walk_import(platform: LambdaPlatform) -> Invocation:
    """Start the walker for an import of a prefix with two objects."""
    shop = platform.functions.world.bucket.others["shop"]
    shop |= {f"{number}.jpg": Stored(rendering.GOOD, "image/jpeg") for number in range(2)}
    require_success(platform, IMPORT)
    return platform.run_walker()


def walk_retry(platform: LambdaPlatform) -> Invocation:
    """Start the walker after the API function was killed while it retried the failed members of a batch."""
    _fail_batch(platform)
    _start_and_kill(platform, "retry-failed", "Retrying")
    return platform.run_walker()


def walk_cancel(platform: LambdaPlatform) -> Invocation:
    """Start the walker after the API function was killed while it cancelled a batch."""
    _create_lost_batch(platform)
    _start_and_kill(platform, "cancel", "Cancelling")
    return platform.run_walker()


def cancel_batch(platform: LambdaPlatform) -> Invocation:
    """Let a client cancel a batch of two imports whose messages were lost."""
    _create_lost_batch(platform)
    return start_request(platform, HttpRequest("POST", f"/v1/batches/{_batch_id(platform)}/cancel"))


def request_file(platform: LambdaPlatform) -> Invocation:
    """Let a client import a file from a web server."""
    body = json.dumps({"source": f"https://{SOURCE_HOST}/a.jpg"})
    return start_request(platform, HttpRequest("POST", "/v1/jobs", body))


def download(platform: LambdaPlatform) -> Invocation:
    """Deliver an import from a web server, which fails once, to the worker."""
    body = json.dumps({"source": f"https://{SOURCE_HOST}/a.jpg"})
    require_success(platform, HttpRequest("POST", "/v1/jobs", body))
    queue = platform.functions.world.queue
    return there(platform.deliver(queue, list(queue.messages)))


def check_deletion(functions: Functions, *, objects: int) -> Sequence[str]:
    """Return what is wrong with a deletion: something is left, or the statement names fewer than ``objects``."""
    world = functions.world
    left = [f"I8 left after a deletion: {key}" for key in world.bucket.objects]
    left += [f"I8 a record is left after a deletion: {job_id}" for job_id in world.jobs]
    for job_id in sorted(world.watch.deleted_jobs):
        stated = functions.dependencies.deletions.find(job_id, ANONYMOUS, now=world.now)
        if stated is None:
            left.append(f"I8 {job_id}: deleted, but not stated")
        elif len(stated.objects) < objects:
            left.append(f"I8 {job_id}: states only {stated.objects}")
    return left


def check_backfill(functions: Functions) -> Sequence[str]:
    """Return what is wrong with a backfill of one job."""
    members = [job for job in functions.world.jobs.values() if "BatchID" in job]
    return [] if len(members) == 1 else [f"I9 a backfill of one job has {len(members)} members"]


def check_import(functions: Functions) -> Sequence[str]:
    """Return what is wrong with an import of two objects."""
    sources = sorted(job["Source"]["M"]["Path"]["S"] for job in functions.world.jobs.values())
    return [] if sources == ["s3://shop/0.jpg", "s3://shop/1.jpg"] else [f"I10 an import of two objects has {sources}"]


def check_one_generation(functions: Functions) -> Sequence[str]:
    """Return what is wrong if a repeated request has started more than one generation."""
    generations = {int(job["Generation"]["N"]) for job in functions.world.jobs.values()}
    return [] if generations <= {1, 2} else [f"I7 one request has started several generations: {generations}"]


def _batch_id(platform: LambdaPlatform) -> str:
    (batch_id,) = {item["ID"]["S"] for item in platform.functions.world.batches.values()} - {WALKS}
    return str(batch_id)


def _create_lost_batch(platform: LambdaPlatform, data: bytes = rendering.GOOD) -> None:
    """Create a batch of two imports whose messages were lost."""
    functions = platform.functions
    shop = functions.world.bucket.others["shop"]
    shop |= {f"{number}.jpg": Stored(data, "image/jpeg") for number in range(2)}
    items = [{"source": f"s3://shop/{key}"} for key in sorted(shop)]
    require_success(
        platform, HttpRequest("POST", "/v1/batches", json.dumps({"items": items, "close": True}), key="first")
    )
    functions.world.bulk_queue.messages.clear()


def _fail_batch(platform: LambdaPlatform) -> None:
    """Create a batch of two imports that have failed."""
    _create_lost_batch(platform, rendering.BAD)
    platform.settle(CALM * 10)
    shop = platform.functions.world.bucket.others["shop"]
    assert {job["Status"]["S"] for job in platform.functions.world.jobs.values()} == {"FAILED"}, shop


def _start_and_kill(platform: LambdaPlatform, action: str, scan: str) -> None:
    """Let a client start an operation on a batch, and kill the API function once it is stored."""
    world, batch_id = platform.functions.world, _batch_id(platform)
    request = HttpRequest("POST", f"/v1/batches/{batch_id}/{action}")
    api = platform.client(partial(send_request, platform.functions, request))
    while not any(scan in item for item in world.batches.values()):
        world.advance(next(actor for actor in world.ready() if actor.root is api))
    api.kill()


def _complete(platform: LambdaPlatform) -> None:
    submit_images(platform)
    platform.settle(CALM)


def _act(platform: LambdaPlatform, action: str, key: str = "key-of-the-client") -> HttpRequest:
    return HttpRequest("POST", f"/v1/jobs/{_id(platform)}/{action}", key=key)


def _id(platform: LambdaPlatform) -> str:
    return next(iter(platform.functions.world.jobs))


OWNER_SCENES: Sequence[Scene] = (
    Scene(
        "Process an image whose child process is killed once",
        "Something other than the image ends its rendering in the first attempt. The fault hits a call of the worker.",
        partial(interrupt, data=rendering.KILLED_ONCE),
    ),
    Scene(
        "Process an image that kills its child process each time",
        "The fault hits a call of the first worker.",
        partial(interrupt, data=rendering.KILLING),
    ),
    Scene("Request an import from a web server", "The fault hits the API function.", request_file),
    Scene(
        "Process an import from a web server",
        "The server fails in the first attempt. The fault hits a call of the worker.",
        download,
    ),
    Scene("Cancel a job", "The message of the job was lost. The fault hits the API function.", cancel),
    Scene(
        "Retry a cancelled job",
        "The message of the first generation is still in the queue. The fault hits the API function.",
        retry,
        check=check_one_generation,
    ),
    Scene(
        "Delete a completed job",
        "The fault hits the API function.",
        delete,
        check=partial(check_deletion, objects=2),
    ),
    Scene(
        "Delete a job while it is processed",
        "The fault hits the API function.",
        delete_running,
        check=partial(check_deletion, objects=1),
    ),
    Scene(
        "Finish a deletion",
        "The API function was killed after it had written the tombstone. The fault hits the reconciler.",
        finish_deletion,
        check=partial(check_deletion, objects=2),
    ),
    Scene(
        "Redrive one dead letter",
        "Five workers were killed during the job. The fault hits the API function.",
        redrive,
        check=check_one_generation,
    ),
    Scene(
        "Redrive all dead letters",
        "Five workers were killed during the job. The fault hits the API function.",
        redrive_all,
        check=check_one_generation,
    ),
    Scene(
        "Continue a backfill",
        "The backfill covers one completed job. The table shows the end of its copy. The fault hits the API function.",
        backfill,
        job=-1,
        in_thread=False,
        check=check_backfill,
    ),
    Scene(
        "Create the members of a backfill",
        "The backfill covers one completed job. The table shows the end of its copy. The fault hits the walker.",
        walk_backfill,
        job=-1,
        check=check_backfill,
    ),
    Scene(
        "Start an import of a prefix",
        "Two objects are under the prefix. The table shows the end of the second one. The fault hits the API function.",
        start_import,
        job=-1,
        in_thread=False,
        check=check_import,
    ),
    Scene(
        "Create the members of an import",
        "Two objects are under the prefix. The table shows the end of the second one. The fault hits the walker.",
        walk_import,
        job=-1,
        check=check_import,
    ),
    Scene(
        "Continue a retry of failed members",
        "The API function was killed after it had started the retry. The batch has two images that cannot be "
        "processed. The fault hits the walker.",
        walk_retry,
        job=-1,
        check=check_one_generation,
    ),
    Scene(
        "Continue the cancellation of a batch",
        "The API function was killed after it had started the cancellation of two jobs whose messages were lost. The "
        "fault hits the walker.",
        walk_cancel,
        job=-1,
    ),
    Scene(
        "Cancel a batch",
        "The batch has two imports whose messages were lost. The table shows the end of the second one. The fault hits "
        "the API function.",
        cancel_batch,
        job=-1,
    ),
)
