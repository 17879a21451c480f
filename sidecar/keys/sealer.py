"""The seal of the audit: found, made, moved on with the chain, and held against it.

It vouches for all events up to one, from a key store, where who can write sidecar.db can't reach.
What waits for a key store here keeps no event from being written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Protocol

import anyio
import anyio.to_thread
import msgspec

from sidecar.errors import ComponentMissing, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.chain import Chain, Tip
from sidecar.keys.checkpoint import ANEW, Checkpoint
from sidecar.keys.events import Verdict

_CHECKPOINT_EVERY_S = 10.0
_WEEK_MS = 7 * 24 * 3600 * 1000


class Seals(Protocol):
    """Where the seal is kept. All raise `AIError`."""

    async def read(self, *, search: bool) -> Checkpoint | None:
        """Return it; None where there is none. Without `search` no store is asked for a first one.

        Raises `KeyStoreLocked` and `ComponentMissing` where it may be in a store that is not open,
        or not here, and `KeyStoreCorrupt` for one that can't be read, or that was taken away.
        """

    async def make(self) -> Checkpoint | None:
        """Make a new one and keep it; None where there is no key store for it."""

    def alone(self) -> AbstractContextManager[bool]:
        """True in it where no other sidecar of this home makes one, or moves it on, just now."""

    async def write(self, checkpoint: Checkpoint) -> None:
        """Keep it."""


class Sealer:
    """One task at a time is in here. `writing` is held by who writes to the chain."""

    def __init__(
        self, chain: Chain, seals: Seals, writing: anyio.Lock, failed: Callable[[str], None]
    ) -> None:
        self.checkpoint: Checkpoint | None = None
        """What this process vouches for; None before it has found the seal."""
        self.look_for_seal = False  # before a key store was used: that may open a dialogue
        self._chain = chain
        self._seals = seals
        self._writing = writing
        self._failed = failed
        self._sealing = anyio.Lock()
        self._is_elsewhere = False
        self._problem: str | None = None
        """What is wrong with the seal itself."""
        self._doubt: str | None = None
        """What of the chain does not fit it."""
        self._kept_at = 0.0

    async def run(self, *, now: bool = False) -> None:
        """Find the seal, keep it, cut what is too old. That asks a key store, and may take long."""
        async with self._sealing:
            base = await anyio.to_thread.run_sync(self._chain.new_base)
            if self.look_for_seal or base is not None:
                look, self.look_for_seal = self.look_for_seal, False
                await self._find(make=look)
            await self._settle_doubt()
            with self._seals.alone() as alone:
                if alone:  # else another time
                    await self._keep(now=now)
                    if base is not None:
                        await self._cut(base)

    async def find(self) -> None:
        """Find the seal where it is noted to be."""
        async with self._sealing:
            await self._find(make=False)

    def went_on(self, tip: Tip, problem: str | None) -> None:
        """Events were written, up to `tip`."""
        if self.checkpoint is not None:
            self._vouch(self.checkpoint, tip, problem)

    async def look_again(self) -> None:
        """Hold the chain against what is known here and what is kept there, whichever says more.

        Another sidecar of this home may have gone on, moved the beginning, or begun anew. What this
        one has vouched for itself still counts: an older seal must not excuse it.
        """
        if self.checkpoint is None:
            return
        found = await self._seals.read(search=False)
        await self._look(self.checkpoint if found is None else _newest(self.checkpoint, found))

    async def verify(self) -> Verdict:
        """Compute the chain anew, as far as the seal says. Raises `StorageError`."""
        verdict = await anyio.to_thread.run_sync(self._chain.verify, self.checkpoint)
        if verdict.valid and self._problem is not None:
            return msgspec.structs.replace(verdict, valid=False, problem=self._problem)
        return verdict

    async def begin_anew(self) -> None:
        """Vouch from here on. Raises what key stores raise, and `StorageError`."""
        async with self._sealing, self._writing:
            with self._seals.alone() as alone:
                if not alone:
                    message = "Another process is just writing the audit's seal."
                    raise KeyStoreLocked(message, hint="Try again, or close the app first.")
                try:
                    seal = await self._seals.read(search=True) or await self._seals.make()
                except (KeyStoreCorrupt, ComponentMissing):
                    seal = await self._seals.make()  # that one is lost
                begun = await anyio.to_thread.run_sync(self._chain.begin_anew, seal)
                if seal is not None:
                    self.checkpoint = begun
                    await self._seals.write(begun)
                self._problem = self._doubt = None

    # --- found, or made ---

    async def _find(self, *, make: bool) -> None:
        if self.checkpoint is not None:
            return
        try:
            found = await self._read(search=make)
            if make and _is_unused(found):
                with self._seals.alone() as alone:
                    if not alone:
                        self.look_for_seal = True  # another sidecar is just making it
                        return
                    found = await self._made()
        except (KeyStoreLocked, ComponentMissing):
            # It can't be opened now; without a mac events are written all the same.
            self._is_elsewhere = True
            return
        except KeyStoreCorrupt as error:
            self._is_elsewhere = True
            self._problem = error.message
            raise
        self._is_elsewhere, self._problem = False, None
        if found is not None and not found.is_new:
            await self._look(found)

    async def _read(self, *, search: bool) -> Checkpoint | None:
        for _ in range(2):  # another sidecar may have begun between the two looks
            found = await self._seals.read(search=search)
            if not _is_unused(found) or not await anyio.to_thread.run_sync(self._chain.is_sealed):
                return found
        raise KeyStoreCorrupt("The audit's seal is gone from the key stores.", hint=ANEW)

    async def _made(self) -> Checkpoint | None:
        new = await self._read(search=True) or await self._seals.make()
        if new is None or not new.is_new:
            return new
        base = await anyio.to_thread.run_sync(self._chain.base)
        new = msgspec.structs.replace(new, base=base)
        tip, _ = await anyio.to_thread.run_sync(self._chain.look, new)
        # Kept before an event is sealed by it: after a crash it must not look unused.
        used = msgspec.structs.replace(new, seq=tip.seq, digest=tip.digest)
        await self._seals.write(used)
        return used

    # --- held against the chain ---

    async def _look(self, checkpoint: Checkpoint) -> None:
        async with self._writing:  # what is being written now is vouched for, too
            tip, problem = await anyio.to_thread.run_sync(self._chain.look, checkpoint)
            self._vouch(checkpoint, tip, problem)

    def _vouch(self, checkpoint: Checkpoint, tip: Tip, problem: str | None) -> None:
        """For all up to `tip`, unless something is wrong; then that stays to be seen."""
        if problem is None:
            checkpoint = msgspec.structs.replace(checkpoint, seq=tip.seq, digest=tip.digest)
        self.checkpoint = checkpoint
        self._doubt = problem

    async def _settle_doubt(self) -> None:
        """Tell what is wrong, where it still is when the seal was looked at again."""
        if self._doubt is None:
            return
        with suppress(KeyStoreLocked, ComponentMissing):  # what this process knows is what counts
            await self.look_again()
        if self._doubt is not None:
            self._failed(self._doubt)

    # --- kept ---

    async def _keep(self, *, now: bool) -> bool:
        """Return false where it should have been kept and could not."""
        due = time.monotonic() - self._kept_at > _CHECKPOINT_EVERY_S
        if self.checkpoint is None or not (due or now):
            return True
        try:
            await self.look_again()
            if self._doubt is not None:
                self._failed(self._doubt)
                return False  # the one that is kept says more
            await self._seals.write(self.checkpoint)
        except (KeyStoreLocked, ComponentMissing):
            return False  # kept once it is open again
        self._kept_at = time.monotonic()
        return True

    async def _cut(self, base: int) -> None:
        if self._is_elsewhere:
            return  # what lies in the seal would deny that the chain begins later
        if self.checkpoint is not None:
            # First: after a crash in between there is more than it says, and never less.
            self.checkpoint = msgspec.structs.replace(self.checkpoint, base=base)
            if not await self._keep(now=True):
                return
        if await anyio.to_thread.run_sync(self._chain.age_ms, base) < _WEEK_MS:
            self._failed("so much happened within a week that the oldest events are cut off.")
        async with self._writing:
            await anyio.to_thread.run_sync(self._chain.cut, base)


def _is_unused(seal: Checkpoint | None) -> bool:
    """True where there is no event that one vouches for."""
    return seal is None or seal.is_new


def _newest(here: Checkpoint, kept: Checkpoint) -> Checkpoint:
    """What vouches for most. One with another key was made anew by a person."""
    if kept.key != here.key:
        return kept
    newer = kept if kept.seq > here.seq else here
    return msgspec.structs.replace(newer, base=max(here.base, kept.base))
