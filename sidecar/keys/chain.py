"""The chain of events in sidecar.db: written, read, verified, cut at its beginning. It blocks.

    digest = SHA-256(digest before · seq · event)       mac = HMAC-SHA256(seal key, digest)

Where the seal key is not at hand, events are written without a mac; the next one with a mac seals
all before it, since its digest goes back to the first. `Checkpoint` is what is kept outside of the
file, in a key store: with it, cutting off the end, or the beginning, is noticed, too.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from sidecar.errors import StorageError
from sidecar.keys.checkpoint import START, Checkpoint
from sidecar.keys.events import AuditEvent, NumberedEvent, Verdict
from sidecar.records.database import Database

if TYPE_CHECKING:
    import sqlite3

MAX_EVENTS = 100_000
"""More are not kept: a tenth is cut off, oldest first."""
_LAST = 2**62
"""No place is beyond it: so many events nobody has written."""
_BASE = "audit_base"


class Tip(NamedTuple):
    """A place in the chain."""

    seq: int
    digest: bytes


_Row = tuple[int, bytes, bytes, bytes | None]
"""Its place, the event, the digest that was kept, the mac."""


class Chain:
    """The table `audit`. Raises `StorageError`."""

    def __init__(self, database: Database, max_events: int = MAX_EVENTS) -> None:
        self._database = database
        self._max_events = max_events

    def append(
        self, events: list[AuditEvent], checkpoint: Checkpoint | None
    ) -> tuple[Tip, str | None]:
        """Write events; return the last one's place.

        Beside it, what is wrong where they do not follow on what the checkpoint vouches for: with
        another checkpoint, that of a new tip, it would be forgotten.
        """
        key = checkpoint.key if checkpoint else None
        with self._database.transaction() as connection:
            tip = _tip(connection)
            problem = _not_followed(connection, tip, checkpoint)
            for event in events:
                tip = _insert(connection, tip, event, key)
        return tip, problem

    def begin_anew(self, seal: Checkpoint | None) -> Checkpoint:
        """Take what is there as it is, and go on from it. Returns what vouches for it.

        Where it is broken in itself, it goes into the table `audit_before`, and the record begins
        behind it. `seal`: None where there is no key store; a new one makes the macs of the one
        that is lost worthless.
        """
        key = seal.key if seal else None
        event = AuditEvent(at=time.time_ns() // 1_000_000, event="begin_anew", result="ok")
        with self._database.transaction() as connection:
            base = _base(connection)
            (count,) = connection.execute("SELECT count(*) FROM audit").fetchone()
            # Places beyond what a chain without gaps has can't be gone on from.
            _put_aside(connection, f"seq < 0 OR seq > {base.seq + count}")
            tip = _last(connection)
            if seal is None or seal.is_new:
                connection.execute("UPDATE audit SET mac = NULL")
            as_it_is = Checkpoint(key, base.seq, base.digest, base.seq) if key else None
            if not _verify(connection, as_it_is).valid:
                base = tip
                _move_base(connection, base)
                _put_aside(connection, "TRUE")
            tip = _insert(connection, tip, event, key)
        return Checkpoint(key or b"", tip.seq, tip.digest, base.seq)

    def look(self, checkpoint: Checkpoint) -> tuple[Tip, str | None]:
        """Return the last event's place, and what does not fit to the checkpoint, if anything."""
        with self._database.reading() as connection:
            tip = _tip(connection)
            return tip, _not_followed(connection, tip, checkpoint)

    def base(self) -> int:
        """The place before the first event that is kept."""
        with self._database.reading() as connection:
            return _base(connection).seq

    def is_sealed(self) -> bool:
        """True where there was a seal once."""
        with self._database.reading() as connection:
            query = "SELECT 1 FROM audit WHERE mac IS NOT NULL LIMIT 1"
            return connection.execute(query).fetchone() is not None

    def age_ms(self, seq: int) -> int:
        """How long ago the event of that place happened."""
        with self._database.reading() as connection:
            query = "SELECT CAST(event AS BLOB) FROM audit WHERE seq = ?"
            row = connection.execute(query, (seq,)).fetchone()
        event = _event(row[0]) if row else None
        return time.time_ns() // 1_000_000 - event.at if event else 0

    def new_base(self) -> int | None:
        """Where the chain should begin from now on; None where it is not too long."""
        with self._database.reading() as connection:
            base, tip = _base(connection).seq, _tip(connection)
        too_many = tip.seq - base > self._max_events
        return tip.seq - self._max_events * 9 // 10 if too_many else None

    def cut(self, base: int) -> None:
        """Forget the events up to `base`."""
        with self._database.transaction() as connection:
            query = "SELECT seq, digest FROM audit WHERE seq = ?"
            last = connection.execute(query, (base,)).fetchone()
            if last is None:
                return
            _move_base(connection, Tip(*last))
            connection.execute("DELETE FROM audit WHERE seq <= ?", (base,))

    def read(self, before: int | None, limit: int, provider: str | None) -> list[NumberedEvent]:
        """Return the newest events before a place, newest first."""
        query = "SELECT seq, CAST(event AS BLOB) FROM audit WHERE seq < ? ORDER BY seq DESC"
        newest = _LAST if before is None else before
        found: list[NumberedEvent] = []
        with self._database.reading() as connection:
            for seq, text in connection.execute(query, (newest,)):
                event = _event(text)
                if event is not None and provider in (None, event.provider):
                    found.append(NumberedEvent(seq=seq, event=event))
                if len(found) == limit:
                    break
        return found

    def verify(self, checkpoint: Checkpoint | None) -> Verdict:
        """Compute the chain anew."""
        with self._database.reading() as connection:
            return _verify(connection, checkpoint)


