"""The vault: keys in sidecar.db, each encrypted by itself, for where the OS keyring can't be used.

    master password ── scrypt ──┐
                                ├─ unwraps ─→ data key (256 random bits) ── AES-256-GCM ─→ each key
    or an entry of the keyring ─┘

Rules of this room:

* A fresh random nonce at every write. What names a key (provider, key id) and where it may go
  (origins) is associated data: a row that was changed, swapped or given other origins does not
  decrypt, and is `KeyStoreCorrupt`.
* How the data key is wrapped (the header) is associated data of the wrapped key in the same way.
* A new master password wraps the same data key anew, in one transaction: at every moment either
  the old or the new one opens all keys. In the keyring it has an entry of its own each time, so
  that whatever the file says, its entry is there.
* One thread calls all this (keys/stores.py), so that guessing passwords costs time one by one.

What it can't notice: a whole older copy of the file put in its place.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sidecar.errors import (
    AIError,
    ComponentMissing,
    InvalidParams,
    KeyStoreCorrupt,
    KeyStoreLocked,
    StorageError,
)
from sidecar.keys.checkpoint import SEAL, new_checkpoint
from sidecar.keys.ciphers import (
    KEY_BYTES,
    Unreadable,
    decrypt,
    encrypt,
)
from sidecar.keys.keyring_store import KeyringStore
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName, StoreState
from sidecar.keys.wrapping import DAMAGED, RESTORE, Header, Wrapped, Wrapping
from sidecar.records.database import Database, is_damaged

if TYPE_CHECKING:
    import sqlite3


class Rewrapped(NamedTuple):
    """How the data key is wrapped now, and how it was before; None where there was no vault."""

    before: Wrapped | None
    now: Wrapped
    opened: bool = True
    """True where the vault was not open; the data key is the same one in any case."""


class Vault:
    """Keys encrypted in the database. Locked until `unlock`, or until the keyring has opened it."""

    name: StoreName = "vault"

    def __init__(self, database: Database, keyring: KeyringStore, *, scrypt_n: int = 2**17) -> None:
        self._database = database
        self._wrapping = Wrapping(keyring, scrypt_n)
        self._data_key: bytes | None = None

    def state(self, keyring: StoreState) -> StoreState:
        """Look at it without opening it. One in the keyring's care is as open as the keyring."""
        header = self.header()
        if header is None:
            return _state("missing", "There is none.", _MAKE_ONE)
        if self._data_key is None:
            if header.protection == "password":
                return _state("locked", "It is locked by its master password.", _OPEN_IT)
            if keyring.state == "unknown":
                return _state("unknown")
            if keyring.state != "ready":
                detail = f"Its own key is in the OS keyring. {keyring.detail or ''}".rstrip()
                return _state("locked", detail, keyring.hint)
        return _state("ready", f"Protected by {header.protection}.")

    def header(self) -> Header | None:
        """How it is protected; None where there is none."""
        found = self._row()
        return found[0] if found else None

    # --- opening and closing ---

    def create(self, password: Secret | None) -> Rewrapped:
        """Make one, under a password or, without one, under the OS keyring.

        The audit's seal is in it from its first moment on: that it is missing says something.
        """
        if self._row() is not None:
            message = "There is a vault already."
            raise InvalidParams(message, hint="Open it by unlock_vault; its keys are in it.")
        data_key = secrets.token_bytes(KEY_BYTES)
        seal = _row_of(data_key, SEAL, new_checkpoint().stored())
        row = self._wrapping.wrap(data_key, password)
        with self._changing() as connection:
            # Fails where another process has made one meanwhile: its keys must not be lost.
            connection.execute("INSERT INTO vault VALUES (1, ?, ?, ?)", row)
            connection.execute(_INSERT, seal)
        self._data_key = data_key
        return Rewrapped(None, row)

    def unlock(self, password: Secret | None) -> bool:
        """Open it; true where it was not open. Raises `KeyStoreLocked` for a wrong password."""
        header, nonce, wrapped = self._require()
        data_key = self._wrapping.unwrap(header, nonce, wrapped, password)
        was_locked, self._data_key = self._data_key is None, data_key
        if self._wrapping.is_cheap(header):
            with suppress(AIError):  # it is open all the same; the next time will do
                self._replace(wrapped, data_key, password)
        return was_locked

    def lock(self) -> bool:
        """Forget the data key; false where it was not known."""
        was_open = self._data_key is not None
        self._data_key = None
        return was_open

    def change_password(self, password: Secret | None, new_password: Secret | None) -> Rewrapped:
        """Wrap the data key anew; without a new password under the OS keyring.

        What the old wrapping needs stays, until `forget`: it may be taken back.
        """
        header, nonce, wrapped = self._require()
        data_key = self._wrapping.unwrap(header, nonce, wrapped, password)
        row = self._replace(wrapped, data_key, new_password)
        opened, self._data_key = self._data_key is None, data_key
        return Rewrapped((msgspec.json.encode(header).decode(), nonce, wrapped), row, opened)

    def take_back(self, change: Rewrapped) -> None:
        """Let it be as it was before a change that nobody waited for."""
        if change.opened:
            self.lock()
        *_, wrapped = change.now
        with self._changing() as connection:
            if change.before is None:
                gone = "DELETE FROM vault WHERE wrapped = ?"
                if connection.execute(gone, (wrapped,)).rowcount:
                    connection.execute("DELETE FROM secrets")  # none but the seal, encrypted by it
            else:
                connection.execute(_UPDATE, (*change.before, wrapped))
        self._wrapping.forget(change.now)

    def forget(self, change: Rewrapped) -> None:
        """Take out of the keyring what wrapped the data key before."""
        if change.before is not None:
            self._wrapping.forget(change.before)

    # --- keys ---

    def read(self, slot: Slot) -> StoredKey | None:
        """Return what is kept there."""
        query = (
            "SELECT CAST(origins AS BLOB), CAST(nonce AS BLOB), CAST(ciphertext AS BLOB)"
            " FROM secrets WHERE provider = ? AND key_id = ?"
        )
        rows = self._select(query, slot)
        if not rows:
            return None
        origins, nonce, ciphertext = rows[0]
        data_key = self._opened()
        try:
            named = msgspec.json.decode(origins, type=tuple[str, ...])
            text = decrypt(data_key, nonce, ciphertext, _associated(slot, named)).decode()
        except (Unreadable, msgspec.DecodeError, UnicodeError) as error:
            message = (
                f"The vault's entry for {slot.title} was changed from outside, or "
                "is damaged; it was not used."
            )
            raise KeyStoreCorrupt(message) from error
        return StoredKey(slot.secret(text), named)

    def write(self, slot: Slot, stored: StoredKey) -> None:
        """Keep it."""
        row = _row_of(self._opened(), slot, stored)
        with self._changing() as connection:
            connection.execute(_INSERT, row)

    def delete(self, slot: Slot) -> None:
        """Take it away. That needs no password."""
        with self._changing() as connection:
            connection.execute("DELETE FROM secrets WHERE provider = ? AND key_id = ?", slot)

    # --- inside ---

    def _opened(self) -> bytes:
        if self._data_key is None:
            header, nonce, wrapped = self._require()
            if header.protection == "password":
                message = "The vault is locked."
                raise KeyStoreLocked(message, hint=_OPEN_IT)
            self._data_key = self._wrapping.unwrap(header, nonce, wrapped, None)
        return self._data_key

    def _require(self) -> tuple[Header, bytes, bytes]:
        found = self._row()
        if found is None:
            raise ComponentMissing("There is no vault.", hint=_MAKE_ONE)
        return found

    def _row(self) -> tuple[Header, bytes, bytes] | None:
        if not self._database.exists():
            return None
        query = "SELECT CAST(header AS BLOB), CAST(nonce AS BLOB), CAST(wrapped AS BLOB) FROM vault"
        rows = self._select(query)
        if not rows:
            return None
        header, nonce, wrapped = rows[0]
        try:
            found = msgspec.json.decode(header, type=Header)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise KeyStoreCorrupt(DAMAGED, hint=RESTORE) from error
        if not found.is_whole:
            raise KeyStoreCorrupt(DAMAGED, hint=RESTORE)
        return found, nonce, wrapped

    def _replace(self, wrapped: bytes, data_key: bytes, password: Secret | None) -> Wrapped:
        """Wrap the data key anew, unless somebody else has just done so."""
        row = self._wrapping.wrap(data_key, password)
        with self._changing() as connection:
            done = connection.execute(_UPDATE, (*row, wrapped)).rowcount == 1
        if not done:
            self._wrapping.forget(row)
            message = "The vault's password was changed by somebody else meanwhile."
            raise KeyStoreLocked(message, hint="Try again, with the password that it has now.")
        return row

    def _select(
        self, statement: str, parameters: tuple[object, ...] = ()
    ) -> list[tuple[bytes, ...]]:
        with _damage_told(), self._database.reading() as connection:
            return connection.execute(statement, parameters).fetchall()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with _damage_told(), self._database.transaction() as connection:
            yield connection


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        if is_damaged(error):
            raise KeyStoreCorrupt(error.message, hint=RESTORE) from error
        raise


_UPDATE = "UPDATE vault SET header = ?, nonce = ?, wrapped = ? WHERE wrapped = ?"
_INSERT = "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?)"
_MAKE_ONE = "The app can make one, by create_vault."
_OPEN_IT = "The app opens it with its master password, by unlock_vault."
_state = partial(StoreState, "vault")


def _row_of(data_key: bytes, slot: Slot, stored: StoredKey) -> tuple[object, ...]:
    plain = stored.api_key.reveal().encode()
    nonce, ciphertext = encrypt(data_key, plain, _associated(slot, stored.origins))
    return (*slot, msgspec.json.encode(stored.origins).decode(), nonce, ciphertext)


def _associated(slot: Slot, origins: tuple[str, ...]) -> bytes:
    return msgspec.json.encode(["ai-sidecar/key/1", slot.provider, slot.key_id, origins])
