"""Which keys there are, as this process knows it, and those that it has read from their stores."""

from __future__ import annotations

from collections.abc import Iterable

import anyio.to_thread

from sidecar.errors import StorageError
from sidecar.keys import environment
from sidecar.keys.index import Entry, Index
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.wanted import Wanted

IN_ENVIRONMENT = "environment"
"""The key id of a key in the environment."""


class Holdings:
    """The list of keys in memory. `order`: the stores that are looked into, the first one first."""

    def __init__(self, index: Index, order: tuple[StoreName, ...]) -> None:
        self.problem: StorageError | None = None
        """Why the list can't be read, where it can't."""
        self._index = index
        # A key for this run alone was entered to be used now.
        self._order = order if "memory" in order else ("memory", *order)
        self._entries: dict[Slot, Entry] = {}
        self._read: dict[Slot, StoredKey] = {}
        self._missing: set[Entry] = set()
        """Listed, and not in their stores in this run."""
        self._changes = 0
        self._forgotten = 0

    # --- the list ---

    def load(self) -> list[str]:
        """Read which keys there are. Opens no store. Returns what can't be used, for people."""
        try:
            entries, problems = self._index.read()
        except StorageError as error:
            self.problem = error
            return [f"{error.message} {error.hint}"]
        self._take(entries)
        return problems

    async def refresh(self) -> None:
        """Read the list anew: another sidecar of this home may have changed it."""
        changes = self._changes
        try:
            entries, _ = await anyio.to_thread.run_sync(self._index.read)
        except StorageError as error:
            self.problem = error
            return
        if self._changes == changes:  # else this reading is older than what is known
            self._take(entries)

    def _take(self, entries: dict[Slot, Entry]) -> None:
        self.problem = None
        own = {slot: each for slot, each in self._entries.items() if each.store == "memory"}
        now = {**entries, **own}
        for slot, entry in self._entries.items():
            if now.get(slot) != entry:
                self._read.pop(slot, None)
        self._entries = now

    def of(self, wanted: Wanted) -> list[Entry]:
        """The provider's keys, those of the first store in the order first."""
        found = [
            each
            for each in self._entries.values()
            if each.slot.provider == wanted.provider
            and each.store in self._order
            and each not in self._missing
        ]
        key = environment.find(wanted.variables) if "environment" in self._order else None
        if key is not None:
            slot = Slot(wanted.provider, IN_ENVIRONMENT)
            origins = tuple(sorted(wanted.environment_origins))
            found.append(Entry(slot, "environment", origins))
        return sorted(found, key=lambda each: (self._order.index(each.store), each.slot))

    def slots(self) -> set[Slot]:
        """The places of all keys that were set."""
        return set(self._entries)

    def entry(self, slot: Slot) -> Entry | None:
        """What is known of a key that was set."""
        return self._entries.get(slot)

    def put(self, entry: Entry, stored: StoredKey, forgotten: int) -> None:
        """A key was set. Its store may have been locked meanwhile."""
        self._changes += 1
        self._entries[entry.slot] = entry
        self._read.pop(entry.slot, None)
        if entry.store == "memory" or self._forgotten == forgotten:
            self._read[entry.slot] = stored

    def remove(self, entry: Entry) -> None:
        """A key is not there any more, unless it was set anew meanwhile."""
        self._changes += 1
        if self._entries.get(entry.slot) == entry:
            del self._entries[entry.slot]
            self._read.pop(entry.slot, None)

    def miss(self, entry: Entry) -> None:
        """Its store does not have it in this run. It stays listed: another keyring may be here."""
        self._missing.add(entry)

    # --- what was read ---

    @property
    def forgotten(self) -> int:
        """Grows with everything that was forgotten: what was asked for before is out of date."""
        return self._forgotten

    def opened(self, slot: Slot) -> StoredKey | None:
        """The key itself, where it was read from its store."""
        return self._read.get(slot)

    def keep(self, entry: Entry, stored: StoredKey, forgotten: int) -> None:
        """A key was read. It may have been set anew, deleted or locked away meanwhile."""
        if self._entries.get(entry.slot) == entry and self._forgotten == forgotten:
            self._read[entry.slot] = stored

    def forget(self, slot: Slot) -> None:
        """Read this key anew when it is needed."""
        self._read.pop(slot, None)

    def forget_store(self, name: StoreName) -> None:
        """Forget what was read from a store."""
        self._forgotten += 1
        for slot, entry in self._entries.items():
            if entry.store == name:
                self._read.pop(slot, None)

    def is_unread(self, words: Iterable[str]) -> bool:
        """True where one of these words is a key that lies unread in its store."""
        unread = {
            each.fingerprint for slot, each in self._entries.items() if slot not in self._read
        }
        return bool(unread) and any(self._index.fingerprint_of(word) in unread for word in words)
