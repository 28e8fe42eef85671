"""The last step of a deletion. The request, a repeated request or the reconciler runs it."""

from shared.aws.dynamodb.idempotency.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.jobs.deletion import Deletion
from shared.jobs.job import Job


def erase_job(tombstone: Job, jobs: JobTable, images: ImageStore, log: DeletionLog) -> Deletion:
    """Delete the objects of a deleted job and then its tombstone. Return the record of the deletion.

    The record is stored before the first object is deleted, so a repeated call after a crash returns the same record.
    Raises ServiceError if DynamoDB or S3 fails.
    """
    objects = ((each.key, each.size) for each in images.list_objects(tombstone))
    deletion = log.record(Deletion.of(tombstone, objects))
    if images.delete_job(tombstone):
        deletion = log.record_versions(deletion)
    jobs.delete_tombstone(tombstone.id)
    return deletion
