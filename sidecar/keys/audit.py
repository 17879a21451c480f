"""What happens to keys is written down: off the way of requests, several events at once.

A request never fails, or waits, for its event; what can't be written is told by `security_notice`.
The chain itself, and what it can notice, is in `keys/chain.py`; its seal in `keys/sealer.py`.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread

from sidecar.errors import AIError
from sidecar.keys.chain import Chain
from sidecar.keys.events import AuditEvent, EventName, NumberedEvent, Verdict
from sidecar.keys.redaction import KNOWN
from sidecar.keys.sealer import Sealer, Seals
from sidecar.keys.store import Slot

logger = logging.getLogger(__name__)

_MAX_WAITING = 10_000


class Audit:
    """Takes events at any time, and writes them in a task of its own."""

    def __init__(self, chain: Chain, seals: Seals, failed: Callable[[str], None]) -> None:
        self._chain = chain
        self._failed = failed
        self._waiting: deque[AuditEvent] = deque()
        self._some = anyio.Event()
        self._written = anyio.Event()
        self._writing = anyio.Lock()
        self._sealer = Sealer(chain, seals, self._writing, failed)

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
        self._sealer.look_for_seal = True

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
        with self._telling():
            await self._sealer.find()
        verdict = await self._sealer.verify()
        if not verdict.valid:
            with self._telling():
                await self._sealer.look_again()
            verdict = await self._sealer.verify()
        return verdict

    async def begin_anew(self) -> Verdict:
        """Vouch from here on, whatever was before: for who has put back an older file himself.

        What was before stays, where it is whole in itself. Raises what key stores raise, and
        `StorageError`.
        """
        await self.flush()
        await self._sealer.begin_anew()
        return await self.verify()

    async def _write(self, events: list[AuditEvent]) -> None:
        append, seal = self._chain.append, self._sealer.checkpoint
        tip, problem = await anyio.to_thread.run_sync(append, events, seal)
        self._sealer.went_on(tip, problem)

    async def _seal(self, *, now: bool = False) -> None:
        with self._telling():
            await self._sealer.run(now=now)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except AIError as error:
            self._failed(error.message)
        except Exception:
            logger.exception("The audit failed.")
            self._failed("it failed by a bug of the sidecar's.")
