"""The layers of the sandbox that the worker has reported.

Only the worker knows what its system supports, and it writes this into the receipt of each image.
"""

import json
from typing import Final

from api.dependencies import Dependencies
from shared.aws.dynamodb.job_listing import JobQuery
from shared.errors import ServiceError

#: A caller with many open jobs must not make a request expensive, so only these newest jobs are read.
_NEWEST: Final = 20


def find_sandbox_layers(owner: str, dependencies: Dependencies) -> list[str] | None:
    """Return the layers in the newest receipt among the owner's newest jobs.

    Returns None if there is none, or if the job table does not respond: capabilities do not depend on it.
    """
    try:
        page = dependencies.listing.page(JobQuery(owner=owner, now=dependencies.clock(), limit=_NEWEST))
    except ServiceError:
        return None
    receipts = [job.receipt for job in page.jobs if job.receipt is not None]
    return list(json.loads(receipts[0]).get("sandbox", ())) if receipts else None