class _Broken(Exception):
    """The chain is not as it was written: what is wrong, and at which place."""

    def __init__(self, seq: int, problem: str) -> None:
        super().__init__(problem)
        self.seq = seq


def _verify(connection: sqlite3.Connection, checkpoint: Checkpoint | None) -> Verdict:
    base = tip = _base(connection)
    key = checkpoint.key if checkpoint else None
    sealed = base.seq if checkpoint else 0
    digests = {base.seq: base.digest}
    problem: _Broken | None = None
    try:
        for row in _rows(connection):
            tip, has_seal = _next(tip, row, key)
            sealed = tip.seq if has_seal else sealed
            if checkpoint and tip.seq == checkpoint.seq:
                digests[tip.seq] = tip.digest
    except _Broken as error:
        problem = error
    if checkpoint and problem is None:
        problem = _held_against(checkpoint, base, tip, digests.get(checkpoint.seq))
        sealed = max(sealed, checkpoint.seq) if problem is None else sealed
    return Verdict(
        valid=problem is None,
        events=tip.seq - base.seq,
        sealed=sealed,
        problem=str(problem) if problem else None,
        seq=problem.seq if problem else None,
    )


def _tip(connection: sqlite3.Connection) -> Tip:
    """The last place of the chain. Raises `StorageError` where it can't be gone on from."""
    tip = _last(connection)
    query = "SELECT 1 FROM audit WHERE seq < 0 OR seq >= ?"
    if connection.execute(query, (_LAST,)).fetchone() is not None:
        message = "The audit's last event has a place that nobody here has given it."
        raise StorageError(message, hint="Restore sidecar.db from a backup.")
    return tip


def _last(connection: sqlite3.Connection) -> Tip:
    """The last place of those that somebody here can have given."""
    query = (
        "SELECT seq, CAST(digest AS BLOB) FROM audit WHERE seq BETWEEN 0 AND ?"
        " ORDER BY seq DESC LIMIT 1"
    )
    return Tip(*(connection.execute(query, (_LAST - 1,)).fetchone() or _base(connection)))


