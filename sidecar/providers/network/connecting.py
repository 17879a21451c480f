"""What httpcore tells of how one request's connection comes about, and the time it may take.

httpcore limits each step by itself, and the talk with a proxy not at all; here all of it together
(names, addresses, proxy, TLS) has the one limit `connect_ms`.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import anyio
import httpx

from sidecar.providers.network.proxies import Choice, Proxy
from sidecar.providers.sink import Facts

Stage = Literal["waiting", "tcp", "tls with the proxy", "tunnel", "tls", "sent"]
# A peer that is gone without a word (this machine slept, a router forgot the connection) is found
# out after a minute. Nothing is sent meanwhile but by the system, and streams may be silent.
_PROBES = (("TCP_KEEPIDLE", 30), ("TCP_KEEPALIVE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
_RACE_S = 2.0


class Connecting:
    """httpcore's `trace` of one request. `choice` is the provider's own proxy, if it has one."""

    def __init__(self, facts: Facts, choice: Choice = None) -> None:
        self.choice = choice
        self.via: Proxy | None = None
        self.stage: Stage = "waiting"
        self._facts = facts
        self._began = self._sent_at = time.monotonic()
        self._fresh = False
        self._scope: anyio.CancelScope | None = None

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Raise `httpx.ConnectTimeout` where the request is not on its way by then."""
        self.stage, self._fresh = "waiting", False
        deadline = math.inf if seconds is None else anyio.current_time() + seconds
        with anyio.CancelScope(deadline=deadline) as self._scope:
            yield
        if self._scope.cancelled_caught:
            raise httpx.ConnectTimeout("")

    @property
    def raced(self) -> bool:
        """True where the request just went over a connection that was kept.

        One that fails then, with no answer, met a peer that had closed: whoever works on a request
        takes longer to fail.
        """
        recent = time.monotonic() - self._sent_at < _RACE_S
        return self.stage == "sent" and not self._fresh and recent

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        """Take one event of httpcore's, like `connection.connect_tcp.started`."""
        match event:
            case "connection.connect_tcp.started":
                self._fresh, self.stage = True, "tcp"
            case "connection.connect_tcp.complete":
                _probe(info["return_value"].get_extra_info("socket"))
            case "connection.start_tls.started":
                self.stage = "tls" if self.via is None else "tls with the proxy"
            case "proxy.start_tls.started":
                self.stage = "tls"
            case "http11.send_request_headers.started":
                if info["request"].method == b"CONNECT":
                    self.stage = "tunnel"
                else:
                    self._connected()
            case _:
                pass

    def _connected(self) -> None:
        self.stage, self._sent_at = "sent", time.monotonic()
        if self._fresh:
            self._facts.connect_ms = round((self._sent_at - self._began) * 1000)
        if self._scope is not None:
            self._scope.deadline = math.inf


def _probe(connected: socket.socket) -> None:
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES:
        if hasattr(socket, name):  # each system has some of them
            with suppress(OSError):  # an old Windows: its own, longer times hold
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
