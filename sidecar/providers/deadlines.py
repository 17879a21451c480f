"""The four timeouts of one request, at the price of one clock reading per network read.

A cancel scope per read would be the obvious way, and costs more than decoding a chunk does. Here
a single timer looks now and then at when something was last heard, and cancels one scope.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import anyio

from sidecar.errors import ProviderTimeout
from sidecar.providers.vendor import Deadlines

_WHAT = {
    "first_token_ms": "did not begin to answer within",
    "idle_ms": "fell silent for",
    "total_ms": "was not done within",
}


class Watch:
    """`with Watch(...)`: raises `ProviderTimeout` where one of the timeouts passes.

    `heard()` at every arrival of bytes, `began()` at the first word of the answer, and
    `held` set to true while the reader of our own output is the one who is waited for.
    """

    def __init__(self, deadlines: Deadlines, vendor: str, display_name: str) -> None:
        self.held = False
        self._vendor = vendor
        self._display_name = display_name
        self._limits = deadlines
        self._loop = asyncio.get_running_loop()
        self._scope = anyio.CancelScope()
        self._started = self._last = self._loop.time()
        self._began = self._opened = False
        self._passed: str | None = None
        self._timer: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        """Bytes came, heartbeats included."""
        self._last = self._loop.time()
        self._opened = True

    def began(self) -> None:
        """The answer has begun: the first-token timeout is met."""
        self._began = True

    def __enter__(self) -> Self:
        self._scope.__enter__()
        self._look()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        swallowed = bool(self._scope.__exit__(kind, error, trace))
        if self._passed is not None and (swallowed or error is None):
            raise self._timeout(self._passed)
        return swallowed

    def _look(self) -> None:
        now = self._loop.time()
        if self.held:
            self._last = now
        ends = {"total_ms": self._started + self._limits.total_ms / 1000}
        if not self._began:
            ends["first_token_ms"] = self._started + self._limits.first_token_ms / 1000
        if self._opened:
            ends["idle_ms"] = self._last + self._limits.idle_ms / 1000
        name = min(ends, key=lambda each: ends[each])
        if ends[name] <= now:
            self._passed = name
            self._scope.cancel()
        else:
            soonest = min(ends[name], now + self._limits.idle_ms / 1000)
            self._timer = self._loop.call_at(soonest, self._look)

    def _timeout(self, name: str) -> ProviderTimeout:
        limit = getattr(self._limits, name)
        return ProviderTimeout(
            f"{self._display_name} {_WHAT[name]} {limit} ms.",
            hint=f"Try again, or raise `timeouts.{name}`.",
            provider=self._vendor,
        )
