"""What is noted of keys, and what is said of them: each thing goes to audit and watch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from sidecar.errors import (
    AIError,
    InvalidParams,
    KeyOriginMismatch,
    KeyStoreCorrupt,
    KeyStoreLocked,
    StorageError,
)
from sidecar.keys.audit import Audit
from sidecar.keys.chain import Chain
from sidecar.keys.events import EventName
from sidecar.keys.index import Entry
from sidecar.keys.sealer import Seals
from sidecar.keys.store import Slot, StoreName
from sidecar.keys.watch import SecurityNotice, Watch

ONCE = "used once"
"""In the audit, the key id of a key that was given for a connection test and not kept."""
_RECALLED = 10_000


class Oversight:
    """Notes what happens. `tell` takes what is odd about it."""

    def __init__(self, chain: Chain, seals: Seals, tell: Callable[[SecurityNotice], None]) -> None:
        self.audit = Audit(chain, seals, self._audit_failed)
        self._tell = tell
        self._watch = Watch()

    async def recall(self) -> None:
        """Learn from earlier runs what is usual, so that what is odd can be told from it."""
        try:
            past = await self.audit.events(before=None, limit=_RECALLED, provider=None)
        except StorageError:
            return  # told where events are written
        busy = Counter(
            (event.provider, event.origin, event.at // 60_000)
            for event in (each.event for each in past)
            if event.event == "use" and event.provider and event.origin and event.key_id != ONCE
        )
        for (provider, origin, _minute), count in busy.items():
            if provider and origin:
                self._watch.remember(provider, origin, count)

    # --- keys ---

    def stored(self, slot: Slot, store: StoreName, origins: tuple[str, ...]) -> None:
        """A key was kept."""
        self._opened(store)
        self.audit.record("store", "ok", slot, store=store, origin=" ".join(origins))

    def read(self, entry: Entry, execution_id: str | None) -> None:
        """A key was taken out of its store."""
        self._opened(entry.store)
        self.audit.record("read", "ok", entry.slot, store=entry.store, execution_id=execution_id)

    def deleted(self, entry: Entry) -> None:
        """A key was taken away."""
        self.audit.record("delete", "ok", entry.slot, store=entry.store)

    def failed(
        self,
        event: EventName,
        error: AIError,
        slot: Slot,
        store: StoreName | None,
        execution_id: str | None = None,
    ) -> None:
        """It was not: by this error."""
        self.audit.record(event, error.kind, slot, store=store, execution_id=execution_id)

    def used(self, entry: Entry, origin: str, execution_id: str | None, result: str) -> None:
        """A request with this key has ended. `result` is `ok` or the kind of its error."""
        slot, now = entry.slot, _now_ms()
        self.audit.record(
            "use", result, slot, store=entry.store, origin=origin, execution_id=execution_id
        )
        for notice in self._watch.used(slot.provider, slot.key_id, origin, now):
            self._tell(notice)
        self._say(self._watch.answered(slot.provider, slot.key_id, result, now))

    def used_once(self, provider: str, origin: str | None, result: str) -> None:
        """A request with a key that is kept nowhere has ended."""
        self.audit.record("use", result, Slot(provider, ONCE), origin=origin)

    def mismatched(self, entry: Entry, origin: str, execution_id: str | None) -> None:
        """A key was not sent to an address that it is not for."""
        slot, result = entry.slot, KeyOriginMismatch.kind
        self.audit.record(
            "refuse", result, slot, store=entry.store, origin=origin, execution_id=execution_id
        )
        self._say(self._watch.mismatched(slot.provider, slot.key_id, origin, _now_ms()))

    def pasted(self) -> None:
        """A key stood where no key belongs; what it stood in was refused."""
        self.audit.record("refuse", InvalidParams.kind)

    # --- the vault ---

    def vault_opened(self, event: EventName) -> None:
        """It was made, or opened by its password."""
        self._say(self._watch.unlocked(well=True, now=_now_ms()))
        self.audit.store_opened()
        self.audit.record(event, store="vault")

    def vault_refused(self, event: EventName, error: AIError) -> None:
        """It was not: by a wrong password, or for another reason."""
        if isinstance(error, KeyStoreLocked | KeyStoreCorrupt):  # else nothing was tried out
            self.audit.record(event, error.kind, store="vault")
        if isinstance(error, KeyStoreLocked):
            self._say(self._watch.unlocked(well=False, now=_now_ms()))

    def vault_locked(self) -> None:
        """It was locked."""
        self.audit.record("lock_vault", store="vault")

    # --- inside ---

    def _opened(self, store: StoreName) -> None:
        if store != "memory":
            self.audit.store_opened()

    def _audit_failed(self, why: str) -> None:
        self._say(self._watch.audit_failed(why, _now_ms()))

    def _say(self, notice: SecurityNotice | None) -> None:
        if notice is not None:
            self._tell(notice)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
