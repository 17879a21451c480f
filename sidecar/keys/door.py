"""The vault's door: made, opened, locked, given another password; it locks by itself, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

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
        await self._enter("create_vault", lambda vault: vault.create(password))

    async def unlock(self, password: Secret | None) -> None:
        """Open it. Raises `KeyStoreLocked` for a wrong password."""
        await self._enter("unlock_vault", lambda vault: vault.unlock(password))

    async def change_password(self, password: Secret | None, new: Secret | None) -> None:
        """Give it another master password; without one the OS keyring protects it."""
        await self._enter(
            "change_vault_password", lambda vault: vault.change_password(password, new)
        )

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

    async def _enter(self, event: EventName, act: Callable[[Vault], None]) -> None:
        try:
            await self._stores.in_vault(act, undo=lambda _: self._stores.vault.lock())
        except AIError as error:
            self._oversight.vault_refused(event, error)
            raise
        self._oversight.vault_opened(event)
        self.used()
