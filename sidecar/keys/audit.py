"""What happens to keys is written down: off the way of requests, several events at once.

A request never fails, or waits, for its event; what can't be written is told by `security_notice`.
The chain itself, and what it can notice, is in `keys/chain.py`; its seal lies in a key store.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Protocol

import anyio
import anyio.to_thread
import msgspec

from sidecar.errors import AIError, ComponentMissing, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.chain import Chain, Tip
from sidecar.keys.checkpoint import ANEW, Checkpoint
from sidecar.keys.events import AuditEvent, EventName, NumberedEvent, Verdict
from sidecar.keys.redaction import KNOWN
from sidecar.keys.store import Slot

logger = logging.getLogger(__name__)

_MAX_WAITING = 10_000
_CHECKPOINT_EVERY_S = 10.0
_WEEK_MS = 7 * 24 * 3600 * 1000


class Seals(Protocol):
    """Where the seal is kept. All raise `AIError`."""

    async def read(self, *, search: bool) -> Checkpoint | None:
        """Return it; None where there is none. Without `search` no store is asked for a first one.

        Raises `KeyStoreLocked` and `ComponentMissing` where it may be in a store that is not open,
        or not here, and `KeyStoreCorrupt` for one that can't be read, or that was taken away.
        """

    async def make(self) -> Checkpoint | None:
        """Make a new one and keep it; None where there is no key store for it."""

    def alone(self) -> AbstractAsyncContextManager[None]:
        """No other sidecar of this home looks for one meanwhile. Raises `KeyStoreLocked`."""

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
        self._written = anyio.Event()
        self._writing = anyio.Lock()
        self._sealing = anyio.Lock()
        self._checkpoint: Checkpoint | None = None
        self._look_for_seal = False  # before a key store was used: that may open a dialogue
        self._seal_is_elsewhere = False
        self._seal_problem: str | None = None
        self._doubt: str | None = None
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
                # These are looked at before they get here. Were they scrubbed, who enters a word
                # as a key could hide what happens to a provider of that name.
                provider=slot.provider if slot else None,
                key_id=slot.key_id if slot else None,
                store=store,
                origin=origin,
                execution_id=KNOWN.replaced(execution_id) if execution_id else None,
            )
        )
        self._some.set()

    def store_opened(self) -> None:
        """A key store has just been opened: the seal may be there now."""
        self._look_for_seal = True

    async def run(self) -> None:
        """Write what comes, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._run_sealing)
            while True:
                await self._some.wait()
                self._some = anyio.Event()
                await self.flush()
                self._written.set()

    async def _run_sealing(self) -> None:
        while True:
            await self._written.wait()
            self._written = anyio.Event()
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
        await self._seal()
        async with self._sealing:
            with self._telling():
                await self._find_seal(make=False)
        verdict = await anyio.to_thread.run_sync(self._chain.verify, self._checkpoint)
        if not verdict.valid and self._checkpoint is not None:
            with self._telling():
                await self._look_again(self._checkpoint)
            verdict = await anyio.to_thread.run_sync(self._chain.verify, self._checkpoint)
        if verdict.valid and self._seal_problem is not None:
            return msgspec.structs.replace(verdict, valid=False, problem=self._seal_problem)
        return verdict

    async def begin_anew(self) -> Verdict:
        """Vouch from here on, whatever was before: for who has put back an older file himself.

        What was before stays, where it is whole in itself. Raises what key stores raise, and
        `StorageError`.
        """
        await self.flush()
        async with self._sealing, self._writing, self._seals.alone():
            try:
                seal = await self._seals.read(search=True) or await self._seals.make()
            except (KeyStoreCorrupt, ComponentMissing):
                seal = await self._seals.make()  # that one is lost
            begun = await anyio.to_thread.run_sync(self._chain.begin_anew, seal)
            if seal is not None:
                self._checkpoint = begun
                await self._seals.write(begun)
            self._seal_problem = self._doubt = None
        return await self.verify()

    async def _write(self, events: list[AuditEvent]) -> None:
        append = self._chain.append
        tip, problem = await anyio.to_thread.run_sync(append, events, self._checkpoint)
        if self._checkpoint is not None:
            self._go_on(self._checkpoint, tip, problem)

    def _go_on(self, checkpoint: Checkpoint, tip: Tip, problem: str | None) -> None:
        """Vouch for all up to `tip`, unless something is wrong; then that stays to be seen."""
        if problem is None:
            checkpoint = msgspec.structs.replace(checkpoint, seq=tip.seq, digest=tip.digest)
        self._checkpoint = checkpoint
        self._doubt = problem

    async def _look_again(self, checkpoint: Checkpoint) -> None:
        """Hold the chain against what is known here and what is kept there, whichever says more.

        Another sidecar of this home may have gone on, moved the beginning, or begun anew. What this
        one has vouched for itself still counts: an older seal must not excuse it.
        """
        found = await self._seals.read(search=False)
        if found is not None:
            checkpoint = _newest(checkpoint, found)
        async with self._writing:
            tip, problem = await anyio.to_thread.run_sync(self._chain.look, checkpoint)
            self._go_on(checkpoint, tip, problem)

    async def _seal(self, *, now: bool = False) -> None:
        """Find the seal, keep it, cut what is too old. That asks a key store, and may take long.

        Events are written meanwhile.
        """
        async with self._sealing:
            with self._telling():
                base = await anyio.to_thread.run_sync(self._chain.new_base)
                if self._look_for_seal or base is not None:
                    look, self._look_for_seal = self._look_for_seal, False
                    await self._find_seal(make=look)
                await self._settle_doubt()
                await self._keep_checkpoint(now=now)
                if base is not None:
                    await self._cut(base)

    async def _cut(self, base: int) -> None:
        if self._seal_is_elsewhere:
            return  # what lies in the seal would deny that the chain begins later
        if self._checkpoint is not None:
            # First: after a crash in between there is more than it says, and never less.
            self._checkpoint = msgspec.structs.replace(self._checkpoint, base=base)
            if not await self._keep_checkpoint(now=True):
                return
        if await anyio.to_thread.run_sync(self._chain.age_ms, base) < _WEEK_MS:
            self._failed("so much happened within a week that the oldest events are cut off.")
        async with self._writing:
            await anyio.to_thread.run_sync(self._chain.cut, base)

    async def _find_seal(self, *, make: bool) -> None:
        if self._checkpoint is not None:
            return
        try:
            async with self._seals.alone():
                found = await self._read_seal(search=make)
                if found is None and make:
                    found = await self._seals.make()
                if found is not None and found.is_new:
                    found = await self._first_used(found)
        except (KeyStoreLocked, ComponentMissing):
            # It can't be opened now; without a mac events are written all the same.
            self._seal_is_elsewhere = True
            return
        except KeyStoreCorrupt as error:
            self._seal_is_elsewhere = True
            self._seal_problem = error.message
            raise
        self._seal_is_elsewhere, self._seal_problem = False, None
        if found is not None:
            await self._vouch(found)

    async def _read_seal(self, *, search: bool) -> Checkpoint | None:
        found = await self._seals.read(search=search)
        unused = found is None or found.is_new  # then there is no event that one vouches for
        if unused and await anyio.to_thread.run_sync(self._chain.is_sealed):
            raise KeyStoreCorrupt("The audit's seal is gone from the key stores.", hint=ANEW)
        return found

    async def _first_used(self, new: Checkpoint) -> Checkpoint:
        """Keep it before an event is sealed by it: after a crash it must not look unused."""
        base = await anyio.to_thread.run_sync(self._chain.base)
        new = msgspec.structs.replace(new, base=base)
        tip, _ = await anyio.to_thread.run_sync(self._chain.look, new)
        used = msgspec.structs.replace(new, seq=tip.seq, digest=tip.digest)
        await self._seals.write(used)
        return used

    async def _vouch(self, found: Checkpoint) -> None:
        async with self._writing:  # what is being written now is vouched for, too
            tip, problem = await anyio.to_thread.run_sync(self._chain.look, found)
            self._go_on(found, tip, problem)

    async def _settle_doubt(self) -> None:
        """Tell what is wrong, where it still is when the seal was looked at again."""
        if self._doubt is None or self._checkpoint is None:
            return
        try:
            await self._look_again(self._checkpoint)
        finally:
            if self._doubt is not None:
                self._failed(self._doubt)

    async def _keep_checkpoint(self, *, now: bool) -> bool:
        """Return false where it should have been kept and could not."""
        due = time.monotonic() - self._checked_at > _CHECKPOINT_EVERY_S
        if self._checkpoint is None or not (due or now):
            return True
        try:
            await self._look_again(self._checkpoint)
            if self._doubt is not None:
                self._failed(self._doubt)
                return False  # the one that is kept says more
            await self._seals.write(self._checkpoint)
        except (KeyStoreLocked, ComponentMissing):
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


def _newest(here: Checkpoint, kept: Checkpoint) -> Checkpoint:
    """What vouches for most. One with another key was made anew by a person."""
    if kept.key != here.key or kept.seq > here.seq:
        return kept
    return msgspec.structs.replace(here, base=max(here.base, kept.base))
