"""The last step of a deletion, run by the request itself, by its repetition or by the reconciler."""

from shared.aws.dynamodb.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.jobs.deletion import Deletion
from shared.jobs.job import Job


def erase_job(tombstone: Job, jobs: JobTable, images: ImageStore, log: DeletionLog) -> Deletion:
    """Delete the objects of a deleted job and then its record. Return what was deleted.

    The deletion is recorded before any object goes, so a repetition after a crash returns the same. Raises
    ServiceError.
    """
    objects = ((each.key, each.size) for each in images.list_objects(tombstone))
    deletion = log.record(Deletion.of(tombstone, objects))
    if images.delete_job(tombstone):
        deletion = log.record_versions(deletion)
    jobs.delete_tombstone(tombstone.id)
    return deletion
