"""The vault's door: made, opened, locked, given another password; it locks by itself, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import anyio

from sidecar.errors import AIError, KeyStoreLocked
from sidecar.keys.events import EventName
from sidecar.keys.holdings import Holdings
from sidecar.keys.oversight import Oversight
from sidecar.keys.secret import Secret
from sidecar.keys.stores import Stores
from sidecar.keys.vault import Vault

T = TypeVar("T")


class VaultDoor:
    """`lock_after_s`: seconds without a use until it locks by itself; 0: never."""

    def __init__(
        self, stores: Stores, holdings: Holdings, oversight: Oversight, lock_after_s: float = 0
    ) -> None:
        self._stores = stores
        self._holdings = holdings
        self._oversight = oversight
        self._lock_after_s = lock_after_s
        self._locking: asyncio.TimerHandle | None = None

    async def create(self, password: Secret | None) -> None:
        """Make the vault. Raises `InvalidParams` where there is one."""
        vault = self._stores.vault
        await self._refuse_a_keyring_that_hangs(password)
        await self._enter("create_vault", lambda _: vault.create(password), vault.take_back)

    async def unlock(self, password: Secret | None) -> None:
        """Open it. Raises `KeyStoreLocked` for a wrong password."""
        vault = self._stores.vault
        await self._enter(
            "unlock_vault",
            lambda _: vault.unlock(password),
            undo=lambda was_locked: was_locked and vault.lock(),
        )

    async def change_password(self, password: Secret | None, new: Secret | None) -> None:
        """Give it another master password; without one the OS keyring protects it."""
        vault = self._stores.vault
        await self._refuse_a_keyring_that_hangs(new)
        change = await self._enter(
            "change_vault_password",
            lambda _: vault.change_password(password, new),
            undo=vault.take_back,
        )
        with suppress(AIError):  # what is left in the keyring opens nothing that there is
            await self._stores.in_vault(lambda _: vault.forget(change))

    async def lock(self) -> None:
        """Forget what was read from it, and then its data key: what was asked before is done first.

        What is still under way there can't open it again.
        """
        self._holdings.forget_store("vault")
        with suppress(KeyStoreLocked):  # it hangs: what it does too late is taken back
            if await self._stores.in_vault(Vault.lock):
                self._oversight.vault_locked()
        self._lock()

    def _lock(self) -> None:
        if self._stores.vault.lock():
            self._oversight.vault_locked()
        self._rest()
        self._holdings.forget_store("vault")

    def used(self) -> None:
        """One of its keys was used: the time until it locks by itself begins anew."""
        self._rest()
        if self._lock_after_s:
            loop = asyncio.get_running_loop()
            self._locking = loop.call_later(self._lock_after_s, self._lock)

    def _rest(self) -> None:
        if self._locking is not None:
            self._locking.cancel()
            self._locking = None

    async def _refuse_a_keyring_that_hangs(self, password: Secret | None) -> None:
        """Without a password it is asked in the vault's thread: it must not keep that waiting."""
        if password is None:
            keyring = await self._stores.keyring_state()
            if keyring.state == "busy":
                raise KeyStoreLocked(keyring.detail or "", hint=keyring.hint)

    async def _enter(
        self, event: EventName, act: Callable[[Vault], T], undo: Callable[[T], object]
    ) -> T:
        try:
            with anyio.CancelScope(shield=True):  # it may be done already: then that is answered
                done = await self._stores.in_vault(act, undo)
        except AIError as error:
            self._oversight.vault_refused(event, error)
            raise
        self._oversight.vault_opened(event)
        self.used()
        return done
