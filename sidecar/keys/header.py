"""How the vault's data key is wrapped: what stands beside it in the clear."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from sidecar.keys.ciphers import Scrypt
from sidecar.keys.store import Slot

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
