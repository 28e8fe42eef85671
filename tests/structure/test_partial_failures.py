"""AWS calls that can fail in part without an error, or that answer in pages: the code reads what the answer says.

botocore's models say which operations these are. Each call must be made through a paginator, or in a function that
names the member of the answer.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session

ROOT = Path(__file__).parents[2]
PACKAGES = ("api", "worker", "notifier", "shared", "infra", "safelight")
SERVICES = (
    *("cloudformation", "cloudfront", "cognito-idp", "dynamodb", "ec2", "iam", "lambda", "logs", "s3", "sns", "sqs"),
    *("sts", "events", "cloudwatch", "ssm", "kms"),
)
#: Members of a successful answer that report failures, in any service.
FAILURES = frozenset(
    {
        *("Failed", "FailedEntryCount", "FailedEntries", "Errors", "UnprocessedItems", "UnprocessedKeys"),
        *("FunctionError", "Unsuccessful", "UnprocessedStatistics", "failures"),
    }
)
#: Calls by file and function whose answer has only one page, and why.
ONE_PAGE = {
    ("infra/deployment/cloudformation.py", "describe_stack", "describe_stacks"): "named by its full name",
    ("infra/init_hook/deployer.py", "find_stack", "describe_stacks"): "named by its full name",
    ("infra/init_hook/deployer.py", "create_stack", "describe_stacks"): "named by its full name",
    ("infra/deployment/cloudformation.py", "wait_for_changes", "describe_change_set"): "reads only the status",
    (
        "infra/deployment/cloudformation.py",
        "get_event_ids",
        "describe_stack_events",
    ): "the newest are on the first page",
    (
        "infra/deployment/network.py",
        "_find_zone_problems",
        "describe_subnets",
    ): "named by their IDs, of which few exist",
    ("infra/deployment/network.py", "_list_zones", "describe_vpc_endpoint_services"): "named by two names",
    ("infra/deployment/network.py", "_find_unreachable_services", "describe_route_tables"): "named by their IDs",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method that has the name of an AWS operation."""

    path: str
    function: str
    name: str
    line: int
    #: Names and texts in the same function.
    words: frozenset[str]

    @property
    def place(self) -> tuple[str, str, str]:
        """Return what identifies the call in ``ONE_PAGE``."""
        return self.path, self.function, self.name


@cache
def find_operations() -> tuple[Mapping[str, frozenset[str]], Mapping[str, frozenset[str]]]:
    """Return the members that report failures, and those that report more pages, by method."""
    loader = Session()
    failures: dict[str, set[str]] = {}
    pages: dict[str, set[str]] = {}
    for service in SERVICES:
        model = loader.get_service_model(service)
        for operation in model.operation_names:
            output = model.operation_model(operation).output_shape
            if found := FAILURES & set(getattr(output, "members", {})):
                failures.setdefault(xform_name(operation), set()).update(found)
        for operation, config in (
            loader.get_component("data_loader").load_service_model(service, "paginators-1")["pagination"].items()
        ):
            more = config.get("more_results"), config["output_token"]
            names = {each for entry in more for each in (entry if isinstance(entry, list) else [entry]) if each}
            pages.setdefault(xform_name(operation), set()).update(each.split(" ")[0] for each in names)
    return (
        {name: frozenset(members) for name, members in failures.items()},
        {name: frozenset(members) for name, members in pages.items()},
    )


@cache
def list_calls() -> tuple[Call, ...]:
    """Return all calls of methods of boto3's clients in the product's code."""
    return tuple(
        call
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        for call in _find_calls(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))
    )


def _find_calls(path: str, tree: ast.Module) -> Iterator[Call]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        nodes = list(ast.walk(function))
        words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_client(node.func.value):
                yield Call(path, function.name, node.func.attr, node.lineno, frozenset(words))


def _is_client(receiver: ast.expr) -> bool:
    """Return True if the text of a receiver names a client of boto3, as all code here does."""
    text = ast.unparse(receiver)
    last = text.split("(", 1)[0].rsplit(".", 1)[-1]
    return (
        last.strip("_") in {"client", "s3", "sqs", "sns", "dynamodb", "cloudformation", "connect", "ec2", "logs"}
        or "connect(" in text
        or ".clients." in text
    )


def test_the_calls_are_found() -> None:
    """Those that the other tests are about, in every package that uses boto3."""
    made = {(call.path.split("/")[0], call.name) for call in list_calls()}
    assert {
        *(("shared", name) for name in ("delete_objects", "batch_get_item", "query", "get_paginator")),
        *(("infra", name) for name in ("delete_objects", "scan", "list_users", "describe_stacks", "get_paginator")),
    } <= made
    failures, pages = find_operations()
    assert failures["send_message_batch"] == {"Failed"}
    assert failures["batch_write_item"] == {"UnprocessedItems"}
    assert failures["delete_objects"] == {"Errors"}
    assert failures["publish_batch"] == {"Failed"}
    assert failures["invoke"] == {"FunctionError"}
    assert failures["put_events"] == {"FailedEntryCount"}
    assert {"query", "scan", "list_objects_v2", "describe_stack_events"} <= set(pages)


def test_every_answer_that_can_tell_of_failures_is_read() -> None:
    """The function that makes the call names a member such as ``Errors``."""
    failures, _ = find_operations()
    unread = [call for call in list_calls() if call.name in failures and not failures[call.name] & call.words]
    assert not unread


def test_every_listing_reads_all_pages() -> None:
    """By a paginator, or with the answer's token."""
    _, pages = find_operations()
    short = [
        call
        for call in list_calls()
        if call.name in pages and call.place not in ONE_PAGE and not pages[call.name] & call.words
    ]
    assert not short, "\n".join(map(str, short))


def test_every_exception_is_needed() -> None:
    """An entry of a call that no longer exists is removed."""
    assert set(ONE_PAGE) <= {call.place for call in list_calls()}


@pytest.mark.parametrize(
    ("code", "is_read"),
    [
        ("def f(client):\n    client.send_message_batch(Entries=[])", False),
        ("def f(client):\n    answer = client.send_message_batch(Entries=[])\n    return answer['Failed']", True),
        ("def f(self):\n    return self._client.batch_write_item(RequestItems={})", False),
        ("def f(target):\n    target.clients.connect('lambda').invoke(FunctionName='f')", False),
    ],
)
def test_a_call_whose_answer_is_not_read_is_found(code: str, is_read: bool) -> None:
    """However the client is named."""
    failures, _ = find_operations()
    (call,) = (each for each in _find_calls("m.py", ast.parse(code)) if each.name in failures)
    assert bool(failures[call.name] & call.words) is is_read
