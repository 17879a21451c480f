"""Which keys there are: everything about them but the keys, in sidecar.db.

Listing keys, and telling whether a provider has one, never touches a key store: that could show a
dialogue. What stands here is a copy: the origins that count are those inside of the store.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from sidecar.errors import StorageError
from sidecar.keys import leftovers
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoreName
from sidecar.records.database import Database

if TYPE_CHECKING:
    import sqlite3

_IDENTITY = "key_identity"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key that is known of. `created_at` in Unix milliseconds; None in the environment."""

    slot: Slot
    store: StoreName
    origins: tuple[str, ...]
    fingerprint: str = ""
    created_at: int | None = None
    copy: str = ""
    """Tells it from those that were set there before: none is ever written over."""

    @property
    def place(self) -> Slot:
        """Where it lies in its store."""
        return self.slot.copy(self.copy)


class _Identity(msgspec.Struct, frozen=True):
    """A home folder's own: its name in the keyring, and what fingerprints are made with."""

    id: str
    fingerprint_key: bytes


class Index:
    """The table `keys`. Its methods block; they are called in a thread, or before the loop runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._identity: _Identity | None = None

    def read(self) -> tuple[dict[Slot, Entry], list[str]]:
        """Return every key, and what is wrong with rows that can't be used, for people.

        Nothing is created where there is none. Raises `StorageError`.
        """
        if not self._database.exists():
            return {}, []
        with self._database.reading() as connection:
            entries, problems = _entries(connection)
            return entries, [*self._find_identity(connection), *problems]

    def put(self, entry: Entry) -> Entry | None:
        """Enter a key; return that in whose place it is, where there was one that can be read.

        From now on the former's copy is a leftover, and its own is none. Raises `StorageError`.
        """
        origins = msgspec.json.encode(entry.origins).decode()
        told = (entry.store, origins, entry.fingerprint, entry.created_at, entry.copy)
        with self._database.transaction() as connection:
            before = _entries(connection)[0].get(entry.slot)
            connection.execute(
                "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", (*entry.slot, *told)
            )
            if before is not None:
                leftovers.note(connection, before.store, before.place)
            leftovers.forget(connection, entry.store, entry.place)
        return before

    def drop(self, entry: Entry) -> None:
        """Take a key out, unless it was set anew meanwhile. Raises `StorageError`."""
        statement = "DELETE FROM keys WHERE provider = ? AND key_id = ? AND store = ? AND copy = ?"
        with self._database.transaction() as connection:
            connection.execute(statement, (*entry.slot, entry.store, entry.copy))

    def drop_any(self, slot: Slot) -> Entry | None:
        """Take out whatever key is entered there, and return it. Raises `StorageError`."""
        if not self._database.exists():
            return None
        with self._database.transaction() as connection:
            before = _entries(connection)[0].get(slot)
            if before is not None:
                leftovers.note(connection, before.store, before.place)
            statement = "DELETE FROM keys WHERE provider = ? AND key_id = ?"
            connection.execute(statement, slot)
        return before

    def home_id(self) -> str:
        """The id of this home folder, under which its entries stand in the keyring."""
        return self._own().id

    def fingerprint(self, key: Secret) -> str:
        """A keyed hash: tells whether two keys are the same, and nothing of what they are."""
        return self.fingerprint_of(key.reveal())

    def fingerprint_of(self, text: str) -> str:
        """The same, of any text."""
        own = self._own().fingerprint_key
        return hmac.digest(own, text.encode(errors="replace"), "sha256").hex()[:16]

    def _find_identity(self, connection: sqlite3.Connection) -> list[str]:
        """Take the one that is kept, if any. Returns what is wrong with it, for people."""
        query = "SELECT CAST(value AS BLOB) FROM settings WHERE name = ?"
        row = connection.execute(query, (_IDENTITY,)).fetchone()
        if row is None or self._identity is not None:
            return []
        try:
            self._identity = msgspec.json.decode(row[0], type=_Identity)
        except (msgspec.DecodeError, UnicodeError):
            what = "This home's own id in sidecar.db can't be read: its keys in the OS keyring"
            return [f"{what} can't be found any more. Enter them again by set_api_key."]
        return []

    def _own(self) -> _Identity:
        if self._identity is None:
            made = _Identity(secrets.token_hex(8), secrets.token_bytes(32))
            value = msgspec.json.encode(made)
            try:
                kept = self._database.setdefault(_IDENTITY, value)
                try:
                    self._identity = msgspec.json.decode(kept, type=_Identity)
                except (msgspec.DecodeError, UnicodeError):  # told where the list is read
                    self._database.write_setting(_IDENTITY, value)
                    self._identity = made
            except StorageError:
                # A home that can't be written keeps no key either: it is good for this run.
                self._identity = made
        return self._identity


def _entries(connection: sqlite3.Connection) -> tuple[dict[Slot, Entry], list[str]]:
    """Return every key in the table, and what is wrong with rows that can't be used."""
    # Cast, since SQLite keeps any type in any column.
    query = (
        "SELECT CAST(provider AS BLOB), CAST(key_id AS BLOB), CAST(store AS BLOB),"
        " CAST(origins AS BLOB), CAST(fingerprint AS BLOB), created_at, CAST(copy AS BLOB)"
        " FROM keys"
    )
    found: dict[Slot, Entry] = {}
    problems: list[str] = []
    for row in connection.execute(query):
        try:
            entry = _entry(*row)
        except (msgspec.DecodeError, UnicodeError):
            what = "A row in the list of keys in sidecar.db can't be read and is ignored."
            problems.append(f"{what} Enter the key again that list_api_keys lacks.")
        else:
            found[entry.slot] = entry
    return found, problems


def _entry(  # noqa: PLR0913, PLR0917 - the columns of the table
    provider: bytes,
    key_id: bytes,
    store: bytes,
    origins: bytes,
    fingerprint: bytes,
    created_at: object,
    copy: bytes,
) -> Entry:
    """Read a row. No row speaks for the environment: what its keys are for is not kept here."""
    return Entry(
        slot=Slot(provider.decode(), key_id.decode()),
        store=msgspec.convert(store.decode(), Literal["keyring", "vault"]),
        origins=msgspec.json.decode(origins, type=tuple[str, ...]),
        fingerprint=fingerprint.decode(),
        created_at=msgspec.convert(created_at, int),
        copy=copy.decode(),
    )
