"""Scenes of jobs from the stored raw image of another job: the request, the copy, and a source that is deleted."""

import json
from collections.abc import Sequence

from faults.simulator.functions import Functions
from faults.simulator.http_requests import HttpRequest, require_success, start_request
from faults.simulator.invocations import Invocation
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.owner_scenes import CALM
from faults.simulator.single_faults import Scene, submit_images, there


def request(platform: LambdaPlatform) -> Invocation:
    """Let a client create a job from the raw image of a completed job."""
    return start_request(platform, _prepare(platform))


def copy(platform: LambdaPlatform) -> Invocation:
    """Deliver a job from a stored raw image to the worker."""
    require_success(platform, _prepare(platform))
    return _deliver(platform)


def copy_deleted(platform: LambdaPlatform) -> Invocation:
    """Deliver a job from a stored raw image, which was deleted after the request, to the worker."""
    source = _prepare(platform)
    require_success(platform, source)
    first = next(iter(platform.functions.world.jobs))
    require_success(platform, HttpRequest("DELETE", f"/v1/jobs/{first}", key="second"))
    return _deliver(platform)


def check_one_copy(functions: Functions) -> Sequence[str]:
    """Return what is wrong if a request, which the client repeats, has not created exactly one job with one copy."""
    world = functions.world
    made = [job_id for job_id, job in world.jobs.items() if "Source" in job]
    kept = [key for key in world.bucket.objects if key.startswith("raw/import/")]
    return [] if len(made) == 1 and kept == [f"raw/import/{made[0]}"] else [f"I9 one request: {made} with {kept}"]


def check_nothing_left(functions: Functions) -> Sequence[str]:
    """Return what is left in the bucket although the only image was deleted."""
    return [f"orphan: {key}" for key in functions.world.bucket.objects]


def _prepare(platform: LambdaPlatform) -> HttpRequest:
    """Complete a job, and return the request for a job from its raw image."""
    submit_images(platform)
    platform.settle(CALM)
    (first,) = platform.functions.world.jobs
    return HttpRequest("POST", "/v1/jobs", json.dumps({"source": f"job:{first}", "width": 100}), key="first")


def _deliver(platform: LambdaPlatform) -> Invocation:
    queue = platform.functions.world.queue
    return there(platform.deliver(queue, list(queue.messages)))


COPY_SCENES: Sequence[Scene] = (
    Scene(
        "Request a job from a stored image",
        "The image is that of a completed job. The table shows the end of its copy. The fault hits the API function.",
        request,
        job=-1,
        in_thread=False,
        check=check_one_copy,
    ),
    Scene(
        "Process a job from a stored image",
        "The fault hits a call of the worker, for example between the copy and the claim of another attempt.",
        copy,
        job=-1,
        check=check_one_copy,
    ),
    Scene(
        "Process a job whose source is deleted",
        "The job of the stored image was deleted before the worker made a copy. The fault hits a call of the worker.",
        copy_deleted,
        check=check_nothing_left,
    ),
)
