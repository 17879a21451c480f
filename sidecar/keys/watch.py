"""Sees what is odd about how keys are used, and says so. Pure: it is told of events and the time.

`security_notice` is for people: the front end shows it, and the user decides. Nothing is blocked.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from typing import Literal

from sidecar.values import Said

FAILURES = 3
"""So many refusals of one provider in a row, or wrong passwords, are told."""
BURST_FLOOR = 60
"""Uses a minute that are never called a burst."""
BURST_FACTOR = 3
"""A burst is more than so many times the busiest minute there was before."""
QUIET_MS = 10 * 60_000
"""The same thing is told again after so long at the earliest."""
_MINUTE_MS = 60_000

NoticeKind = Literal[
    "authentication_failures", "unlock_failures", "burst", "new_origin", "origin_mismatch",
    "audit_failed",
]  # fmt: skip


class SecurityNotice(Said, frozen=True):
    """Something odd about keys, in words for a person. `timestamp` in Unix milliseconds."""

    kind: NoticeKind
    message: str
    timestamp: int
    provider: str | None = None
    key_id: str | None = None
    origin: str | None = None
    count: int | None = None


class Watch:
    """Looks at uses, refusals and passwords. Every method returns what is to be told, or None."""

    def __init__(self) -> None:
        self._refused: Counter[str] = Counter()
        self._wrong_passwords = 0
        self._origins: dict[str, set[str]] = defaultdict(set)
        self._uses: dict[str, deque[int]] = defaultdict(deque)
        self._busiest: Counter[str] = Counter()
        self._told: dict[tuple[str, str | None, str | None], int] = {}

    def remember(self, provider: str, origin: str, busiest_minute: int) -> None:
        """What was usual in earlier runs, from the audit."""
        self._origins[provider].add(origin)
        self._busiest[provider] = max(self._busiest[provider], busiest_minute)

    def used(self, provider: str, key_id: str, origin: str, now: int) -> list[SecurityNotice]:
        """A key was sent to an origin."""
        found = []
        known = self._origins[provider]
        if known and origin not in known:
            message = f"The key of {provider} was used at {origin} for the first time."
            found.append(self._tell("new_origin", message, now, provider, key_id, origin))
        known.add(origin)
        uses = self._uses[provider]
        uses.append(now)
        while uses[0] <= now - _MINUTE_MS:
            self._busiest[provider] = max(self._busiest[provider], len(uses))
            uses.popleft()
        usual = max(BURST_FLOOR, BURST_FACTOR * self._busiest[provider])
        if len(uses) > usual:
            message = f"{len(uses)} requests with the key of {provider} within a minute."
            found.append(
                self._tell("burst", message, now, provider, key_id, origin, count=len(uses))
            )
        return [each for each in found if each is not None]

    def answered(self, provider: str, key_id: str, result: str, now: int) -> SecurityNotice | None:
        """The provider took the key, or refused it."""
        if result not in ("authentication", "permission"):
            if result == "ok":
                del self._refused[provider]
            return None
        self._refused[provider] += 1
        count = self._refused[provider]
        if count < FAILURES:
            return None
        message = f"{provider} has refused its key {count} times in a row."
        return self._tell("authentication_failures", message, now, provider, key_id, count=count)

    def mismatched(
        self, provider: str, key_id: str, origin: str, now: int
    ) -> SecurityNotice | None:
        """A key was asked for by somebody who points its provider elsewhere."""
        message = f"A request with the key of {provider} was meant for {origin}, and was not sent."
        return self._tell("origin_mismatch", message, now, provider, key_id, origin)

    def unlocked(self, *, well: bool, now: int) -> SecurityNotice | None:
        """Somebody gave the vault's password, or a wrong one."""
        self._wrong_passwords = 0 if well else self._wrong_passwords + 1
        if self._wrong_passwords < FAILURES:
            return None
        message = f"{self._wrong_passwords} wrong passwords for the vault in a row."
        return self._tell("unlock_failures", message, now, count=self._wrong_passwords)

    def audit_failed(self, why: str, now: int) -> SecurityNotice | None:
        """The audit could not be written."""
        return self._tell("audit_failed", f"The audit is not whole: {why}", now)

    def _tell(  # noqa: PLR0913, PLR0917 - one argument per field of the notice
        self,
        kind: NoticeKind,
        message: str,
        now: int,
        provider: str | None = None,
        key_id: str | None = None,
        origin: str | None = None,
        *,
        count: int | None = None,
    ) -> SecurityNotice | None:
        # Which origins are tried out may be up to a window that was taken over; it gets one notice.
        about = (kind, provider, origin if kind == "new_origin" else None)
        last = self._told.get(about)
        if last is not None and now - last < QUIET_MS:
            return None
        self._told[about] = now
        return SecurityNotice(
            kind=kind,
            message=message,
            timestamp=now,
            provider=provider,
            key_id=key_id,
            origin=origin,
            count=count,
        )
