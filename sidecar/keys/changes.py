"""Keys are set and deleted here, and nowhere else: all of a change is done, or nothing is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread

from sidecar.errors import AIError, InvalidParams, StorageError
from sidecar.keys.door import VaultDoor
from sidecar.keys.holdings import Holdings
from sidecar.keys.index import Entry, Index
from sidecar.keys.leftovers import Leftovers
from sidecar.keys.oversight import Oversight
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores

MAX_KEYS = 20
"""Key ids of one provider."""


class Changes:
    """One change of a key at a time: in its store, in the list, in the audit."""

    def __init__(  # noqa: PLR0913, PLR0917 - the rooms that a change goes through
        self,
        stores: Stores,
        index: Index,
        holdings: Holdings,
        oversight: Oversight,
        door: VaultDoor,
        leftovers: Leftovers,
    ) -> None:
        self._stores = stores
        self._index = index
        self._holdings = holdings
        self._oversight = oversight
        self._door = door
        self._leftovers = leftovers
        self._changing: dict[Slot, anyio.Lock] = {}
        self._coming: set[Slot] = set()

    async def store(
        self, slot: Slot, api_key: Secret, origins: tuple[str, ...], store: StoreName | None
    ) -> Entry:
        """Keep a key, in place of the one of that id. Requests under way end on the old one.

        Without a `store` in the first of the order that works. Raises what stores raise, and
        `InvalidParams` for one key too many. Once begun it is not cut short by a cancellation.
        """
        async with self._alone(slot), self._stores.claim.held():
            with anyio.CancelScope(shield=True):
                entry = await self._store(slot, StoredKey(api_key, origins), store)
        await self.sweep(entry.store)
        return entry

    async def delete(self, slot: Slot) -> bool:
        """Take a key away; false where there was none. Not cut short either."""
        async with self._alone(slot), self._stores.claim.held():
            with anyio.CancelScope(shield=True):
                deleted = await self._delete(slot)
        if deleted is not None:
            await self.sweep(deleted.store)
        return deleted is not None

    async def _store(self, slot: Slot, stored: StoredKey, store: StoreName | None) -> Entry:
        self._refuse_too_many(slot)
        forgotten = self._holdings.forgotten
        self._coming.add(slot)
        try:
            entry, replaced = await self._keep(slot, stored, store)
            self._holdings.put(entry, stored, forgotten)
        except AIError as error:
            self._oversight.failed("store", error, slot, store)
            raise
        finally:
            self._coming.discard(slot)
        self._oversight.stored(slot, entry.store, stored.origins)
        if entry.store == "vault":
            self._door.used()
        for before in replaced:
            if before.store != entry.store:
                await self._take_away(before)
        return entry

    async def _delete(self, slot: Slot) -> Entry | None:
        await self._holdings.refresh()  # another sidecar of this home may have moved it
        entry = self._holdings.entry(slot)
        if entry is None:
            return None
        try:
            await self._stores.delete(entry.store, slot)
            await self._drop(entry)
        except AIError as error:
            self._oversight.failed("delete", error, slot, entry.store)
            raise
        self._holdings.remove(entry)
        self._oversight.deleted(entry)
        return entry

    async def sweep(self, store: StoreName) -> None:
        """A store is open: take away the old copies in it. What fails is tried again later."""
        for slot in await anyio.to_thread.run_sync(self._leftovers.within, store):
            async with self._alone(slot):
                with self._stores.claim.tried() as alone, suppress(AIError):
                    if alone:
                        await self._sweep(store, slot)

    async def _sweep(self, store: StoreName, slot: Slot) -> None:
        listed, _ = await anyio.to_thread.run_sync(self._index.read)
        kept = listed.get(slot)
        if kept is None or kept.store != store:  # else a key was set there again
            await self._stores.delete(store, slot)
        await anyio.to_thread.run_sync(self._leftovers.remove, store, slot)

    async def _keep(
        self, slot: Slot, stored: StoredKey, store: StoreName | None
    ) -> tuple[Entry, list[Entry]]:
        """Return the new key's entry, and those of which it takes the place."""
        before = self._holdings.entry(slot)
        # A key that lasts is not given up for one that ends with this run.
        lasting = before is not None and before.store != "memory"
        written = await self._stores.write(slot, stored, store, lasting=lasting)
        fingerprint = await anyio.to_thread.run_sync(self._index.fingerprint, stored.api_key)
        now = time.time_ns() // 1_000_000
        entry = Entry(slot, written.store, stored.origins, fingerprint, now)
        try:
            if entry.store != "memory":
                # Another sidecar of this home may have moved it since the list was read here.
                listed = await anyio.to_thread.run_sync(self._index.put, entry)
                own = before if before is not None and before.store == "memory" else None
                return entry, [each for each in (listed, own) if each is not None]
            if before is not None:
                await self._drop(before)
        except StorageError:
            await self._stores.take_back(slot, written)
            raise
        return entry, [] if before is None else [before]

    async def _drop(self, entry: Entry) -> None:
        if entry.store != "memory":
            await anyio.to_thread.run_sync(self._index.drop, entry)

    async def _take_away(self, before: Entry) -> None:
        """Take the key out of the store that it was in; later, where that is not open now."""
        try:
            await self._stores.delete(before.store, before.slot)
        except AIError as error:
            self._oversight.failed("delete", error, before.slot, before.store)
            with suppress(StorageError):  # the new key is kept all the same
                add = self._leftovers.add
                await anyio.to_thread.run_sync(add, before.store, before.slot)
        else:
            self._oversight.deleted(before)

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
