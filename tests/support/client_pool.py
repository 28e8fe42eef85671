"""boto3 clients that tests share: creating one takes longer than most tests on moto.

Each client of a test is another object, as without the pool. A later test gets it without the event handlers that the
earlier one has registered.
"""

import copy
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.hooks import HierarchicalEmitter


@dataclass(slots=True)
class PooledClient:
    """A client, and a copy of its event emitter from before the first test."""

    client: Any
    untouched: HierarchicalEmitter
    #: The emitter replaces its cache by another one whenever a handler is registered or unregistered.
    cache: object = None

    def lend(self) -> Any:
        """Return the client for one test."""
        self.cache = vars(_get_emitter(self.client))["_lookup_cache"]
        return self.client

    def take_back(self) -> None:
        """Remove the handlers that the test has registered."""
        state = vars(_get_emitter(self.client))
        if state["_lookup_cache"] is not self.cache:
            state.update(vars(copy.copy(self.untouched)))


@dataclass
class ClientPool:
    """Clients by what they depend on. Several tests may not use a pool at the same time."""

    clients: dict[tuple[str, ...], list[PooledClient]] = field(default_factory=dict)

    @contextmanager
    def lend(self) -> Iterator[None]:
        """Let ``boto3.client`` return clients of this pool."""
        create, lent = boto3.client, Counter[tuple[str, ...]]()

        def get_client(service: str, *, config: Config | None = None, **options: Any) -> Any:
            options_of_config = sorted(vars(config).get("_user_provided_options", {}).items()) if config else []
            settings = sorted((name, value) for name, value in os.environ.items() if name.startswith("AWS_"))
            key = (service, repr(options_of_config), repr(sorted(options.items())), repr(settings))
            pooled = self.clients.setdefault(key, [])
            if lent[key] == len(pooled):
                client = create(service, config=config, **options)  # type: ignore[call-overload]
                pooled.append(PooledClient(client, copy.copy(_get_emitter(client))))
            lent[key] += 1
            return pooled[lent[key] - 1].lend()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(boto3, "client", get_client)
            yield
        for key, count in lent.items():
            for each in self.clients[key][:count]:
                each.take_back()


def _get_emitter(client: Any) -> HierarchicalEmitter:
    """Return the emitter that the parts of a client share."""
    emitter: HierarchicalEmitter = client.meta.events._emitter
    return emitter
