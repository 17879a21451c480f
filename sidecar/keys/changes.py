"""Keys are set and deleted here, and nowhere else: all of a change is done, or nothing is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from sidecar.errors import AIError, StorageError
from sidecar.keys.door import VaultDoor
from sidecar.keys.holdings import Holdings
from sidecar.keys.index import Entry, Index
from sidecar.keys.oversight import Oversight
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores


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

    async def store(
        self, slot: Slot, api_key: Secret, origins: tuple[str, ...], store: StoreName | None
    ) -> Entry:
        """Keep a key, in place of the one of that id. Requests under way end on the old one.

        Without a `store` in the first of the order that works. Raises what stores raise.
        """
        stored = StoredKey(api_key, origins)
        async with self._alone(slot):
            before = self._holdings.entry(slot)
            try:
                entry = await self._keep(slot, stored, store, before)
            except AIError as error:
                self._oversight.failed("store", error, slot, store)
                raise
            self._holdings.put(entry, stored)
            self._oversight.stored(slot, entry.store, origins)
            if entry.store == "vault":
                self._door.used()
            if before is not None and before.store != entry.store:
                await self._forget_copy(before)
            return entry

    async def delete(self, slot: Slot) -> bool:
        """Take a key away; false where there was none."""
        async with self._alone(slot):
            entry = self._holdings.entry(slot)
            if entry is None:
                return False
            try:
                await self._stores.delete(entry.store, slot)
                await self._drop(entry)
            except AIError as error:
                self._oversight.failed("delete", error, slot, entry.store)
                raise
            self._holdings.remove(entry)
            self._oversight.deleted(entry)
            return True

    async def found_missing(self, entry: Entry) -> None:
        """Its store does not have it any more: neither has the list."""
        await self._drop(entry)
        self._holdings.remove(entry)

    async def _keep(
        self, slot: Slot, stored: StoredKey, store: StoreName | None, before: Entry | None
    ) -> Entry:
        written = await self._stores.write(slot, stored, store)
        fingerprint = await anyio.to_thread.run_sync(self._index.fingerprint, stored.api_key)
        now = time.time_ns() // 1_000_000
        entry = Entry(slot, written.store, stored.origins, fingerprint, now)
        try:
            if entry.store != "memory":
                await anyio.to_thread.run_sync(self._index.put, entry)
            elif before is not None:
                await self._drop(before)
        except StorageError:
            await self._stores.take_back(slot, written)
            raise
        return entry

    async def _drop(self, entry: Entry) -> None:
        if entry.store != "memory":
            await anyio.to_thread.run_sync(self._index.drop, entry)

    async def _forget_copy(self, before: Entry) -> None:
        """Take the key out of the store that it was in. Where that is locked, it stays there."""
        try:
            await self._stores.delete(before.store, before.slot)
        except AIError as error:
            self._oversight.failed("delete", error, before.slot, before.store)
        else:
            self._oversight.deleted(before)

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
