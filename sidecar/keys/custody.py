"""The keeper of all keys: which there are, which one a request may use, and what became of it.

Rules of this room:

* A key goes to the origins that it was entered for, and nowhere else. What counts are the origins
  inside of the store; those of the index only save opening it for nothing.
* A key that was read stays in memory until it is set anew, deleted, locked away with its vault, or
  refused by its provider.
* The first store of the order that has a fitting key serves a request; its key ids take turns
  where one is out of quota. Keys of different stores are never mixed: a key in the environment is
  perhaps somebody else's bill.
* No key leaves this room but as a `Secret`, and to whoever sends the request.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.to_thread

from sidecar.errors import (
    AIError,
    KeyNotFound,
    KeyOriginMismatch,
    KeyStoreLocked,
    StorageError,
)
from sidecar.keys import environment
from sidecar.keys.audit import Audit
from sidecar.keys.chain import Chain
from sidecar.keys.index import Entry, Index
from sidecar.keys.seals import StoredSeals
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores
from sidecar.keys.watch import SecurityNotice, Watch
from sidecar.records.database import Database

IN_ENVIRONMENT = "environment"
"""The key id of a key in the environment."""
ONCE = "used once"
"""In the audit, the key id of a key that was given for a connection test and not kept."""
_RECALLED = 10_000
_REST_S = 60.0
_LONGEST_REST_S = 3600.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request needs a key for. `origin` is where it goes; None: nowhere yet.

    `environment_origins` are those that a key in the environment is for: what the catalogue and
    config.toml say, and nothing that was set over RPC.
    """

    provider: str
    display_name: str
    origin: str | None
    variables: tuple[str, ...] = ()
    environment_origins: frozenset[str] = frozenset()
    required: bool = True


