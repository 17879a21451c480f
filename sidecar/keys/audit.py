"""What happens to keys is written down: off the way of requests, several events at once.

A request never fails, or waits, for its event; what can't be written is told by `security_notice`.
The chain itself, and what it can notice, is in `keys/chain.py`; its seal lies in a key store.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import anyio
import anyio.to_thread
import msgspec

from sidecar.errors import AIError, ComponentMissing, KeyStoreLocked
from sidecar.keys.chain import (
    AuditEvent,
    Chain,
    Checkpoint,
    EventName,
    NumberedEvent,
    Tip,
    Verdict,
)
from sidecar.keys.redaction import scrub
from sidecar.keys.store import Slot

logger = logging.getLogger(__name__)

_MAX_WAITING = 10_000
_CHECKPOINT_EVERY_S = 10.0


class Seals(Protocol):
    """Where the seal is kept. Both raise `AIError`."""

    async def read(self) -> Checkpoint | None:
        """Return it, made anew where there was none; None where no key store is for it.

        Raises `KeyStoreLocked` where it may be in one that is not open.
        """

    async def write(self, checkpoint: Checkpoint) -> None:
        """Keep it."""


class Audit:
    """Takes events at any time, and writes them in a task of its own."""

    def __init__(self, chain: Chain, seals: Seals, failed: Callable[[str], None]) -> None:
        self._chain = chain
        self._seals = seals
        self._failed = failed
        self._waiting: deque[AuditEvent] = deque()
        self._some = anyio.Event()
        self._writing = anyio.Lock()
        self._sealing = anyio.Lock()
        self._checkpoint: Checkpoint | None = None
        self._look_for_seal = True
        self._seal_is_elsewhere = False
        self._checked_at = 0.0

    def record(  # noqa: PLR0913 - one keyword per field of the event
        self,
        event: EventName,
        result: str = "ok",
        slot: Slot | None = None,
        *,
        store: str | None = None,
        origin: str | None = None,
        execution_id: str | None = None,
    ) -> None:
        """Take an event. Never fails and never waits."""
        if len(self._waiting) >= _MAX_WAITING:
            self._failed(f"more than {_MAX_WAITING} events wait to be written.")
            return
        self._waiting.append(
            AuditEvent(
                at=time.time_ns() // 1_000_000,
                event=event,
                result=result,
                provider=scrub(slot.provider) if slot else None,
                key_id=scrub(slot.key_id) if slot else None,
                store=store,
                origin=scrub(origin) if origin else None,
                execution_id=scrub(execution_id) if execution_id else None,
            )
        )
        self._some.set()

    def store_opened(self) -> None:
        """A key store has just been opened: the seal may be there now."""
        self._look_for_seal = True

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        while True:
            await self._some.wait()
            self._some = anyio.Event()
            await self.flush()
            await self._seal()

    async def flush(self, *, closing: bool = False) -> None:
        """Write what waits. What can't be written is told, and lost. No key store is asked."""
        async with self._writing:
            events = list(self._waiting)
            self._waiting.clear()
            with self._telling():
                if events:
                    await self._write(events)
        if closing:
            await self._seal(now=True)

    async def events(
        self, *, before: int | None, limit: int, provider: str | None
    ) -> list[NumberedEvent]:
        """Return the newest events, newest first. Raises `StorageError`."""
        await self.flush()
        return await anyio.to_thread.run_sync(self._chain.read, before, limit, provider)

    async def verify(self) -> Verdict:
        """Compute the chain anew. Raises `StorageError`."""
        await self.flush()
        self._look_for_seal = True
        await self._seal()
        return await anyio.to_thread.run_sync(self._chain.verify, self._checkpoint)

    async def _write(self, events: list[AuditEvent]) -> None:
        append = self._chain.append
        tip, problem = await anyio.to_thread.run_sync(append, events, self._checkpoint)
        if self._checkpoint is not None:
            self._go_on(self._checkpoint, tip, problem)

    def _go_on(self, checkpoint: Checkpoint, tip: Tip, problem: str | None) -> None:
        """Vouch for all up to `tip`, unless something is wrong; then that stays to be seen."""
        if problem is None:
            checkpoint = msgspec.structs.replace(checkpoint, seq=tip.seq, digest=tip.digest)
        else:
            self._failed(problem)
        self._checkpoint = checkpoint

    async def _seal(self, *, now: bool = False) -> None:
        """Find the seal, keep it, cut what is too old. That asks a key store, and may take long.

        Events are written meanwhile.
        """
        async with self._sealing:
            with self._telling():
                await self._find_seal()
                kept = await self._keep_checkpoint(now=now)
                base = await anyio.to_thread.run_sync(self._chain.new_base)
                if base is None or self._seal_is_elsewhere:
                    return  # what lies in the seal would deny that the chain begins later
                if self._checkpoint is not None:
                    # First: after a crash in between there is more than it says, and never less.
                    self._checkpoint = msgspec.structs.replace(self._checkpoint, base=base)
                    kept = await self._keep_checkpoint(now=True)
                if kept:
                    async with self._writing:
                        await anyio.to_thread.run_sync(self._chain.cut, base)

    async def _find_seal(self) -> None:
        if self._checkpoint is not None or not self._look_for_seal:
            return
        self._look_for_seal = False
        try:
            found = await self._seals.read()
        except AIError as error:
            self._seal_is_elsewhere = True
            if isinstance(error, KeyStoreLocked | ComponentMissing):
                return  # it can't be opened now; without a mac events are written all the same
            raise
        self._seal_is_elsewhere = False
        if found is not None:
            async with self._writing:  # what is being written now is vouched for, too
                tip, problem = await anyio.to_thread.run_sync(self._chain.look, found)
                self._go_on(found, tip, problem)

    async def _keep_checkpoint(self, *, now: bool) -> bool:
        """Return false where it should have been kept and could not."""
        due = time.monotonic() - self._checked_at > _CHECKPOINT_EVERY_S
        if self._checkpoint is None or not (due or now):
            return True
        try:
            await self._seals.write(self._checkpoint)
        except KeyStoreLocked:
            return False  # kept once it is open again
        self._checked_at = time.monotonic()
        return True

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except AIError as error:
            self._failed(error.message)
        except Exception:
            logger.exception("The audit failed.")
            self._failed("it failed by a bug of the sidecar's.")
