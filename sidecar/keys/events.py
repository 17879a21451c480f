"""What is told of keys: events, and whether their record is whole."""

from __future__ import annotations

from typing import Literal

from sidecar.values import Said

EventName = Literal[
    "store", "read", "use", "delete", "refuse",
    "create_vault", "unlock_vault", "lock_vault", "change_vault_password", "begin_anew",
]  # fmt: skip


class AuditEvent(Said, frozen=True):
    """One thing that happened to a key. `result` is `ok` or the kind of the error.

    `at` in Unix milliseconds. `use`: it was sent to `origin`; `refuse`: it was not, since it is
    for another origin; `read`: it was taken out of its store.
    """

    at: int
    event: EventName
    result: str
    provider: str | None = None
    key_id: str | None = None
    store: str | None = None
    origin: str | None = None
    execution_id: str | None = None


class NumberedEvent(Said, frozen=True):
    """An event with its place in the chain."""

    seq: int
    event: AuditEvent


class Verdict(Said, frozen=True):
    """Whether the chain is as it was written.

    `sealed` is the last event that a seal vouches for, with all before it; what comes after it is
    only as good as the file. Where `valid` is false, `problem` says what is wrong, and `seq` where.
    """

    valid: bool
    events: int
    sealed: int
    problem: str | None = None
    seq: int | None = None