def _insert(
    connection: sqlite3.Connection, before: Tip, event: AuditEvent, key: bytes | None
) -> Tip:
    text = msgspec.json.encode(event)
    tip = Tip(before.seq + 1, _digest(before, text))
    mac = _mac(key, tip.digest) if key else None
    row = (tip.seq, text.decode(), tip.digest, mac)
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?)", row)
    return tip


def _put_aside(connection: sqlite3.Connection, which: str) -> None:
    connection.execute(f"INSERT INTO audit_before SELECT * FROM audit WHERE {which}")  # noqa: S608 - its own words
    connection.execute(f"DELETE FROM audit WHERE {which}")  # noqa: S608 - its own words


def _move_base(connection: sqlite3.Connection, base: Tip) -> None:
    value = msgspec.json.encode(base)
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (_BASE, value))


def _not_followed(
    connection: sqlite3.Connection, tip: Tip, checkpoint: Checkpoint | None
) -> str | None:
    if checkpoint is None or checkpoint.is_new:
        return None
    base = _base(connection)
    query = "SELECT CAST(digest AS BLOB) FROM audit WHERE seq = ?"
    row = connection.execute(query, (checkpoint.seq,)).fetchone()
    digest = base.digest if base.seq == checkpoint.seq else row and row[0]
    broken = _held_against(checkpoint, base, tip, digest)
    return str(broken) if broken else None


def _held_against(
    checkpoint: Checkpoint, base: Tip, tip: Tip, digest: bytes | None
) -> _Broken | None:
    if base.seq > checkpoint.base:
        return _Broken(checkpoint.base + 1, "Events were cut off the beginning.")
    if digest is None:
        return _Broken(tip.seq + 1, "Events were cut off the end.")
    if digest != checkpoint.digest:
        return _Broken(checkpoint.seq, "Events were written anew.")
    return None


def _next(before: Tip, row: _Row, key: bytes | None) -> tuple[Tip, bool]:
    """Return the next place in the chain, and whether a seal vouches for it. Raises `_Broken`."""
    seq, text, kept, mac = row
    if seq != before.seq + 1:
        raise _Broken(before.seq + 1, "Events are missing.")
    tip = Tip(seq, _digest(before, text))
    if tip.digest != kept:
        raise _Broken(seq, "An event was changed.")
    if mac is None or key is None:
        return tip, False
    if not hmac.compare_digest(_mac(key, tip.digest), mac):
        raise _Broken(seq, "A seal is not the one that was set.")
    return tip, True


def _rows(connection: sqlite3.Connection) -> Iterator[_Row]:
    # Cast, since SQLite keeps any type in any column.
    yield from connection.execute(
        "SELECT seq, CAST(event AS BLOB), CAST(digest AS BLOB), CAST(mac AS BLOB)"
        " FROM audit ORDER BY seq"
    )


def _base(connection: sqlite3.Connection) -> Tip:
    query = "SELECT CAST(value AS BLOB) FROM settings WHERE name = ?"
    row = connection.execute(query, (_BASE,)).fetchone()
    try:
        base = Tip(0, START) if row is None else msgspec.json.decode(row[0], type=Tip)
    except (msgspec.DecodeError, UnicodeError):
        base = Tip(0, START)
    # One that was changed from outside: the chain will not fit to it.
    return base if 0 <= base.seq < _LAST else Tip(0, START)


def _digest(before: Tip, text: bytes) -> bytes:
    return hashlib.sha256(before.digest + (before.seq + 1).to_bytes(8) + text).digest()


def _mac(key: bytes, digest: bytes) -> bytes:
    return hmac.new(key, digest, hashlib.sha256).digest()


def _event(text: bytes) -> AuditEvent | None:
    try:
        return msgspec.json.decode(text, type=AuditEvent)
    except (msgspec.DecodeError, UnicodeError):
        return None  # changed from outside; `verify` says so
