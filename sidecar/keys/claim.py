"""Two sidecars of one home change its keys one after the other.

A change goes through a key store and through sidecar.db, and no transaction spans both: what one
takes away as an old copy may be what the other has just written there.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio

from sidecar.errors import KeyStoreLocked
from sidecar.filelock import lock

logger = logging.getLogger(__name__)

_FILE = "keys.lock"
_PATIENCE_S = 10.0
_PACE_S = 0.02
"""Between two looks: no event tells that another process has given a lock back."""


class Claim:
    """Held by this process while it changes keys; by all that change some in it at once."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._holders = 0
        self._descriptor: int | None = None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Wait for another sidecar to end its change. Raises `KeyStoreLocked` if it does not.

        Where nobody has it nothing is awaited: what was asked for first is begun first.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while not self._take():
            if time.monotonic() > deadline:
                raise KeyStoreLocked(
                    "Another process of this app is changing its keys, and does not end.",
                    hint="It may be waiting in a dialogue of the OS keyring. Then try again.",
                )
            await anyio.sleep(_PACE_S)
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def tried(self) -> Iterator[bool]:
        """True in it where nobody else has it: for what can be done another time."""
        held = self._take()
        try:
            yield held
        finally:
            if held:
                self._give_back()

    def _take(self) -> bool:
        if self._holders == 0 and not self._lock():
            return False
        self._holders += 1
        return True

    def _give_back(self) -> None:
        self._holders -= 1
        if self._holders == 0 and self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lock(self) -> bool:
        if not self._home.exists():
            return True  # nothing was kept yet: a key for this run alone must not make it
        try:
            descriptor = os.open(self._home / _FILE, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            logger.debug("Keys are changed without a lock: %s", error)
            return True  # a home that can't be written takes no change either
        try:
            lock(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            logger.debug("Keys are changed without a lock: %s", error)  # not on every file system
        self._descriptor = descriptor
        return True
