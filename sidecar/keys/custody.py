"""The keeper of all keys: which there are, and which one a request may use.

Rules of this room:

* A key goes to the origins that it was entered for, and nowhere else. What counts are the origins
  inside of the store; those of the index only save opening it for nothing.
* A key that was read stays in memory until it is set anew, deleted, locked away with its vault, or
  refused by its provider.
* The first store of the order that has a fitting key serves a request; its key ids take turns
  where one is out of quota. Keys of different stores are never mixed: a key in the environment is
  perhaps somebody else's bill.
* No key leaves this room but as a `Secret`, and to whoever sends the request.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

import anyio
import anyio.to_thread

from sidecar.errors import AIError, KeyNotFound, KeyOriginMismatch, StorageError
from sidecar.keys import environment
from sidecar.keys.chain import Chain
from sidecar.keys.changes import Changes
from sidecar.keys.door import VaultDoor
from sidecar.keys.guard import Guard
from sidecar.keys.holdings import Holdings
from sidecar.keys.index import Entry, Index
from sidecar.keys.oversight import Oversight
from sidecar.keys.seals import StoredSeals
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores
from sidecar.keys.wanted import Wanted
from sidecar.keys.watch import SecurityNotice
from sidecar.records.database import Database

_REST_S = 60.0
_LONGEST_REST_S = 3600.0


class Custody:
    """All keys. `tell` takes what is odd about their use."""

    def __init__(
        self,
        database: Database,
        stores: Stores,
        index: Index,
        tell: Callable[[SecurityNotice], None],
        lock_after_s: float = 0,
    ) -> None:
        self.stores = stores
        self.holdings = Holdings(index, stores.order)
        self.oversight = Oversight(Chain(database), StoredSeals(stores, database), tell)
        self.vault = VaultDoor(stores, self.holdings, self.oversight, lock_after_s)
        self.changes = Changes(stores, index, self.holdings, self.oversight, self.vault)
        self.guard = Guard(self.holdings.is_unread, self.oversight.pasted)
        self._index = index
        self._reading: dict[Slot, asyncio.Task[StoredKey]] = {}
        self._sweeping: set[asyncio.Task[None]] = set()
        self._resting: dict[Entry, float] = {}

    def learn(self, variables: Iterable[str]) -> None:
        """Know the keys in these variables from now on, before anybody asks for one."""
        for name in variables:
            environment.find([name])

    # --- which one ---

    def fits(self, wanted: Wanted) -> bool:
        """True where a request would find a key, or needs none."""
        entries = self.holdings.of(wanted)
        return any(map(wanted.fits, entries)) or not (entries or wanted.required)

    def choose(self, wanted: Wanted, execution_id: str | None = None) -> list[Entry]:
        """The keys that a request may try, in turn; none where it needs none.

        Raises `KeyNotFound` and `KeyOriginMismatch`, and `StorageError` where the list of keys
        can't be read.
        """
        entries = self.holdings.of(wanted)
        fitting = [each for each in entries if wanted.fits(each)]
        if fitting:
            now = time.monotonic()
            ready = [each for each in fitting if each.store == fitting[0].store]
            return sorted(ready, key=lambda each: max(0.0, self._resting.get(each, 0.0) - now))
        if entries:
            raise self._mismatch(entries[0], wanted, execution_id)
        if not wanted.required:
            return []
        if (problem := self.holdings.problem) is not None:
            message = f"Which keys there are can't be read: {problem.message}"
            raise StorageError(message, hint=problem.hint, provider=wanted.provider)
        raise _not_found(wanted)

    async def fingerprint(self, entry: Entry, wanted: Wanted) -> str:
        """Tell this key from others: the same for the same key, and nothing of what it is."""
        key = environment.find(wanted.variables) if entry.store == "environment" else None
        if key is None:
            return entry.fingerprint
        return await anyio.to_thread.run_sync(self._index.fingerprint, key)

    # --- use ---

    async def open(self, entry: Entry, wanted: Wanted, execution_id: str | None) -> Secret:
        """Return the key itself. Raises what stores raise, and `KeyOriginMismatch`."""
        if entry.store == "environment":
            found = environment.find(wanted.variables)
            if found is None:
                raise _gone(entry)
            if wanted.origin not in wanted.environment_origins:
                raise self._mismatch(entry, wanted, execution_id)
            return found
        kept = self.holdings.opened(entry.slot)
        if kept is None:
            kept = await self._read(entry, execution_id)
        if wanted.origin not in kept.origins:
            raise self._mismatch(entry, wanted, execution_id)
        if entry.store == "vault":
            self.vault.used()
        return kept.api_key

    def rest(self, entry: Entry, retry_after_ms: int | None) -> None:
        """A key is out of quota: the others go first for a while."""
        seconds = _REST_S if retry_after_ms is None else retry_after_ms / 1000
        now = time.monotonic()
        self._resting = {each: until for each, until in self._resting.items() if until > now}
        self._resting[entry] = now + min(seconds, _LONGEST_REST_S)

    async def read_again(
        self, entry: Entry, refused: Secret, wanted: Wanted, execution_id: str | None
    ) -> Secret | None:
        """After a refusal: the key anew from its store, if it is another one by now."""
        kept = self.holdings.opened(entry.slot)
        if kept is None or kept.api_key == refused:  # else it was set anew meanwhile
            if entry.store in ("environment", "memory"):
                return None
            entry = await self._as_listed_now(entry)
            self.holdings.forget(entry.slot)
        found = await self.open(entry, wanted, execution_id)
        return found if found != refused else None

    # --- inside ---

    async def _read(self, entry: Entry, execution_id: str | None) -> StoredKey:
        # One opens the store for all who wait for the same key: one dialogue, not twenty.
        slot = entry.slot
        task = self._reading.get(slot)
        if task is None:
            task = asyncio.create_task(self._open(entry, execution_id))
            self._reading[slot] = task
            task.add_done_callback(lambda done: self._opened(slot, done))
        return await asyncio.shield(task)

    async def _open(self, entry: Entry, execution_id: str | None) -> StoredKey:
        forgotten = self.holdings.forgotten
        try:
            stored = await self.stores.read(entry.store, entry.place)
            if stored is None:
                # Another sidecar of this home may have set it anew, or moved it.
                entry = await self._as_listed_now(entry)
                stored = await self.stores.read(entry.store, entry.place)
            if stored is None:
                self.holdings.miss(entry)
                raise _gone(entry)
        except AIError as error:
            self.oversight.failed("read", error, entry.slot, entry.store, execution_id)
            raise
        self.holdings.keep(entry, stored, forgotten)
        self.oversight.read(entry, execution_id)
        self._sweep_later(entry.store)
        return stored

    async def _as_listed_now(self, entry: Entry) -> Entry:
        await self.holdings.refresh()
        return self.holdings.entry(entry.slot) or entry

    def _sweep_later(self, store: StoreName) -> None:
        """Nobody who wants a key waits for it."""
        task = asyncio.create_task(self.changes.sweep(store))
        self._sweeping.add(task)
        task.add_done_callback(self._sweeping.discard)

    def _opened(self, slot: Slot, task: asyncio.Task[StoredKey]) -> None:
        if self._reading.get(slot) is task:
            del self._reading[slot]
        if not task.cancelled():
            task.exception()  # seen: whoever waited may have been cancelled

    def _mismatch(
        self, entry: Entry, wanted: Wanted, execution_id: str | None
    ) -> KeyOriginMismatch:
        place = wanted.origin or "no address"
        self.oversight.mismatched(entry, place, execution_id)
        return KeyOriginMismatch(
            f"The key of {wanted.display_name} is not for {place}; no request was sent.",
            provider=wanted.provider,
            hint=_mismatch_hint(entry),
        )


def _not_found(wanted: Wanted) -> KeyNotFound:
    names = " or ".join(wanted.variables)
    hint = "Give it by set_api_key" + (f", or set {names}." if names else ".")
    message = f"There is no API key for {wanted.display_name}."
    return KeyNotFound(message, hint=hint, provider=wanted.provider)


def _gone(entry: Entry) -> AIError:
    if entry.store == "environment":
        message = "The environment variable of the key is not set any more."
        return KeyNotFound(message, provider=entry.slot.provider)
    message = f"The key {entry.slot.key_id!r} is not in the {entry.store} any more."
    return KeyNotFound(message, provider=entry.slot.provider, hint="Enter it again by set_api_key.")


def _mismatch_hint(entry: Entry) -> str:
    known = ", ".join(sorted(entry.origins)) or "no address"
    if entry.store == "environment":
        return (
            f"A key from the environment goes to {known} only. Set base_url in config.toml "
            "instead, which an app's window can't write, or set the provider's address back."
        )
    return (
        f"It was entered for {known}. Enter it again by set_api_key for the new address, or set "
        "the provider's address back."
    )
