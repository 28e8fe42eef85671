"""The end of a deletion, whoever brings it there: the request itself, its repetition, or the reconciler."""

from shared.aws.dynamodb.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.jobs.deletion import Deletion
from shared.jobs.job import Job


def erase_job(tombstone: Job, jobs: JobTable, images: ImageStore, log: DeletionLog) -> Deletion:
    """Remove what is left of a deleted job, its record last, and return what went.

    That is written down before anything goes: died at any step, the next try states the same. Raises ServiceError.
    """
    deletion = log.keep(Deletion.of(tombstone, ((each.key, each.size) for each in images.list_objects(tombstone))))
    if images.delete_job(tombstone):
        deletion = log.note_versions(deletion)
    jobs.remove(tombstone.id)
    return deletion
