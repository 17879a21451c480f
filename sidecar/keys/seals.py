"""Where the audit's seal is kept: in the first key store that is open, and from then on in that.

A vault is made with a seal in it: one without is one that somebody has taken it out of.
"""

from __future__ import annotations

from sidecar.errors import KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.checkpoint import ANEW, SEAL, Checkpoint, new_checkpoint
from sidecar.keys.store import StoreName
from sidecar.keys.stores import Stores

_SEALING: tuple[StoreName, ...] = ("keyring", "vault")


class StoredSeals:
    """Keeps the checkpoint in a key store that outlives this run."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._where: StoreName | None = None

    async def read(self) -> Checkpoint | None:
        """Return it; None where there is none.

        Raises `KeyStoreLocked` where a store is not open in which it may be, and `KeyStoreCorrupt`
        for a seal that can't be read, or that is gone.
        """
        for name in await self._open():
            found = await self._stores.read(name, SEAL)
            if found is not None:
                self._where = name
                return Checkpoint.of(found)
            if name == "vault":
                raise KeyStoreCorrupt("The audit's seal is gone from the vault.", hint=ANEW)
        return None

    async def make(self) -> Checkpoint | None:
        """Make a new one and keep it; None where there is no key store for it."""
        self._where = next(iter(await self._open()), None)
        made = new_checkpoint()
        await self.write(made)
        return made if self._where else None

    async def write(self, checkpoint: Checkpoint) -> None:
        """Keep it. Raises what stores raise."""
        if self._where is not None:
            await self._stores.write(SEAL, checkpoint.stored(), self._where)

    async def _open(self) -> list[StoreName]:
        """The stores in which it may be, or come to be. Raises `KeyStoreLocked`."""
        found: list[StoreName] = []
        for name in self._stores.order:
            if name not in _SEALING:
                continue
            state = await self._stores.state(name)
            if state.state == "missing":
                continue
            if state.state != "ready":
                # It may be in there: another one would deny what that one has sealed.
                raise KeyStoreLocked(f"The audit's seal may be in the {name}, which is not open.")
            found.append(name)
        return found
