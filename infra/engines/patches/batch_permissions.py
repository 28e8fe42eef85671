"""Permissions of calls with several entries, as on AWS.

SQS asks for ``sqs:SendMessage`` if SendMessageBatch is called, and SNS for ``sns:Publish`` if PublishBatch is called
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html). MiniStack asks for actions of
other names, which no policy can allow on AWS.
"""

from typing import Any, Final

#: Action on AWS by the name of the call.
ACTIONS: Final = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}


def install(iam_actions: Any) -> None:  # noqa: ANN401 - an untyped module
    """Patch ``ministack.core.iam_actions``."""
    extract = iam_actions.extract_iam_action

    def extract_iam_action(*request: Any, **named: Any) -> Any:  # noqa: ANN401 - the signature of MiniStack
        action = extract(*request, **named)
        return ACTIONS.get(action, action)

    iam_actions.extract_iam_action = extract_iam_action
