"""The key stores together: which takes a new key, and a thread for the blocking calls of each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio.to_thread

from sidecar.errors import (
    AIError,
    ComponentMissing,
    InvalidParams,
    KeyStoreLocked,
)
from sidecar.keys.index import Index
from sidecar.keys.keyring_store import KeyringStore, TooLarge
from sidecar.keys.leftovers import Leftovers
from sidecar.keys.memory import MemoryStore
from sidecar.keys.serial import SerialThread, Stuck
from sidecar.keys.store import KeyStore, Slot, StoredKey, StoreName, StoreState
from sidecar.keys.vault import Vault
from sidecar.records.database import Database

_STATE_S = 2.0
PATIENCE_S = 20.0
"""How long anybody waits for a key store. Who unlocks a keyring later than that asks again."""

T = TypeVar("T")


class Stores:
    """Keyring, vault and memory. `order`: where keys are looked for, and which takes a new one."""

    def __init__(
        self,
        database: Database,
        index: Index,
        order: tuple[StoreName, ...],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.order = order
        self.leftovers = Leftovers(database)
        self._keyring = KeyringStore(index.home_id)
        self.vault = Vault(database, self._keyring)
        self._all: dict[str, KeyStore] = {
            "keyring": self._keyring,
            "vault": self.vault,
            "memory": MemoryStore(),
        }
        # A keyring that hangs must not keep the vault from opening.
        self._threads = {name: SerialThread(f"keys: {name}", patience_s) for name in self._all}

    async def read(self, store: StoreName, slot: Slot) -> StoredKey | None:
        """Return what a store keeps there. Raises what stores raise."""
        return await self._call(store, partial(self._all[store].read, slot))

    async def delete(self, store: StoreName, slot: Slot) -> None:
        """Take a key out of a store."""
        await self._call(store, partial(self._all[store].delete, slot))

    async def replace(self, store: StoreName, slot: Slot, stored: StoredKey) -> None:
        """Write over what is there; also when nobody waits for it any more."""
        await self._call(store, partial(self._all[store].write, slot, stored))

    async def add(
        self, place: Slot, stored: StoredKey, store: StoreName | None, *, lasting: bool = False
    ) -> StoreName:
        """Keep a key in `store`, else in the first of the order that works; return which.

        `place` is a new one: what is done too late is taken away again, and nothing else with it.
        `lasting`: in one that outlives this run, unless memory is what was asked for.
        Raises what stores raise; `ComponentMissing` where none works.
        """
        if store is not None:
            return await self._add_there(store, place, stored)
        refusals: list[AIError] = []
        too_large = False
        for name in self.order:
            if name == "environment" or (name == "memory" and lasting):
                continue
            try:
                if name == "vault" and too_large:
                    await self.in_vault(_make_in_keyring)
                return await self._add(name, place, stored)
            except TooLarge:
                too_large = True
            except AIError as error:
                refusals.append(error)
        raise _nobody(refusals)

    async def in_vault(
        self, act: Callable[[Vault], T], undo: Callable[[T], object] | None = None
    ) -> T:
        """Do something with the vault, where it blocks nobody else; `undo` it if it is too late."""
        return await self._call("vault", partial(act, self.vault), undo)

    async def known(self) -> list[StoreState]:
        """Every store of the order, as far as it is known without asking the keyring."""
        unasked = StoreState(name="keyring", state="unknown")
        return [await self._state(name, unasked) for name in self.order]

    async def states(self) -> list[StoreState]:
        """Every store of the order as it is now. Opens no dialogue, and waits for none."""
        keyring = await self.keyring_state()
        return [await self._state(name, keyring) for name in self.order]

    async def state(self, name: StoreName) -> StoreState:
        """One store as it is now."""
        return await self._state(name, await self.keyring_state())

    async def keyring_state(self) -> StoreState:
        """The keyring as it is now: by itself, or as what opens the vault."""
        try:
            return await self._call("keyring", self._keyring.state, patience_s=_STATE_S)
        except KeyStoreLocked as error:
            return StoreState(name="keyring", state="busy", detail=error.message, hint=error.hint)

    async def _state(self, name: StoreName, keyring: StoreState) -> StoreState:
        if name == "keyring":
            return keyring
        if name != "vault":
            return StoreState(name=name, state="ready")
        try:
            # Not in its own thread, which may be waiting for the keyring: it only looks at a file.
            return await anyio.to_thread.run_sync(self.vault.state, keyring)
        except AIError as error:
            return StoreState(name=name, state="damaged", detail=error.message, hint=error.hint)

    async def _add_there(self, name: StoreName, place: Slot, stored: StoredKey) -> StoreName:
        if name not in self._all:
            message = "Keys can't be written to the environment."
            raise InvalidParams(message, path="$.store", hint="Use keyring, vault or memory.")
        if name not in (*self.order, "memory"):
            message = f"No key is looked for in the {name} here."
            hint = f'Add "{name}" to key_store.order in config.toml, or leave `store` out.'
            raise InvalidParams(message, path="$.store", hint=hint)
        try:
            return await self._add(name, place, stored)
        except TooLarge:
            message = "The key is larger than what an OS keyring takes."
            hint = "Leave `store` out, or use the vault."
            raise InvalidParams(message, path="$.store", hint=hint) from None

    async def _add(self, name: StoreName, place: Slot, stored: StoredKey) -> StoreName:
        store = self._all[name]

        def add() -> StoreName:
            if name == "memory":
                store.write(place, stored)
                return name
            self.leftovers.coming(name, place)
            try:
                store.write(place, stored)
            except (AIError, TooLarge):
                self.leftovers.gone(name, place)
                raise
            return name

        def undo(_: StoreName) -> None:
            store.delete(place)
            self.leftovers.gone(name, place)

        # Who gave up was told that it failed: what lands later must not stay.
        return await self._call(name, add, undo)

    async def _call(
        self,
        name: StoreName,
        work: Callable[[], T],
        undo: Callable[[T], object] | None = None,
        patience_s: float | None = None,
    ) -> T:
        if name == "memory":
            return work()
        try:
            return await self._threads[name].call(work, undo, patience_s)
        except Stuck:
            message = f"The {name} does not answer; it may be waiting for somebody to unlock it."
            hint = "Look for its dialogue, unlock it, and try again."
            raise KeyStoreLocked(message, hint=hint) from None


def _make_in_keyring(vault: Vault) -> None:
    if vault.header() is None:
        vault.create(None)


def _nobody(refusals: list[AIError]) -> AIError:
    for refusal in refusals:
        if not isinstance(refusal, ComponentMissing):
            return refusal
    reasons = " ".join(refusal.message for refusal in refusals)
    return ComponentMissing(
        f"No key store here can keep the key. {reasons}".strip(),
        hint='Make a vault by create_vault, or keep the key for this run with `store: "memory"`.',
    )
