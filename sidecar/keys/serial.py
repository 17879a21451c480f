"""A thread that does one blocking thing after the other, for callers who can't wait for ever.

A keyring may show a dialogue and wait for an answer that never comes. Who asked gives up after a
while; the thread can't, and until it is free again everybody else is told so at once, instead of
waiting in the same line. It is a daemon: it never keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")
_Job = Callable[[], None]


class Stuck(Exception):
    """It has been at one thing for longer than anybody waits."""


class SerialThread:
    """Does blocking work in order. `patience_s`: how long a caller waits."""

    def __init__(self, name: str, patience_s: float) -> None:
        self._name = name
        self._patience_s = patience_s
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None
        self._given_up_on: float | None = None
        """Since when it had been busy when somebody lost his patience."""

    @property
    def stuck(self) -> bool:
        """True where the present work takes longer than anybody waits."""
        since = self._busy_since
        if since is None:
            return False
        return since == self._given_up_on or time.monotonic() - since > self._patience_s

    async def call(self, work: Callable[[], T]) -> T:
        """Run `work` in the thread and return what it returns. Raises `Stuck`, and what it does."""
        if self.stuck:
            raise Stuck
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._jobs.put(lambda: self._do(work, outcome, loop))
        with anyio.move_on_after(self._patience_s):
            return await outcome
        # Whoever asks next is told at once, though the work began a little after this call.
        self._given_up_on = self._busy_since
        raise Stuck

    def _do(
        self,
        work: Callable[[], T],
        outcome: asyncio.Future[T],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        if outcome.cancelled():
            return  # nobody waits any more
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            _tell(loop, outcome, error=error)
        else:
            _tell(loop, outcome, result=result)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            self._busy_since = time.monotonic()
            job()
            self._busy_since = None


def _tell(
    loop: asyncio.AbstractEventLoop,
    outcome: asyncio.Future[T],
    *,
    result: T | None = None,
    error: BaseException | None = None,
) -> None:
    def set_it() -> None:
        if outcome.done():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type] # None is a T where there is no error

    try:
        loop.call_soon_threadsafe(set_it)
    except RuntimeError:
        return  # the loop has ended; so has whoever waited
