"""Where the audit's seal is kept: in the first key store that is open, and from then on in that."""

from __future__ import annotations

import secrets

from sidecar.errors import KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.chain import Checkpoint
from sidecar.keys.secret import Unlisted
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores

_SEAL = Slot("$audit", "seal")
_SEALING: tuple[StoreName, ...] = ("keyring", "vault")


class StoredSeals:
    """Keeps the checkpoint in a key store that outlives this run."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._where: StoreName | None = None

    async def read(self, *, make: bool) -> Checkpoint | None:
        """Return it, `make` it where there was none; None where there is none, or no store for it.

        Raises `KeyStoreLocked` where a store is not open, and `KeyStoreCorrupt` for a seal that
        can't be read.
        """
        empty: StoreName | None = None
        for name in self._stores.order:
            if name not in _SEALING:
                continue
            state = await self._stores.state(name)
            if state.state == "missing":
                continue
            if state.state != "ready":
                # It may be in there: another one would deny what that one has sealed.
                raise KeyStoreLocked(f"The audit's seal may be in the {name}, which is not open.")
            found = await self._stores.read(name, _SEAL)
            if found is not None:
                self._where = name
                return _decoded(found)
            empty = empty or name
        if empty is None or not make:
            return None
        self._where = empty
        made = Checkpoint(secrets.token_bytes(32))
        await self.write(made)
        return made

    async def write(self, checkpoint: Checkpoint) -> None:
        """Keep it. Raises what stores raise."""
        if self._where is not None:
            stored = StoredKey(Unlisted(checkpoint.encode()))
            await self._stores.write(_SEAL, stored, self._where)


def _decoded(stored: StoredKey) -> Checkpoint:
    try:
        return Checkpoint.decode(stored.api_key.reveal())
    except ValueError as error:
        message = "The audit's seal in the key store can't be read."
        hint = "What was written before it can't be vouched for any more."
        raise KeyStoreCorrupt(message, hint=hint) from error
