"""Vaults for tests, and hands that reach into their file from outside."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from sidecar.errors import StorageError
from sidecar.keys.keyring_store import KeyringStore
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreState
from sidecar.keys.vault import Vault
from sidecar.records.database import Database

PASSWORD = Secret("correct horse battery")
OTHER = Secret("staple and then some")
SLOT = Slot("openai", "default")
HERE = "https://here.example:443"
THERE = "https://there.example:443"
READY = StoreState(name="keyring", state="ready")
"""A keyring that is open."""
CHEAP = 2**4
"""The cost of scrypt where the cost is not the point."""


def a_vault(database: Database, home_id: str = "home", cost: int = CHEAP) -> Vault:
    """Return the vault of a home, as another process would see it."""
    return Vault(database, KeyringStore(lambda: home_id), scrypt_n=cost)


def opened(database: Database, password: Secret | None = PASSWORD) -> Vault:
    """Return it unlocked."""
    found = a_vault(database)
    found.unlock(password)
    return found


def key(text: str = "the-key-itself", *origins: str) -> StoredKey:
    """Return a key as a store keeps it."""
    return StoredKey(Secret(text), origins or (HERE,))


def by_hand(database: Database, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Do to the file what its owner's other programs could."""
    with closing(sqlite3.connect(file_of(database))) as connection, connection:
        return connection.execute(statement, parameters).fetchall()


def file_of(database: Database) -> Path:
    """Where the database lies."""
    return database._path


def slots(count: int) -> list[Slot]:
    """So many places for keys."""
    return [Slot("openai", f"key-{number}") for number in range(count)]


def kept_and_told_to_have_failed(
    vault: Vault,
) -> Callable[[], AbstractContextManager[sqlite3.Connection]]:
    """A change that is written, and after which the file can't be used for a moment."""
    changing = vault._changing

    @contextmanager
    def failing() -> Iterator[sqlite3.Connection]:
        with changing() as connection:
            yield connection
        message = "database is locked"
        raise StorageError(message)

    return failing
