"""The key stores together: which takes a new key, and a thread for the blocking calls of each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sidecar.errors import AIError, ComponentMissing, InvalidParams, KeyStoreLocked
from sidecar.keys.index import Index
from sidecar.keys.keyring_store import KeyringStore, TooLarge
from sidecar.keys.memory import MemoryStore
from sidecar.keys.secret import Secret
from sidecar.keys.serial import SerialThread, Stuck
from sidecar.keys.store import KeyStore, Slot, StoredKey, StoreName, StoreState
from sidecar.keys.vault import Vault
from sidecar.records.database import Database

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
        lock_after_s: float = 0,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.order = order
        self.on_lock: Callable[[], None] = lambda: None
        """Called when the vault was locked: what was read from it is to be forgotten."""
        self._keyring = KeyringStore(index.home_id)
        self._vault = Vault(database, self._keyring)
        self._all: dict[str, KeyStore] = {
            "keyring": self._keyring,
            "vault": self._vault,
            "memory": MemoryStore(),
        }
        # A keyring that hangs must not keep the vault from opening.
        self._threads = {name: SerialThread(f"keys: {name}", patience_s) for name in self._all}
        self._lock_after_s = lock_after_s
        self._locking: asyncio.TimerHandle | None = None

    async def read(self, store: StoreName, slot: Slot) -> StoredKey | None:
        """Return what a store keeps there. Raises what stores raise."""
        return await self._call(store, partial(self._all[store].read, slot))

    async def delete(self, store: StoreName, slot: Slot) -> None:
        """Take a key out of a store."""
        await self._call(store, partial(self._all[store].delete, slot))

    async def write(self, slot: Slot, stored: StoredKey, store: StoreName | None) -> StoreName:
        """Keep a key in `store`, else in the first of the order that works. Returns which.

        Raises what stores raise; `ComponentMissing` where none works.
        """
        if store is not None:
            await self._write_there(store, slot, stored)
            return store
        refusals: list[AIError] = []
        too_large = False
        for name in self.order:
            if name == "environment":
                continue
            try:
                if name == "vault" and too_large:
                    await self._make_vault_in_keyring()
                await self._call(name, partial(self._all[name].write, slot, stored))
            except TooLarge:
                too_large = True
            except AIError as error:
                refusals.append(error)
            else:
                return name
        raise _nobody(refusals)

    def known(self) -> list[StoreState]:
        """Every store of the order, as far as that is known without asking any."""
        return [self._known(name) for name in self.order]

    async def states(self) -> list[StoreState]:
        """Every store of the order as it is now. Opens no dialogue."""
        return [await self.state(name) for name in self.order]

    async def state(self, name: StoreName) -> StoreState:
        """One store as it is now."""
        if name == "environment":
            return self._known(name)
        try:
            return await self._call(name, self._all[name].state)
        except AIError as error:
            return StoreState(name=name, state="busy", detail=error.message, hint=error.hint)

    # --- the vault ---

    async def create_vault(self, password: Secret | None) -> None:
        """Make the vault. Raises `InvalidParams` where there is one."""
        await self._call("vault", partial(self._vault.create, password))
        self.used_vault()

    async def unlock_vault(self, password: Secret | None) -> None:
        """Open the vault. Raises `KeyStoreLocked` for a wrong password."""
        await self._call("vault", partial(self._vault.unlock, password))
        self.used_vault()

    async def change_vault_password(self, password: Secret | None, new: Secret | None) -> None:
        """Give the vault another master password; without one the OS keyring protects it."""
        await self._call("vault", partial(self._vault.change_password, password, new))
        self.used_vault()

    def lock_vault(self) -> None:
        """Forget the vault's data key, and what was read from it. Nothing here blocks."""
        self._vault.lock()
        self.used_vault(again=False)
        self.on_lock()

    def used_vault(self, *, again: bool = True) -> None:
        """A key of the vault was used: the time until it is locked by itself begins anew."""
        if self._locking is not None:
            self._locking.cancel()
            self._locking = None
        if again and self._lock_after_s:
            loop = asyncio.get_running_loop()
            self._locking = loop.call_later(self._lock_after_s, self.lock_vault)

    def _known(self, name: StoreName) -> StoreState:
        if name == "keyring":
            return StoreState(name=name, state="unknown")
        if name == "environment":
            return StoreState(name=name, state="ready")
        try:
            return self._all[name].state()
        except AIError as error:
            return StoreState(name=name, state="missing", detail=error.message, hint=error.hint)

    async def _make_vault_in_keyring(self) -> None:
        if (await self._call("vault", self._vault.header)) is None:
            await self.create_vault(None)

    async def _write_there(self, name: StoreName, slot: Slot, stored: StoredKey) -> None:
        if name not in self._all:
            message = "Keys can't be written to the environment."
            raise InvalidParams(message, path="$.store", hint="Use keyring, vault or memory.")
        try:
            await self._call(name, partial(self._all[name].write, slot, stored))
        except TooLarge:
            message = "The key is larger than what an OS keyring takes."
            hint = "Leave `store` out, or use the vault."
            raise InvalidParams(message, path="$.store", hint=hint) from None

    async def _call(self, name: StoreName, work: Callable[[], T]) -> T:
        if name == "memory":
            return work()
        try:
            return await self._threads[name].call(work)
        except Stuck:
            message = f"The {name} does not answer; it may be waiting for somebody to unlock it."
            hint = "Look for its dialogue, unlock it, and try again."
            raise KeyStoreLocked(message, hint=hint) from None


def _nobody(refusals: list[AIError]) -> AIError:
    for refusal in refusals:
        if not isinstance(refusal, ComponentMissing):
            return refusal
    reasons = " ".join(refusal.message for refusal in refusals)
    return ComponentMissing(
        f"No key store here can keep the key. {reasons}".strip(),
        hint='Make a vault by create_vault, or keep the key for this run with `store: "memory"`.',
    )