class Custody:
    """All keys. `tell` takes what is odd about their use."""

    def __init__(
        self,
        database: Database,
        stores: Stores,
        index: Index,
        tell: Callable[[SecurityNotice], None],
    ) -> None:
        self.stores = stores
        self.audit = Audit(Chain(database), StoredSeals(stores), self._audit_failed)
        self._index = index
        self._tell = tell
        self._watch = Watch()
        self._entries: dict[Slot, Entry] = {}
        self._read: dict[Slot, StoredKey] = {}
        self._reading: dict[Slot, asyncio.Task[StoredKey]] = {}
        self._locks = 0
        self._changing: dict[Slot, anyio.Lock] = {}
        self._resting: dict[Slot, float] = {}
        stores.on_lock = self._forget_vault

    def load(self) -> list[str]:
        """Read which keys there are. Opens no store. Returns what can't be used, for people."""
        try:
            self._entries, problems = self._index.read()
        except StorageError as error:
            return [f"{error.message} {error.hint}"]
        return problems

    def learn(self, variables: Iterable[str]) -> None:
        """Know the keys in these variables from now on, before anybody asks for one."""
        for name in variables:
            environment.find([name])

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

    # --- what there is ---

    def entries(self, wanted: Wanted) -> list[Entry]:
        """The provider's keys, those of the first store in the order first."""
        order = [*self.stores.order, "memory"]
        found = [
            each
            for each in self._entries.values()
            if each.slot.provider == wanted.provider and each.store in order
        ]
        key = environment.find(wanted.variables) if "environment" in order else None
        if key is not None:
            slot = Slot(wanted.provider, IN_ENVIRONMENT)
            origins = tuple(sorted(wanted.environment_origins))
            found.append(Entry(slot, "environment", origins))
        return sorted(found, key=lambda each: (order.index(each.store), each.slot))

    def fits(self, wanted: Wanted) -> bool:
        """True where a request would find a key, or needs none."""
        entries = self.entries(wanted)
        return any(_fits(each, wanted) for each in entries) or not (entries or wanted.required)

    def choose(self, wanted: Wanted, execution_id: str | None = None) -> list[Entry]:
        """The keys that a request may try, in turn; none where it needs none.

        Raises `KeyNotFound` and `KeyOriginMismatch`.
        """
        entries = self.entries(wanted)
        fitting = [each for each in entries if _fits(each, wanted)]
        if fitting:
            now = time.monotonic()
            ready = [each for each in fitting if each.store == fitting[0].store]
            return sorted(ready, key=lambda each: max(0.0, self._resting.get(each.slot, 0.0) - now))
        if entries:
            raise self._mismatch(entries[0], wanted, execution_id)
        if wanted.required:
            names = " or ".join(wanted.variables)
            hint = "Give it by set_api_key" + (f", or set {names}." if names else ".")
            message = f"There is no API key for {wanted.display_name}."
            raise KeyNotFound(message, hint=hint, provider=wanted.provider)
        return []

    async def fingerprint(self, entry: Entry, wanted: Wanted) -> str:
        """Tell this key from others: the same for the same key, and nothing of what it is."""
        key = environment.find(wanted.variables) if entry.store == "environment" else None
        if key is None:
            return entry.fingerprint
        return await anyio.to_thread.run_sync(self._index.fingerprint, key)

    # --- use ---

    async def open(self, entry: Entry, wanted: Wanted, execution_id: str | None) -> Secret:
        """Return the key itself. Raises what stores raise, and `KeyOriginMismatch`."""
        if entry.store == "environment":
            found = environment.find(wanted.variables)
            if found is None:
                raise _gone(entry)
            if wanted.origin not in wanted.environment_origins:
                raise self._mismatch(entry, wanted, execution_id)
            return found
        kept = self._read.get(entry.slot)
        if kept is None:
            # One opens the store for all who wait for the same key: one dialogue, not twenty.
            task = self._reading.get(entry.slot)
            if task is None:
                task = asyncio.create_task(self._open(entry, execution_id))
                self._reading[entry.slot] = task
                task.add_done_callback(lambda done: self._opened(entry.slot, done))
            kept = await asyncio.shield(task)
        if wanted.origin not in kept.origins:
            raise self._mismatch(entry, wanted, execution_id)
        if entry.store == "vault":
            self.stores.used_vault()
        return kept.api_key

    def used(self, entry: Entry, origin: str, execution_id: str | None, result: str) -> None:
        """A request with this key has ended. Written down, and looked at for what is odd.

        `result` is `ok` or the kind of its error.
        """
        slot = entry.slot
        self.audit.record(
            "use", result, slot, store=entry.store, origin=origin, execution_id=execution_id
        )
        now = _now_ms()
        for notice in self._watch.used(slot.provider, slot.key_id, origin, now):
            self._tell(notice)
        self._say(self._watch.answered(slot.provider, slot.key_id, result, now))

    def used_once(self, wanted: Wanted, result: str) -> None:
        """A request with a key that is kept nowhere has ended."""
        self.audit.record("use", result, Slot(wanted.provider, ONCE), origin=wanted.origin)

    def rest(self, entry: Entry, retry_after_ms: int | None) -> None:
        """A key is out of quota: the others go first for a while."""
        seconds = _REST_S if retry_after_ms is None else retry_after_ms / 1000
        self._resting[entry.slot] = time.monotonic() + min(seconds, _LONGEST_REST_S)

    async def read_again(
        self, entry: Entry, refused: Secret, wanted: Wanted, execution_id: str | None
    ) -> Secret | None:
        """After a refusal: the key anew from its store, if it is another one by now."""
        if entry.store in ("environment", "memory"):
            return None
        self._read.pop(entry.slot, None)
        found = await self.open(entry, wanted, execution_id)
        return found if found != refused else None

    # --- changes ---

    async def store(
        self, slot: Slot, api_key: Secret, origins: tuple[str, ...], store: StoreName | None
    ) -> Entry:
        """Keep a key, in place of the one of that id. Requests under way end on the old one."""
        async with self._alone(slot):
            return await self._store(slot, api_key, origins, store)

    async def _store(
        self, slot: Slot, api_key: Secret, origins: tuple[str, ...], store: StoreName | None
    ) -> Entry:
        before = self._entries.get(slot)
        where: StoreName | None = None
        try:
            where = await self.stores.write(slot, StoredKey(api_key, origins), store)
            fingerprint = await anyio.to_thread.run_sync(self._index.fingerprint, api_key)
            entry = Entry(slot, where, origins, fingerprint, _now_ms())
            if where != "memory":
                await anyio.to_thread.run_sync(self._index.put, entry)
            elif before is not None and before.store != "memory":
                await anyio.to_thread.run_sync(self._index.drop, before)
        except AIError as error:
            self.audit.record("store", error.kind, slot, store=where or store)
            raise
        self._entries[slot] = entry
        self._read[slot] = StoredKey(api_key, origins)
        self._resting.pop(slot, None)
        self.audit.store_opened()
        self.audit.record("store", "ok", slot, store=where, origin=" ".join(origins))
        if before is not None and before.store != where:
            await self._forget_copy(before)
        return entry

    async def _forget_copy(self, before: Entry) -> None:
        """Take the key out of the store that it was in. Where that is locked, it stays there."""
        result = "ok"
        try:
            await self.stores.delete(before.store, before.slot)
        except AIError as error:
            result = error.kind
        self.audit.record("delete", result, before.slot, store=before.store)

    async def delete(self, slot: Slot) -> bool:
        """Take a key away; false where there was none."""
        async with self._alone(slot):
            return await self._delete(slot)

    async def _delete(self, slot: Slot) -> bool:
        entry = self._entries.get(slot)
        if entry is None:
            return False
        try:
            await self.stores.delete(entry.store, slot)
            if entry.store != "memory":
                await anyio.to_thread.run_sync(self._index.drop, entry)
        except AIError as error:
            self.audit.record("delete", error.kind, slot, store=entry.store)
            raise
        self._entries.pop(slot, None)
        self._read.pop(slot, None)
        self.audit.record("delete", "ok", slot, store=entry.store)
        return True

    # --- the vault ---

    async def create_vault(self, password: Secret | None) -> None:
        """Make the vault. Raises `InvalidParams` where there is one."""
        await self.stores.create_vault(password)
        self.audit.store_opened()
        self.audit.record("create_vault", store="vault")

    async def unlock_vault(self, password: Secret | None) -> None:
        """Open the vault. Raises `KeyStoreLocked` for a wrong password."""
        try:
            await self.stores.unlock_vault(password)
        except AIError as error:
            self.audit.record("unlock_vault", error.kind, store="vault")
            self._refused(error)
            raise
        self._say(self._watch.unlocked(well=True, now=_now_ms()))
        self.audit.store_opened()
        self.audit.record("unlock_vault", store="vault")

    async def change_vault_password(self, password: Secret | None, new: Secret | None) -> None:
        """Give the vault another master password; without one the OS keyring protects it."""
        try:
            await self.stores.change_vault_password(password, new)
        except AIError as error:
            self.audit.record("change_vault_password", error.kind, store="vault")
            self._refused(error)
            raise
        self._say(self._watch.unlocked(well=True, now=_now_ms()))
        self.audit.store_opened()
        self.audit.record("change_vault_password", store="vault")

    # --- inside ---

    @asynccontextmanager
    async def _alone(self, slot: Slot) -> AsyncIterator[None]:
        """One change of a key at a time. Nothing is kept of it: any name may be asked for."""
        lock = self._changing.setdefault(slot, anyio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._changing.get(slot) is lock:
                del self._changing[slot]

    async def _open(self, entry: Entry, execution_id: str | None) -> StoredKey:
        slot, locks = entry.slot, self._locks
        try:
            stored = await self.stores.read(entry.store, slot)
            if stored is None:
                await self._drop(entry)
                raise _gone(entry)
        except AIError as error:
            self.audit.record(
                "read", error.kind, slot, store=entry.store, execution_id=execution_id
            )
            raise
        # It may have been set anew, deleted or locked away meanwhile.
        if self._entries.get(slot) is entry and self._locks == locks:
            self._read[slot] = stored
        self.audit.store_opened()
        self.audit.record("read", "ok", slot, store=entry.store, execution_id=execution_id)
        return stored

    async def _drop(self, entry: Entry) -> None:
        """Its store does not have it any more: neither has the list."""
        await anyio.to_thread.run_sync(self._index.drop, entry)
        if self._entries.get(entry.slot) is entry:
            del self._entries[entry.slot]

    def _opened(self, slot: Slot, task: asyncio.Task[StoredKey]) -> None:
        if self._reading.get(slot) is task:
            del self._reading[slot]
        if not task.cancelled():
            task.exception()  # seen: whoever waited may have been cancelled

    def _forget_vault(self) -> None:
        self._locks += 1
        for slot, entry in self._entries.items():
            if entry.store == "vault":
                self._read.pop(slot, None)
        self.audit.record("lock_vault", store="vault")

    def _mismatch(
        self, entry: Entry, wanted: Wanted, execution_id: str | None
    ) -> KeyOriginMismatch:
        place = wanted.origin or "no address"
        self.audit.record(
            "refuse",
            KeyOriginMismatch.kind,
            entry.slot,
            store=entry.store,
            origin=place,
            execution_id=execution_id,
        )
        self._say(self._watch.mismatched(*entry.slot, place, _now_ms()))
        return KeyOriginMismatch(
            f"The key of {wanted.display_name} is not for {place}; no request was sent.",
            provider=wanted.provider,
            hint=_mismatch_hint(entry),
        )

    def _refused(self, error: AIError) -> None:
        """The vault was not opened; by a wrong password, or for another reason."""
        if isinstance(error, KeyStoreLocked):
            self._say(self._watch.unlocked(well=False, now=_now_ms()))

    def _audit_failed(self, why: str) -> None:
        self._say(self._watch.audit_failed(why, _now_ms()))

    def _say(self, notice: SecurityNotice | None) -> None:
        if notice is not None:
            self._tell(notice)


def _fits(entry: Entry, wanted: Wanted) -> bool:
    return wanted.origin is None or wanted.origin in entry.origins


def _gone(entry: Entry) -> AIError:
    if entry.store == "environment":
        message = "The environment variable of the key is not set any more."
        return KeyNotFound(message, provider=entry.slot.provider)
    message = f"The key {entry.slot.key_id!r} is not in the {entry.store} any more."
    return KeyNotFound(message, provider=entry.slot.provider, hint="Enter it again by set_api_key.")


def _mismatch_hint(entry: Entry) -> str:
    known = ", ".join(sorted(entry.origins)) or "no address"
    if entry.store == "environment":
        return (
            f"A key from the environment goes to {known} only. Set base_url in config.toml "
            "instead, which an app's window can't write, or set the provider's address back."
        )
    return (
        f"It was entered for {known}. Enter it again by set_api_key for the new address, or set "
        "the provider's address back."
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
