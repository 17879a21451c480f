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

import base64
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
    derive,
    encrypt,
    new_scrypt,
)
from sidecar.keys.header import Header
from sidecar.keys.keyring_store import KeyringStore
from sidecar.keys.secret import Secret, Unlisted
from sidecar.keys.store import Slot, StoredKey, StoreName, StoreState
from sidecar.records.database import Database, is_damaged

if TYPE_CHECKING:
    import sqlite3

Wrapped = tuple[str, bytes, bytes]
"""A row of the table `vault`: the header, the nonce, the wrapped data key."""


class Rewrapped(NamedTuple):
    """How the data key is wrapped now, and how it was before; None where there was no vault."""

    before: Wrapped | None
    now: Wrapped


class Vault:
    """Keys encrypted in the database. Locked until `unlock`, or until the keyring has opened it."""

    name: StoreName = "vault"

    def __init__(self, database: Database, keyring: KeyringStore, *, scrypt_n: int = 2**17) -> None:
        self._database = database
        self._keyring = keyring
        self._scrypt_n = scrypt_n
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
        with self._wrapped(data_key, password) as row, self._changing() as connection:
            # Fails where another process has made one meanwhile: its keys must not be lost.
            connection.execute("INSERT INTO vault VALUES (1, ?, ?, ?)", row)
            connection.execute(_INSERT, seal)
        self._data_key = data_key
        return Rewrapped(None, row)

    def unlock(self, password: Secret | None) -> bool:
        """Open it; true where it was not open. Raises `KeyStoreLocked` for a wrong password."""
        was_locked = self._data_key is None
        header, nonce, wrapped = self._require()
        data_key = self._unwrap(header, nonce, wrapped, password)
        self._data_key = data_key
        if header.scrypt is not None and header.scrypt.cost < new_scrypt(self._scrypt_n).cost:
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
        data_key = self._unwrap(header, nonce, wrapped, password)
        row = self._replace(wrapped, data_key, new_password)
        self._data_key = data_key
        return Rewrapped((msgspec.json.encode(header).decode(), nonce, wrapped), row)

    def take_back(self, change: Rewrapped) -> None:
        """Let it be as it was before a change that nobody waited for; it is locked then."""
        self.lock()
        *_, wrapped = change.now
        with self._changing() as connection:
            if change.before is None:
                gone = "DELETE FROM vault WHERE wrapped = ?"
                if connection.execute(gone, (wrapped,)).rowcount:
                    connection.execute("DELETE FROM secrets")  # none but the seal, encrypted by it
            else:
                connection.execute(_UPDATE, (*change.before, wrapped))
        self._forget_entry(change.now)

    def forget(self, change: Rewrapped) -> None:
        """Take out of the keyring what wrapped the data key before."""
        if change.before is not None:
            self._forget_entry(change.before)

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
                f"The vault's entry for {slot.provider}/{slot.key_id} was changed from outside, or "
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
            self._data_key = self._unwrap(header, nonce, wrapped, None)
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
            raise KeyStoreCorrupt(_HEADER_DAMAGED, hint=_RESTORE) from error
        if not found.is_whole:
            raise KeyStoreCorrupt(_HEADER_DAMAGED, hint=_RESTORE)
        return found, nonce, wrapped

    @contextmanager
    def _wrapped(self, data_key: bytes, password: Secret | None) -> Iterator[Wrapped]:
        """The data key wrapped anew, to be kept in here."""
        if password is None:
            header = Header(protection="keyring", entry=secrets.token_hex(8))
            wrapping = secrets.token_bytes(KEY_BYTES)
            text = base64.b64encode(wrapping).decode()
            self._keyring.write(header.slot, StoredKey(Unlisted(text)))
        else:
            parameters = new_scrypt(self._scrypt_n)
            header = Header(protection="password", scrypt=parameters)
            wrapping = derive(password, parameters)
        encoded = msgspec.json.encode(header)
        try:
            yield encoded.decode(), *encrypt(wrapping, data_key, encoded)
        except KeyStoreLocked:
            # Surely not kept; after any other failure it may be.
            self._forget_entry((encoded.decode(), b"", b""))
            raise

    def _replace(self, wrapped: bytes, data_key: bytes, password: Secret | None) -> Wrapped:
        """Wrap the data key anew, unless somebody else has just done so."""
        with self._wrapped(data_key, password) as row, self._changing() as connection:
            if connection.execute(_UPDATE, (*row, wrapped)).rowcount != 1:
                message = "The vault's password was changed by somebody else meanwhile."
                raise KeyStoreLocked(message, hint="Try again, with the password that it has now.")
        return row

    def _forget_entry(self, row: Wrapped) -> None:
        """Take out of the keyring what wraps nothing any more."""
        header = msgspec.json.decode(row[0], type=Header)
        if header.entry is not None:
            with suppress(AIError):  # it opens nothing: no reason to fail
                self._keyring.delete(header.slot)

    def _unwrap(
        self, header: Header, nonce: bytes, wrapped: bytes, password: Secret | None
    ) -> bytes:
        if header.scrypt is None:
            wrapping = self._in_keyring(header)
        elif password is None:
            message = "The vault needs its master password."
            raise InvalidParams(message, path="$.password", hint="Ask the user for it.")
        else:
            try:
                wrapping = derive(password, header.scrypt)
            except Unreadable as error:
                raise KeyStoreCorrupt(_HEADER_DAMAGED, hint=_RESTORE) from error
        try:
            return decrypt(wrapping, nonce, wrapped, msgspec.json.encode(header))
        except Unreadable as error:
            if header.scrypt is None:
                raise KeyStoreCorrupt(_HEADER_DAMAGED, hint=_RESTORE) from error
            message = "The master password is wrong."
            hint = "Enter it again. (A vault that was changed from outside looks the same.)"
            raise KeyStoreLocked(message, hint=hint) from error

    def _in_keyring(self, header: Header) -> bytes:
        kept = self._keyring.read(header.slot)
        if kept is None:
            message = "The vault's own key is not in the OS keyring any more."
            raise KeyStoreCorrupt(message, hint=_RESTORE)
        try:
            return base64.b64decode(kept.api_key.reveal(), validate=True)
        except ValueError as error:
            raise KeyStoreCorrupt(_HEADER_DAMAGED, hint=_RESTORE) from error

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
            raise KeyStoreCorrupt(error.message, hint=_RESTORE) from error
        raise


_UPDATE = "UPDATE vault SET header = ?, nonce = ?, wrapped = ? WHERE wrapped = ?"
_INSERT = "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?)"
_MAKE_ONE = "The app can make one, by create_vault."
_OPEN_IT = "The app opens it with its master password, by unlock_vault."
_HEADER_DAMAGED = "The vault was changed from outside, or is damaged; nothing of it was used."
_RESTORE = "Restore sidecar.db from a backup, or move it away and enter the keys again."


_state = partial(StoreState, "vault")


def _row_of(data_key: bytes, slot: Slot, stored: StoredKey) -> tuple[object, ...]:
    plain = stored.api_key.reveal().encode()
    nonce, ciphertext = encrypt(data_key, plain, _associated(slot, stored.origins))
    return (*slot, msgspec.json.encode(stored.origins).decode(), nonce, ciphertext)


def _associated(slot: Slot, origins: tuple[str, ...]) -> bytes:
    return msgspec.json.encode(["ai-sidecar/key/1", slot.provider, slot.key_id, origins])
