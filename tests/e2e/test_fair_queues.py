"""Fair queues on an engine: standard queues accept message groups and keep them (docs/engines.md)."""

from typing import TYPE_CHECKING

from support import sample_images
from support.running_stack import Site, post_form, wait_until

from shared.aws.sqs import compute_group

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import MessageSystemAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef


def test_queues_accept_message_groups(site: Site) -> None:
    """A message of a standard queue keeps its group."""
    url = site.sqs.create_queue(QueueName="groups")["QueueUrl"]
    try:
        group = compute_group("ann")
        site.sqs.send_message(QueueUrl=url, MessageBody="one", MessageGroupId=group)
        found: list[MessageTypeDef] = []

        def is_received() -> bool:
            names: list[MessageSystemAttributeNameType] = ["MessageGroupId"]
            answer = site.sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=names, WaitTimeSeconds=1)
            found.extend(answer.get("Messages", []))
            return bool(found)

        wait_until(is_received)
        assert [message["Attributes"]["MessageGroupId"] for message in found] == [group]
    finally:
        site.sqs.delete_queue(QueueUrl=url)


def test_uploads_pass_the_upload_function(site: Site) -> None:
    """S3's event reaches the worker through the upload function."""
    data = sample_images.make_jpeg()
    job = site.create_upload(content_type="image/jpeg")
    assert post_form(job["upload"], data).status_code in {201, 204}
    assert site.wait_until_done(job["id"])["status"] == "COMPLETED"
    queue = site.sqs.get_queue_url(QueueName=f"{site.stack.functions['uploads']}")["QueueUrl"]

    def is_empty() -> bool:
        counts = site.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) == 0

    wait_until(is_empty)  # S3 may still send events about uploads of earlier tests
