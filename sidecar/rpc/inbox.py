"""Lines that came and were not yet looked at.

The event loop belongs to the streams as well: lines are worked off for `_TURN_S` at a time. While
the other side does not read its answers, no further lines are worked off and no more are read:
what a client can make us hold is bounded.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from sidecar.rpc.lines import Overlong

_TURN_S = 0.005
MAX_UNREAD = 32 * 1024 * 1024
"""Bytes of unread answers beyond which nothing further is taken in."""


class Source(Protocol):
    """Where the lines come from."""

    def pause(self) -> None:
        """Bring no more."""

    def resume(self) -> None:
        """Go on."""


class Output(Protocol):
    """Where the answers go."""

    @property
    def pending(self) -> int:
        """Bytes that nobody has read yet."""

    async def room(self) -> None:
        """Wait until most of them are read."""


class Inbox:
    """Hands lines to `receive`, in order and a few at a time."""

    def __init__(
        self, receive: Callable[[bytes | Overlong], None], output: Output, tasks: TaskGroup
    ) -> None:
        self._receive = receive
        self._output = output
        self._tasks = tasks
        self._lines: deque[bytes | Overlong] = deque()
        self._source: Source | None = None
        self._working = False
        self._emptied = anyio.Event()

    def deliver(self, lines: list[bytes | Overlong], source: Source) -> None:
        """Take lines; `source` is paused while there is no room for their answers."""
        self._source = source
        self._lines.extend(lines)
        if not self._working:
            self._working = True
            self._work()

    async def empty(self) -> None:
        """Wait until every line has been looked at."""
        while self._working:
            await self._emptied.wait()

    def _work(self) -> None:
        until = time.monotonic() + _TURN_S
        while self._lines:
            if self._output.pending > MAX_UNREAD:
                self._tasks.start_soon(self._wait_for_room)
                return
            self._receive(self._lines.popleft())
            if time.monotonic() > until and self._lines:
                asyncio.get_running_loop().call_soon(self._work)
                return
        self._working = False
        self._emptied.set()
        self._emptied = anyio.Event()

    async def _wait_for_room(self) -> None:
        if self._source is not None:
            self._source.pause()
            await self._output.room()
            self._source.resume()
        self._work()
