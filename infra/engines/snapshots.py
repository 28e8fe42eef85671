"""Snapshots of the engine's state, so that a killed engine loses at most what it did in the last seconds.

MiniStack writes its state only when it stops. Here, a forked child writes it while the engine continues: the child has
the memory of one moment, so all services agree, and no request waits for it.
"""

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, NoReturn

from infra.engines.record import SNAPSHOT_PATH

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

#: Shortest time between two snapshots.
INTERVAL_SECONDS: Final = 2.0
#: The time between two snapshots is at least this many times the duration of the last one.
PAUSE_FACTOR: Final = 20
#: A child that takes longer ends itself.
CHILD_SECONDS: Final = 120
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PR_SET_PDEATHSIG: Final = 1


class Snapshots:
    """Wraps the engine's ASGI application. After requests that may have changed something, it writes a snapshot."""

    def __init__(self, application: Application, save: Callable[[], None]) -> None:
        """``save`` writes the state. It runs in a child process."""
        self._application = application
        self._save = save
        self._changed = threading.Event()
        self._stopping = threading.Event()
        #: Held while a snapshot is written, and for good once the engine stops.
        self._lock = threading.Lock()
        self._child = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Handle one request, or the start and stop of the server."""
        if scope["type"] == "lifespan":
            threading.Thread(target=self._take_regularly, name="snapshots", daemon=True).start()
            await self._application(scope, self._stop_first(receive), send)
            return
        if (scope.get("method"), scope.get("path")) == ("POST", SNAPSHOT_PATH):
            status = 204 if await asyncio.to_thread(self.take) else 500
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            await self._application(scope, receive, send)
        finally:
            # At the end, because a snapshot during the request may not contain its effect.
            if scope.get("method") not in _READING:
                self._changed.set()

    def take(self) -> bool:
        """Write a snapshot and wait for it. Return False if that failed."""
        with self._lock:
            self._changed.clear()
            child = os.fork()
            if child == 0:
                _save_and_exit(self._save)
            self._child = child
            _, status = os.waitpid(child, 0)
            self._child = 0
        return status == 0

    def stop(self) -> None:
        """End a running snapshot and write no more: the engine writes its last state itself."""
        self._stopping.set()
        self._changed.set()
        if child := self._child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self._lock.acquire()

    def _take_regularly(self) -> None:
        while not self._stopping.is_set():
            self._changed.wait()
            if self._stopping.is_set():
                return
            began = time.monotonic()
            if not self.take():
                print("The snapshot failed and is tried again.", file=sys.stderr)  # noqa: T201
                self._changed.set()
            self._stopping.wait(max(INTERVAL_SECONDS, PAUSE_FACTOR * (time.monotonic() - began)))

    def _stop_first(self, receive: Receive) -> Receive:
        async def receive_after_stop() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.stop()
            return message

        return receive_after_stop


def _save_and_exit(save: Callable[[], None]) -> NoReturn:
    """Run ``save`` in a child that has just been forked, and end it."""
    status = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(CHILD_SECONDS)
        if sys.platform == "linux":
            # A late child must not write over the files of the next engine.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # With the sockets open, the port would stay taken after the engine was killed.
        os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        gc.freeze()  # a collection would copy all memory pages
        save()
        status = 0
    finally:
        os._exit(status)
