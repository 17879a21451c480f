"""The audit's seal: what lies in a key store, so that a changed file is noticed."""

from __future__ import annotations

import base64
import hashlib
import secrets

import msgspec

from sidecar.errors import KeyStoreCorrupt
from sidecar.keys.secret import Unlisted
from sidecar.keys.store import Slot, StoredKey

START = bytes(32)
"""The digest before the first event."""
SEAL = Slot("$audit", "seal")
ANEW = "What was written before can't be vouched for any more: ai-sidecar audit --begin-anew"


class Checkpoint(msgspec.Struct, frozen=True):
    """The seal key, how far the chain was, and where it began.

    A new one has no place yet (`seq` -1): it vouches for what it finds.
    """

    key: bytes
    seq: int = -1
    digest: bytes = START
    base: int = 0

    @property
    def is_new(self) -> bool:
        """True where it has vouched for nothing yet."""
        return self.seq < 0

    @property
    def fingerprint(self) -> str:
        """What tells its key from others, and nothing of what it is."""
        return hashlib.sha256(b"ai-sidecar/seal/1" + self.key).hexdigest()[:32]

    def stored(self) -> StoredKey:
        """Return it as key stores keep it: as text, like a key."""
        return StoredKey(Unlisted(base64.b64encode(msgspec.json.encode(self)).decode()))

    @classmethod
    def of(cls, stored: StoredKey) -> Checkpoint:
        """Read it. Raises `KeyStoreCorrupt`."""
        try:
            return msgspec.json.decode(base64.b64decode(stored.api_key.reveal()), type=cls)
        except ValueError as error:
            raise KeyStoreCorrupt("The audit's seal can't be read.", hint=ANEW) from error


def new_checkpoint() -> Checkpoint:
    """Make one with a key of its own."""
    return Checkpoint(secrets.token_bytes(32))
