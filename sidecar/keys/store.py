"""What a key store is: the one interface of keyring, vault and memory.

A store's methods block: they do IO, and a keyring may show a dialogue and wait for an answer.
`keys/stores.py` calls them in a thread of each store's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from sidecar.keys.secret import Secret, Unlisted
from sidecar.values import Said

StoreName = Literal["keyring", "vault", "environment", "memory"]


class Slot(NamedTuple):
    """The place of one key. Places of the sidecar's own have a provider that begins with `$`."""

    provider: str
    key_id: str

    def copy(self, mark: str) -> Slot:
        """Where one copy of it lies. No key id has a tilde."""
        return Slot(self.provider, f"{self.key_id}~{mark}") if mark else self

    @property
    def title(self) -> str:
        """Its name for people, whichever copy it is."""
        return f"{self.provider}/{self.key_id.partition('~')[0]}"

    def secret(self, value: str) -> Secret:
        """What lies there: a person's key, or a secret of the sidecar's own."""
        return Unlisted(value) if self.provider.startswith("$") else Secret(value)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a store keeps of one key: the key, and the origins that it may be sent to.

    The origins are part of what is protected: nobody can widen them without the store's own key.
    """

    api_key: Secret
    origins: tuple[str, ...] = ()


class StoreState(Said, frozen=True):
    """One key store as it is now. `detail` says why where it is not `ready`, `hint` what to do.

    `missing`: there is none here; `locked`: it needs its password; `busy`: it does not answer;
    `damaged`: what it keeps can't be read; `unknown`: nobody has asked it yet.
    """

    name: StoreName
    state: Literal["ready", "locked", "missing", "busy", "damaged", "unknown"]
    detail: str | None = None
    hint: str | None = None


class KeyStore(Protocol):
    """A place for keys. Raises `KeyStoreLocked`, `KeyStoreCorrupt`, `ComponentMissing`."""

    name: StoreName

    def read(self, slot: Slot) -> StoredKey | None:
        """Return what is kept there."""

    def write(self, slot: Slot, stored: StoredKey) -> None:
        """Keep it, in place of what was there."""

    def delete(self, slot: Slot) -> None:
        """Take it away; nothing happens where there is nothing."""
