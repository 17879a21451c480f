"""Where the audit's seal is kept: in the first key store that is open, and from then on in that.

sidecar.db has a note of where it is, and which: a store that is not here now does not have it
"lost", and another one does not stand in for it. A vault is made with a seal in it, which waits to
be used; one without is one that somebody has taken it out of.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import anyio.to_thread
import msgspec

from sidecar.errors import ComponentMissing, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.checkpoint import ANEW, SEAL, Checkpoint, new_checkpoint
from sidecar.keys.claim import Claim
from sidecar.keys.store import StoreName
from sidecar.keys.stores import Stores
from sidecar.records.database import Database

_NOTE = "audit_seal"
_SEALING: tuple[StoreName, ...] = ("keyring", "vault")


class _Note(msgspec.Struct, frozen=True):
    """Where the seal is, and what tells it from others."""

    store: StoreName
    fingerprint: str


class StoredSeals:
    """Keeps the checkpoint in a key store that outlives this run."""

    def __init__(self, stores: Stores, database: Database) -> None:
        self._stores = stores
        self._database = database
        self._claim = Claim(database.home)
        self._where: StoreName | None = None

    async def read(self, *, search: bool) -> Checkpoint | None:
        """Return it; None where there is none, as far as sidecar.db says.

        `search`: look into the key stores for one of which it says nothing. Raises
        `KeyStoreLocked` and `ComponentMissing` where it is in a store that is not open, or not
        here, and `KeyStoreCorrupt` for one that can't be read, or that is gone.
        """
        note = await anyio.to_thread.run_sync(self._note)
        if note is not None:
            return await self._noted(note)
        return await self._found() if search else None

    def alone(self) -> AbstractContextManager[bool]:
        """True in it where no other sidecar of this home makes one, or moves it on, just now."""
        return self._claim.tried()

    async def make(self) -> Checkpoint | None:
        """Make a new one and keep it; None where there is no key store for it."""
        for name in await self._open():
            self._where = name
            made = new_checkpoint()
            await self.write(made)
            await self._take_note(made)
            return made
        return None

    async def write(self, checkpoint: Checkpoint) -> None:
        """Keep it. Raises what stores raise."""
        if self._where is not None:
            await self._stores.replace(self._where, SEAL, checkpoint.stored())

    async def _noted(self, note: _Note) -> Checkpoint:
        state = (await self._stores.state(note.store)).state
        if state == "missing" or note.store not in self._stores.order:
            raise ComponentMissing(f"The audit's seal is in the {note.store}, which is not here.")
        if state not in ("ready", "damaged"):
            raise KeyStoreLocked(f"The audit's seal is in the {note.store}, which is not open.")
        stored = await self._stores.read(note.store, SEAL)
        if stored is None or (found := Checkpoint.of(stored)).fingerprint != note.fingerprint:
            raise KeyStoreCorrupt(f"The audit's seal is gone from the {note.store}.", hint=ANEW)
        self._where = note.store
        return found

    async def _found(self) -> Checkpoint | None:
        """One of which there is no note: a vault's that was not used yet, or the note is lost."""
        for name in await self._open():
            stored = await self._stores.read(name, SEAL)
            if stored is None and name == "vault":
                raise KeyStoreCorrupt("The audit's seal is gone from the vault.", hint=ANEW)
            if stored is not None:
                self._where = name
                found = Checkpoint.of(stored)
                await self._take_note(found)
                return found
        return None

    async def _open(self) -> list[StoreName]:
        """The stores in which it may be, or come to be. Raises `KeyStoreLocked`."""
        found: list[StoreName] = []
        for state in await self._stores.states():
            if state.name not in _SEALING or state.state == "missing":
                continue
            if state.state != "ready":
                # It may be in there: another one would deny what that one has sealed.
                message = f"The audit's seal may be in the {state.name}, which is not open."
                raise KeyStoreLocked(message)
            found.append(state.name)
        return found

    def _note(self) -> _Note | None:
        kept = self._database.read_settings().get(_NOTE)
        try:
            return msgspec.json.decode(kept, type=_Note) if kept else None
        except (msgspec.DecodeError, UnicodeError):
            return None

    async def _take_note(self, checkpoint: Checkpoint) -> None:
        if self._where is not None:
            note = msgspec.json.encode(_Note(self._where, checkpoint.fingerprint))
            await anyio.to_thread.run_sync(self._database.write_setting, _NOTE, note)
