"""Keys for this run alone."""

from __future__ import annotations

from sidecar.keys.store import Slot, StoredKey, StoreName


class MemoryStore:
    """Keeps keys until the process ends."""

    name: StoreName = "memory"

    def __init__(self) -> None:
        self._kept: dict[Slot, StoredKey] = {}

    def read(self, slot: Slot) -> StoredKey | None:
        """Return what is kept there."""
        return self._kept.get(slot)

    def write(self, slot: Slot, stored: StoredKey) -> None:
        """Keep it."""
        self._kept[slot] = stored

    def delete(self, slot: Slot) -> None:
        """Take it away."""
        self._kept.pop(slot, None)
