"""Chains of events for tests, and hands that reach into them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from sidecar.errors import AIError, KeyStoreLocked
from sidecar.keys.audit import Audit
from sidecar.keys.chain import Chain
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.events import AuditEvent
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.vaults import by_hand

KEY = bytes(range(32))
SLOT = Slot("openai", "default")


def event(number: int, provider: str = "openai") -> AuditEvent:
    """One of many."""
    return AuditEvent(at=number, event="use", result="ok", provider=provider, key_id=f"k{number}")


def events(begin: int, end: int) -> list[AuditEvent]:
    """So many of them."""
    return [event(number) for number in range(begin, end)]


def sealed_chain(database: Database, count: int = 10) -> Checkpoint:
    """Write a chain of so many events, each sealed; return what a key store would keep."""
    start = Checkpoint(KEY)
    tip, problem = Chain(database).append(events(1, count + 1), start)
    assert problem is None
    return Checkpoint(KEY, tip.seq, tip.digest)


def written_anew(database: Database) -> None:
    """Write the whole chain anew by its own rules, without the seal key."""
    rows = by_hand(database, "SELECT event FROM audit ORDER BY seq")
    by_hand(database, "DELETE FROM audit")
    told = [AuditEvent(at=1, event="use", result="ok", provider="somebody else's")] * len(rows)
    Chain(database).append(told, None)


class KeptSeals:
    """Keeps the seal like a key store that may be locked. `elsewhere`: what is kept."""

    def __init__(self, kept: Checkpoint | None = None, *, locked: bool = False) -> None:
        self.kept = kept
        self.locked = locked
        self.writes = 0

    async def read(self, *, search: bool) -> Checkpoint | None:
        """Return it. As if sidecar.db had a note of it."""
        del search
        self._look()
        return self.kept

    async def make(self) -> Checkpoint | None:
        """Make one."""
        self._look()
        self.kept = Checkpoint(KEY)
        return self.kept

    def alone(self) -> AbstractContextManager[bool]:
        """Nobody else is on this home."""
        return nullcontext(enter_result=True)

    async def write(self, checkpoint: Checkpoint) -> None:
        """Keep it."""
        self._look()
        self.writes += 1
        self.kept = checkpoint

    def _look(self) -> None:
        if self.locked:
            message = "locked"
            raise KeyStoreLocked(message)


class NoSeals:
    """Where there is no key store at all."""

    async def read(self, *, search: bool) -> None:
        """There is none."""
        del search

    async def make(self) -> None:
        """There can be none."""

    def alone(self) -> AbstractContextManager[bool]:
        """Nobody else is on this home."""
        return nullcontext(enter_result=True)

    async def write(self, checkpoint: Checkpoint) -> None:
        """There is none."""
        del checkpoint
        raise AIError("there is no key store")


def an_audit(
    database: Database, seals: KeptSeals | NoSeals, told: list[str] | None = None, most: int = 1000
) -> Audit:
    """Return an audit whose failures are told to a list."""
    failures = told if told is not None else []
    audit = Audit(Chain(database, most), seals, failures.append)
    audit.store_opened()
    return audit


async def after(audit: Audit, *results: str) -> Audit:
    """Let so many things happen, and be written."""
    for result in results:
        audit.record("use", result, SLOT)
    await audit.flush()
    await audit._seal()
    return audit
