"""Old copies of keys, in stores that were not open when the key was set anew in another one.

They are of no use to anybody, and nobody sees them any more: they are taken away when their store
opens again, also in a later run (`keys/changes.py`). Each is a setting of its own, so that two who
change the list at once lose nothing of it.
"""

from __future__ import annotations

import re

from sidecar.errors import StorageError
from sidecar.keys.store import Slot, StoreName
from sidecar.records.database import Database

_SETTING = "leftover"
_PLACE = re.compile(rf"{_SETTING}:([^:]+):([^:]+):([^:]+)")


class Leftovers:
    """Where they lie. The methods block."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._none_are_known = False

    def add(self, store: StoreName, slot: Slot) -> None:
        """There is one. Raises `StorageError`."""
        self._none_are_known = False
        self._database.write_setting(_name(store, slot), b"")

    def remove(self, store: StoreName, slot: Slot) -> None:
        """There is none there any more. Raises `StorageError`."""
        self._database.write_setting(_name(store, slot), None)

    def within(self, store: StoreName) -> list[Slot]:
        """The places in a store where one lies."""
        if self._none_are_known:
            return []
        try:
            names = self._database.read_settings()
        except StorageError:
            return []  # told where the settings are read
        found = [match.groups() for each in names if (match := _PLACE.fullmatch(each))]
        self._none_are_known = not found
        return [Slot(provider, key_id) for name, provider, key_id in found if name == store]


def _name(store: StoreName, slot: Slot) -> str:
    return f"{_SETTING}:{store}:{slot.provider}:{slot.key_id}"
