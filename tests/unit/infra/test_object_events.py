"""Events of objects on the embedded engine: the same messages as MiniStack's, without a thread for those of queues."""

import importlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from infra.engines.patches import object_events

s3: Any = importlib.import_module("ministack.services.s3")
sqs: Any = importlib.import_module("ministack.services.sqs")
BUCKET = "object-events"
PATCHED = ("_parse_notification_config_raw", "_fire_s3_event_async")
QUEUE = "arn:aws:sqs:us-east-1:000000000000:object-events"
TOPIC = "arn:aws:sns:us-east-1:000000000000:object-events"
RULE = (
    "<Event>s3:ObjectCreated:*</Event>"
    "<Filter><S3Key><FilterRule><Name>prefix</Name><Value>{}</Value></FilterRule></S3Key></Filter>"
)


class Threads:
    """Starts of threads, which do not run."""

    def __init__(self) -> None:
        self.targets: list[tuple[Any, ...]] = []

    def start(self, *_given: Any, args: tuple[Any, ...] = (), **_named: Any) -> "Threads":
        """Record a thread in place of ``threading.Thread``."""
        self.targets.append(args)
        return Started()  # type: ignore[return-value]


class Started:
    """A thread that does not run."""

    def start(self) -> None:
        """Do nothing."""


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Install the patch, and return the messages of a new queue."""
    for name in PATCHED:
        monkeypatch.setattr(s3, name, getattr(s3, name))
    queue: dict[str, Any] = {"messages": [], "attributes": {"QueueArn": QUEUE}, "is_fifo": False}
    monkeypatch.setattr(sqs, "_queue_by_arn", lambda arn: queue if arn == QUEUE else None)
    object_events.install(s3)
    yield queue["messages"]
    s3._bucket_notifications.pop(BUCKET, None)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    """Record the threads that are started."""
    found = Threads()
    monkeypatch.setattr(threading, "Thread", found.start)
    return found


def configure(rules: str) -> None:
    """Set the notifications of the bucket."""
    s3._bucket_notifications[BUCKET] = (
        f'<NotificationConfiguration xmlns="{s3.S3_NS}">{rules}</NotificationConfiguration>'
    )


def fire(key: str) -> None:
    """Let an object appear."""
    s3._fire_s3_event_async(BUCKET, key, "s3:ObjectCreated:Put", size=3, etag='"abc"', version_id=None)


def test_a_watched_key_has_its_message_at_once(messages: list[dict[str, Any]], threads: Threads) -> None:
    """Messages are there when the request ends, in order, and with growing sequencers."""
    configure(f"<QueueConfiguration><Id>one</Id><Queue>{QUEUE}</Queue>{RULE.format('raw/')}</QueueConfiguration>")
    fire("raw/a b")
    fire("raw/c")
    records = [json.loads(each["body"])["Records"][0]["s3"] for each in messages]
    assert [each["object"]["key"] for each in records] == ["raw/a+b", "raw/c"]
    assert [each["object"]["size"] for each in records] == [3, 3]
    assert {each["configurationId"] for each in records} == {"one"}
    assert records[0]["object"]["sequencer"] < records[1]["object"]["sequencer"]
    assert not threads.targets


def test_other_keys_and_buckets_have_no_effect(messages: list[dict[str, Any]], threads: Threads) -> None:
    """Neither a message nor a thread for a key that no configuration names."""
    fire("raw/a")
    configure(f"<QueueConfiguration><Queue>{QUEUE}</Queue>{RULE.format('raw/')}</QueueConfiguration>")
    fire("processed/a")
    s3._fire_s3_event_async(BUCKET, "raw/a", "s3:ObjectRemoved:Delete")
    assert not messages
    assert not threads.targets


def test_a_new_configuration_counts_at_once(messages: list[dict[str, Any]], threads: Threads) -> None:
    """The parsed configuration of a bucket is not used after a change."""
    for prefix in ("raw/", "other/"):
        configure(f"<QueueConfiguration><Queue>{QUEUE}</Queue>{RULE.format(prefix)}</QueueConfiguration>")
        fire("other/a")
    assert len(messages) == 1
    assert not threads.targets


@pytest.mark.parametrize(
    "rules",
    [
        f"<TopicConfiguration><Topic>{TOPIC}</Topic>{RULE.format('raw/')}</TopicConfiguration>",
        "<EventBridgeConfiguration/>",
    ],
)
def test_other_targets_keep_their_thread(messages: list[dict[str, Any]], threads: Threads, rules: str) -> None:
    """A topic, a function or an event bus may take long."""
    configure(rules)
    fire("raw/a")
    assert not messages
    assert len(threads.targets) == 1
