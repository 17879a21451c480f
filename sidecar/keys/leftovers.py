"""Copies of keys that are of no use to anybody, and that nobody else knows of.

A key is never written over. Each that is set is a copy of its own, and the list of keys says which
one counts; so two sidecars of one home that set, delete and tidy up at the very same moment never
take away what the other has just written, and what is done too late is taken away alone.

A copy is noted here before it is written, and no more once it is in the list; the one that was in
the list before is noted in the same transaction. What a crash, or a store that was not open, has
left behind is taken away when its store opens again, also in a later run (`keys/changes.py`).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from sidecar.errors import StorageError
from sidecar.keys.store import Slot, StoreName
from sidecar.records.database import Database

if TYPE_CHECKING:
    import sqlite3

_SETTING = "leftover"
_PLACE = re.compile(rf"{_SETTING}:([^:]+):([^:]+):([^:]+)")
_COMING_S = 120.0
"""A copy that was noted later than that ago may just be being written, by another process.

The clock may have been set back since.
"""


class Leftovers:
    """Where they lie. The methods block, and raise `StorageError`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._none_are_known = False

    def coming(self, store: StoreName, place: Slot) -> None:
        """A copy is about to be written there; it is a leftover until it is in the list."""
        self._none_are_known = False
        self._database.write_setting(_name(store, place), b"%d" % time.time())

    def gone(self, store: StoreName, place: Slot) -> None:
        """There is none there any more."""
        self._database.write_setting(_name(store, place), None)

    def changed(self) -> None:
        """There may be some again."""
        self._none_are_known = False

    def within(self, store: StoreName) -> list[Slot]:
        """The places in a store where one lies."""
        if self._none_are_known:
            return []
        try:
            settings = self._database.read_settings()
        except StorageError:
            return []  # told where the settings are read
        noted = [(_PLACE.fullmatch(name), since) for name, since in settings.items()]
        found = [(match.groups(), since) for match, since in noted if match]
        self._none_are_known = not found
        return [
            Slot(provider, key_id)
            for (name, provider, key_id), since in found
            if name == store and not _is_coming(since)
        ]


def note(connection: sqlite3.Connection, store: StoreName, place: Slot) -> None:
    """The copy there does not count any more."""
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_name(store, place), b""))


def forget(connection: sqlite3.Connection, store: StoreName, place: Slot) -> None:
    """The copy there is in the list."""
    connection.execute("DELETE FROM settings WHERE name = ?", (_name(store, place),))


def _is_coming(since: bytes) -> bool:
    return since.isdigit() and abs(time.time() - float(since)) < _COMING_S


def _name(store: StoreName, place: Slot) -> str:
    return f"{_SETTING}:{store}:{place.provider}:{place.key_id}"
