"""Keys are set and deleted here, and nowhere else: all of a change is done, or nothing is."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread

from sidecar.errors import AIError, InvalidParams, StorageError
from sidecar.keys.door import VaultDoor
from sidecar.keys.holdings import Holdings
from sidecar.keys.index import Entry, Index
from sidecar.keys.oversight import Oversight
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores

MAX_KEYS = 20
"""Key ids of one provider."""


class Changes:
    """One change of a key at a time: in its store, in the list, in the audit."""

    def __init__(
        self,
        stores: Stores,
        index: Index,
        holdings: Holdings,
        oversight: Oversight,
        door: VaultDoor,
    ) -> None:
        self._stores = stores
        self._index = index
        self._holdings = holdings
        self._oversight = oversight
        self._door = door
        self._changing: dict[Slot, anyio.Lock] = {}
        self._coming: set[Slot] = set()

    async def store(
        self, slot: Slot, api_key: Secret, origins: tuple[str, ...], store: StoreName | None
    ) -> Entry:
        """Keep a key, in place of the one of that id. Requests under way end on the old one.

        Without a `store` in the first of the order that works. Raises what stores raise, and
        `InvalidParams` for one key too many. Once begun it is not cut short by a cancellation.
        """
        async with self._alone(slot):
            with anyio.CancelScope(shield=True):
                entry = await self._store(slot, StoredKey(api_key, origins), store)
        await self.sweep(entry.store)
        return entry

    async def delete(self, slot: Slot) -> bool:
        """Take a key away; false where there was none. Not cut short either."""
        async with self._alone(slot):
            with anyio.CancelScope(shield=True):
                deleted = await self._delete(slot)
        if deleted is not None:
            await self.sweep(deleted.store)
        return deleted is not None

    async def sweep(self, store: StoreName) -> None:
        """A store is open: take away what is left in it. What fails is tried again later."""
        for place in await anyio.to_thread.run_sync(self._stores.leftovers.within, store):
            with suppress(AIError):
                await self._discard(store, place)

    async def _store(self, slot: Slot, stored: StoredKey, store: StoreName | None) -> Entry:
        self._refuse_too_many(slot)
        before, forgotten = self._holdings.entry(slot), self._holdings.forgotten
        self._coming.add(slot)
        try:
            entry, replaced = await self._keep(slot, stored, store, before)
            self._holdings.put(entry, stored, forgotten)
        except AIError as error:
            self._oversight.failed("store", error, slot, store)
            raise
        finally:
            self._coming.discard(slot)
        self._oversight.stored(slot, entry.store, stored.origins)
        if entry.store == "vault":
            self._door.used()
        for each in replaced:
            await self._take_away(each, moved=each.store != entry.store)
        return entry

    async def _delete(self, slot: Slot) -> Entry | None:
        await self._holdings.refresh()  # another sidecar of this home may have moved it
        entry = self._holdings.entry(slot)
        if entry is None:
            return None
        try:
            await self._stores.delete(entry.store, entry.place)
            if entry.store != "memory":
                await anyio.to_thread.run_sync(self._index.drop, entry)
        except AIError as error:
            self._oversight.failed("delete", error, slot, entry.store)
            raise
        self._holdings.remove(entry)
        self._oversight.deleted(entry)
        return entry

    async def _keep(
        self, slot: Slot, stored: StoredKey, store: StoreName | None, before: Entry | None
    ) -> tuple[Entry, list[Entry]]:
        """Return the new key's entry, and those of which it takes the place."""
        copy = secrets.token_hex(4)
        # A key that lasts is not given up for one that ends with this run.
        lasting = before is not None and before.store != "memory"
        kept_in = await self._stores.add(slot.copy(copy), stored, store, lasting=lasting)
        fingerprint = await anyio.to_thread.run_sync(self._index.fingerprint, stored.api_key)
        now = time.time_ns() // 1_000_000
        entry = Entry(slot, kept_in, stored.origins, fingerprint, now, copy)
        try:
            listed = await anyio.to_thread.run_sync(self._enter, entry, before)
        except StorageError:
            with suppress(AIError):
                await self._discard(kept_in, entry.place)
            raise
        own = before if before is not None and before.store == "memory" else None
        return entry, [each for each in (listed, own) if each is not None]

    def _enter(self, entry: Entry, before: Entry | None) -> Entry | None:
        """Enter it in the list; return the one that stood there, perhaps by another sidecar."""
        if entry.store != "memory":
            listed = self._index.put(entry)
        elif before is None or before.store == "memory":
            return None  # a key for this run alone needs no list
        else:
            listed = self._index.drop_any(entry.slot)
        self._stores.leftovers.changed()
        return listed

    async def _take_away(self, before: Entry, *, moved: bool) -> None:
        """Take the former key out of its store; later, where that is not open now."""
        try:
            await self._discard(before.store, before.place)
        except AIError as error:
            self._oversight.failed("delete", error, before.slot, before.store)
        else:
            if moved:
                self._oversight.deleted(before)

    async def _discard(self, store: StoreName, place: Slot) -> None:
        await self._stores.delete(store, place)
        if store != "memory":
            await anyio.to_thread.run_sync(self._stores.leftovers.gone, store, place)

    def _refuse_too_many(self, slot: Slot) -> None:
        slots = {*self._holdings.slots(), *self._coming, slot}
        if sum(each.provider == slot.provider for each in slots) > MAX_KEYS:
            message = f"{slot.provider} has {MAX_KEYS} keys, which is the limit."
            raise InvalidParams(message, path="$.key_id", hint="Delete one by delete_api_key.")

    @asynccontextmanager
    async def _alone(self, slot: Slot) -> AsyncIterator[None]:
        """One change of a key at a time. Nothing is kept of it: any name may be asked for."""
        lock = self._changing.setdefault(slot, anyio.Lock(fast_acquire=True))
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and self._changing.get(slot) is lock:
                del self._changing[slot]
