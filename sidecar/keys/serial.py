"""A thread that does one blocking thing after the other, for callers who can't wait for ever.

A keyring may show a dialogue and wait for an answer that never comes. Who asked gives up after a
while; the thread can't, and until it is free again everybody else is told so at once, instead of
waiting in the same line. It is a daemon: it never keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import anyio

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Stuck(Exception):
    """It has been at one thing for longer than anybody waits."""


class SerialThread:
    """Does blocking work in order. `patience_s`: how long a caller waits."""

    def __init__(self, name: str, patience_s: float) -> None:
        self._name = name
        self._patience_s = patience_s
        self._jobs: queue.SimpleQueue[_Job[Any]] = queue.SimpleQueue()
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

    async def call(
        self,
        work: Callable[[], T],
        undo: Callable[[T], object] | None = None,
        patience_s: float | None = None,
    ) -> T:
        """Run `work` in the thread and return what it returns. Raises `Stuck`, and what it does.

        Where nobody waits any more when it is done, `undo` takes back what it has done, before
        anything else is begun. Who has less patience than usual says nothing about others' by it.
        """
        if self.stuck:
            raise Stuck
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        job = _Job(work, undo, asyncio.get_running_loop())
        self._jobs.put(job)
        try:
            with anyio.move_on_after(self._patience_s if patience_s is None else patience_s):
                return await asyncio.shield(job.outcome)
        finally:
            in_time = job.give_up()
        if in_time:
            return await job.outcome
        if patience_s is None:
            # Whoever asks next is told at once, though the work began a little after this call.
            self._given_up_on = job.began or self._busy_since
        raise Stuck

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            self._busy_since = job.began = time.monotonic()
            job.run()
            self._busy_since = None


class _Job(Generic[T]):
    """Work in the thread, for one who waits in the loop until he gives up."""

    def __init__(
        self,
        work: Callable[[], T],
        undo: Callable[[T], object] | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.outcome: asyncio.Future[T] = loop.create_future()
        self.began: float | None = None
        self._work = work
        self._undo = undo
        self._loop = loop
        self._deciding = threading.Lock()
        self._done = False
        self._given_up = False

    def give_up(self) -> bool:
        """Nobody waits any more. True where it was done in time: `outcome` is just being set."""
        with self._deciding:
            self._given_up = True
            return self._done

    def run(self) -> None:
        """Do it, in the thread."""
        if self._given_up:
            return
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            found = error
            if self._in_time():
                self._tell(lambda: self.outcome.set_exception(found))
            return
        if self._in_time():
            self._tell(lambda: self.outcome.set_result(result))
        elif self._undo is not None:
            self._take_back(self._undo, result)

    def _in_time(self) -> bool:
        with self._deciding:
            self._done = not self._given_up
            return self._done

    def _take_back(self, undo: Callable[[T], object], result: T) -> None:
        try:
            undo(result)
        except Exception as error:  # noqa: BLE001 - nobody waits whom it could reach
            logger.warning("What was done too late could not be taken back: %s", error)

    def _tell(self, settle: Callable[[], None]) -> None:
        def in_the_loop() -> None:
            settle()
            self.outcome.exception()  # seen: whoever waited may have been cancelled

        try:
            self._loop.call_soon_threadsafe(in_the_loop)
        except RuntimeError:
            return  # the loop has ended; so has whoever waited
