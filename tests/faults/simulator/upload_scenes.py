"""Scenes of uploads in parts: complete, abort, and expire. The requests pass the whole API function."""

import json
from collections.abc import Sequence
from datetime import timedelta

from faults.simulator import rendering
from faults.simulator.functions import Functions
from faults.simulator.http_requests import HttpRequest, require_success, start_request
from faults.simulator.invocations import Invocation
from faults.simulator.lambda_platform import LambdaPlatform
from faults.simulator.settings import BUCKET
from faults.simulator.single_faults import Scene
from support import events

#: Creates an upload of one part.
START = HttpRequest(
    "POST",
    "/v1/uploads",
    json.dumps({"content_type": "image/jpeg", "size": len(rendering.GOOD), "method": "multipart"}),
    key="first",
)


def complete(platform: LambdaPlatform) -> Invocation:
    """Let a client complete an upload whose part is in S3."""
    path, body = _send_part(platform)
    return start_request(platform, HttpRequest("POST", f"{path}/complete", body))


def abort(platform: LambdaPlatform) -> Invocation:
    """Let a client abort an upload whose part is in S3."""
    path, _ = _send_part(platform)
    return start_request(platform, HttpRequest("POST", f"{path}/abort"))


def expire(platform: LambdaPlatform) -> Invocation:
    """Start the reconciler after the time in which a client can complete an upload."""
    _send_part(platform)
    days = platform.functions.blueprint.number("MultipartDays")
    platform.functions.world.pass_time(timedelta(days=days))
    return platform.run_reconciler()


def check_parts(functions: Functions) -> Sequence[str]:
    """Return what is wrong with the parts of an upload that is over: S3 still has them."""
    return [f"orphan: parts of {each.key}" for each in functions.world.bucket.multipart.uploads.values()]


def _send_part(platform: LambdaPlatform) -> tuple[str, str]:
    """Create an upload and send its part. Return its path, and what a completion says."""
    world = platform.functions.world
    world.bucket.when_joined = lambda key, size: world.queues.add(world.uploads, events.s3(BUCKET, key, size))
    require_success(platform, START)
    (upload,) = world.bucket.multipart.uploads.values()
    part = {"Bucket": BUCKET, "Key": upload.key, "UploadId": upload.id, "PartNumber": 1, "Body": rendering.GOOD}
    world.bucket.call("UploadPart", part)
    (job_id,) = world.jobs
    return f"/v1/uploads/{job_id}", json.dumps({"upload_id": upload.id})


UPLOAD_SCENES: Sequence[Scene] = (
    Scene(
        "Complete an upload in parts",
        "S3 has all parts. The fault hits the API function.",
        complete,
        check=check_parts,
    ),
    Scene("Abort an upload in parts", "S3 has a part. The fault hits the API function.", abort),
    Scene(
        "Expire an upload in parts",
        "S3 has a part, but the upload was not completed in time. The fault hits the reconciler.",
        expire,
    ),
)
