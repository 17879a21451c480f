"""Old copies of keys, in stores that were not open when the key was set anew in another one.

They are of no use to anybody, and nobody sees them any more: they are taken away when their store
opens again, also in a later run.
"""

from __future__ import annotations

from contextlib import suppress

import anyio.to_thread
import msgspec

from sidecar.errors import AIError, StorageError
from sidecar.keys.index import Index
from sidecar.keys.store import Slot, StoreName
from sidecar.keys.stores import Stores
from sidecar.records.database import Database

_SETTING = "leftover_keys"
_Places = list[tuple[StoreName, str, str]]


class Leftovers:
    """Knows where they lie."""

    def __init__(self, database: Database, index: Index, stores: Stores) -> None:
        self._database = database
        self._index = index
        self._stores = stores
        self._places: _Places | None = None

    async def add(self, store: StoreName, slot: Slot) -> None:
        """There is one. Raises `StorageError`."""
        await self._keep([*await self._known(), (store, *slot)])

    async def sweep(self, store: StoreName) -> None:
        """A store is open: take away what lies in it. What fails is tried again another time."""
        places = [each for each in await self._known() if each[0] == store]
        if not places:
            return
        with suppress(AIError):
            listed, _ = await anyio.to_thread.run_sync(self._index.read)
            for place in places:
                slot = Slot(*place[1:])
                kept = listed.get(slot)
                if kept is None or kept.store != store:  # else a key was set there again
                    await self._stores.delete(store, slot)
                await self._keep([each for each in await self._known() if each != place])

    async def _known(self) -> _Places:
        if self._places is None:
            self._places = await anyio.to_thread.run_sync(self._read)
        return self._places

    def _read(self) -> _Places:
        try:
            kept = self._database.read_settings().get(_SETTING, b"[]")
            return msgspec.json.decode(kept, type=_Places)
        except (StorageError, msgspec.DecodeError, UnicodeError):
            return []  # told where the settings are read

    async def _keep(self, places: _Places) -> None:
        self._places = places
        value = msgspec.json.encode(places) if places else None
        await anyio.to_thread.run_sync(self._database.write_setting, _SETTING, value)
