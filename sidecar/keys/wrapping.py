"""How the vault's data key is wrapped: by a master password, or by an entry of the OS keyring."""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress
from typing import Literal

import msgspec
from msgspec import Struct

from sidecar.errors import AIError, InvalidParams, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.ciphers import (
    KEY_BYTES,
    Scrypt,
    Unreadable,
    decrypt,
    derive,
    encrypt,
    new_scrypt,
)
from sidecar.keys.keyring_store import KeyringStore
from sidecar.keys.secret import Secret, Unlisted
from sidecar.keys.store import Slot, StoredKey

Wrapped = tuple[str, bytes, bytes]
"""A row of the table `vault`: the header, the nonce, the wrapped data key."""
DAMAGED = "The vault was changed from outside, or is damaged; nothing of it was used."
RESTORE = "Restore sidecar.db from a backup, or move it away and enter the keys again."
Protection = Literal["password", "keyring"]


class Header(Struct, frozen=True, kw_only=True):
    """How the data key is wrapped. It stands beside the wrapped key, in the clear.

    `entry` names what it is wrapped with in the keyring.
    """

    protection: Protection
    scrypt: Scrypt | None = None
    entry: str | None = None
    version: Literal[1] = 1

    @property
    def is_whole(self) -> bool:
        """False for one that nobody here has written."""
        by_password = self.protection == "password"
        return by_password == (self.scrypt is not None) == (self.entry is None)

    @property
    def slot(self) -> Slot:
        """Where the keyring has what the data key is wrapped with."""
        return Slot("$vault", self.entry or "")


class Wrapping:
    """Wraps and unwraps. `scrypt_n`: the cost of a new password."""

    def __init__(self, keyring: KeyringStore, scrypt_n: int) -> None:
        self.scrypt_n = scrypt_n
        self._keyring = keyring

    def wrap(self, data_key: bytes, password: Secret | None) -> Wrapped:
        """Wrap the data key anew; without a password under the OS keyring."""
        if password is None:
            header = Header(protection="keyring", entry=secrets.token_hex(8))
            wrapping = secrets.token_bytes(KEY_BYTES)
            text = base64.b64encode(wrapping).decode()
            self._keyring.write(header.slot, StoredKey(Unlisted(text)))
        else:
            parameters = new_scrypt(self.scrypt_n)
            header = Header(protection="password", scrypt=parameters)
            wrapping = derive(password, parameters)
        encoded = msgspec.json.encode(header)
        return encoded.decode(), *encrypt(wrapping, data_key, encoded)

    def unwrap(
        self, header: Header, nonce: bytes, wrapped: bytes, password: Secret | None
    ) -> bytes:
        """Return the data key. Raises `KeyStoreLocked` for a wrong password."""
        if header.scrypt is None:
            wrapping = self._in_keyring(header)
        elif password is None:
            message = "The vault needs its master password."
            raise InvalidParams(message, path="$.password", hint="Ask the user for it.")
        else:
            try:
                wrapping = derive(password, header.scrypt)
            except Unreadable as error:
                raise KeyStoreCorrupt(DAMAGED, hint=RESTORE) from error
        try:
            return decrypt(wrapping, nonce, wrapped, msgspec.json.encode(header))
        except Unreadable as error:
            if header.scrypt is None:
                raise KeyStoreCorrupt(DAMAGED, hint=RESTORE) from error
            message = "The master password is wrong."
            hint = "Enter it again. (A vault that was changed from outside looks the same.)"
            raise KeyStoreLocked(message, hint=hint) from error

    def is_cheap(self, header: Header) -> bool:
        """True where guessing the password costs less than it should."""
        return header.scrypt is not None and header.scrypt.cost < new_scrypt(self.scrypt_n).cost

    def forget(self, row: Wrapped) -> None:
        """Take out of the keyring what wraps nothing any more."""
        header = msgspec.json.decode(row[0], type=Header)
        if header.entry is not None:
            with suppress(AIError):  # it opens nothing: no reason to fail
                self._keyring.delete(header.slot)

    def _in_keyring(self, header: Header) -> bytes:
        kept = self._keyring.read(header.slot)
        if kept is None:
            message = "The vault's own key is not in the OS keyring any more."
            raise KeyStoreCorrupt(message, hint=RESTORE)
        try:
            return base64.b64decode(kept.api_key.reveal(), validate=True)
        except ValueError as error:
            raise KeyStoreCorrupt(DAMAGED, hint=RESTORE) from error
