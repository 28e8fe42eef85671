"""S3's events without a thread for each object.

MiniStack starts a thread for each new object of a bucket with notifications. This thread parses the configuration of
the bucket again, even if no configuration names the key. Here, the configuration is parsed once, a key that nobody
watches has no effect, and a message for a queue is stored at once. Other targets keep MiniStack's thread, because they
may take long.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

from functools import lru_cache
from typing import Any, Final

#: Configurations of buckets that are kept.
CONFIGURATIONS: Final = 64


def install(s3: Any) -> None:
    """Patch ``ministack.services.s3``."""
    parse = lru_cache(CONFIGURATIONS)(s3._parse_notification_config_raw)
    start_thread = s3._fire_s3_event_async

    def parse_once(raw: str | None) -> list[dict[str, Any]]:
        return [dict(each) for each in parse(raw)]

    def fire(bucket: str, key: str, event: str, *sizes: Any, **facts: Any) -> None:
        raw = s3._bucket_notifications.get(bucket) or ""
        if "EventBridgeConfiguration" in raw:
            start_thread(bucket, key, event, *sizes, **facts)
            return
        types = {
            each["type"]
            for each in parse(raw)
            if s3._event_matches(event, each["events"])
            and s3._key_matches_filter(key, each["filter_prefix"], each["filter_suffix"])
        }
        if types == {"sqs"}:
            s3._fire_s3_event(bucket, key, event, *sizes, sequencer=s3._next_event_sequencer(event), **facts)
        elif types:
            start_thread(bucket, key, event, *sizes, **facts)

    s3._parse_notification_config_raw = parse_once
    s3._fire_s3_event_async = fire
