"""The connections that are kept: one pool for each origin and the proxy before it, HTTP/1.1 only.

What is idle for `_IDLE_S` is not used again: it is less than servers and routers keep a connection.
A machine that slept keeps none either: their other ends are long gone, and nobody could tell it.
Whether it slept is seen by the clocks at the next request, since one of them stood still.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import anyio
import httpcore  # noqa: F401 - httpx would do it on the event loop, for the first connection
import httpx

from sidecar.errors import ConfigError
from sidecar.providers.network.connecting import Connecting
from sidecar.providers.network.proxies import Proxy
from sidecar.providers.network.routes import Routes
from sidecar.providers.network.trust import Trust

_IDLE_S = 50.0
_JUMP_S = 5.0
"""Of wall clock against monotonic clock, that no correction of a clock makes."""
_MOST_KEPT = 64
_PORTS = {"http": 80, "https": 443}
_Key = tuple[str, str, int, Proxy | None]


@dataclass(eq=False)
class _Pool:
    http: httpx.AsyncHTTPTransport
    busy: int = 0
    idle_since: float = 0.0
    retired: bool = False


class Pools(httpx.AsyncBaseTransport):
    """httpx's transport: sends each request over its origin's pool.

    Requests have a `Connecting` as the extension `trace`.
    """

    def __init__(
        self,
        routes: Routes,
        trust: Trust,
        *,
        idle_s: float = _IDLE_S,
        slept: Callable[[], float] = lambda: time.time() - time.monotonic(),
    ) -> None:
        self._routes = routes
        self._trust = trust
        self._idle_s = idle_s
        self._pools: dict[_Key, _Pool] = {}
        self._slept = slept
        self._slept_before = slept()

    async def warm(self) -> None:
        """Build what the first connection would wait for."""
        await self._trust.context()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; once more where a kept connection turns out to be closed."""
        url = request.url
        connecting: Connecting = request.extensions["trace"]
        port = url.port or _PORTS.get(url.scheme, 0)
        limit = request.extensions.get("timeout", {}).get("connect")
        via = await self._routes.to(url.scheme, url.host, port, connecting.choice)
        if via is not None and ":" in url.host:
            message = f"The IPv6 address {url.host} can't be asked for through a proxy."
            hint = f"Name the server by a host name; or, since {via.named_by} is set, set NO_PROXY."
            raise ConfigError(message, hint=hint)
        connecting.via = via
        await self._sweep()
        key = (url.scheme, url.host, port, via)
        try:
            return await self._send(request, key, connecting, limit)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
            if not connecting.raced or not _unanswered(error):
                raise
        # The others that were kept are as old, so that none is tried.
        await self._retire([key])
        return await self._send(request, key, connecting, limit)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._retire(list(self._pools), busy=True)

    async def _send(
        self, request: httpx.Request, key: _Key, connecting: Connecting, limit: float | None
    ) -> httpx.Response:
        with connecting.within(limit):
            pool = self._pools.get(key) or await self._made(key)
            pool.busy += 1
            try:
                response = await pool.http.handle_async_request(request)
            except BaseException:
                await self._done(pool)
                raise
            stream = cast("httpx.AsyncByteStream", response.stream)
            response.stream = _Stream(stream, lambda: self._done(pool))
        return response

    async def _made(self, key: _Key) -> _Pool:
        scheme, _, _, via = key
        with_tls = scheme == "https" or (via is not None and via.scheme == "https")
        context = await self._trust.context() if with_tls else _NO_TLS
        http = httpx.AsyncHTTPTransport(
            verify=context,
            trust_env=False,
            http2=False,
            # How many run at once is decided above; a pool that is full would wait in silence.
            limits=httpx.Limits(
                max_connections=None,
                max_keepalive_connections=_MOST_KEPT,
                keepalive_expiry=self._idle_s,
            ),
            proxy=None if via is None else _as_httpx(via, context),
        )
        # Another request may have made it while this one waited for the context.
        return self._pools.setdefault(key, _Pool(http))

    async def _done(self, pool: _Pool) -> None:
        pool.busy -= 1
        pool.idle_since = time.monotonic()
        if pool.retired and not pool.busy:
            with anyio.CancelScope(shield=True):
                await pool.http.aclose()

    async def _sweep(self) -> None:
        """Give up pools that nobody uses, and after a sleep all of them."""
        now, slept = time.monotonic(), self._slept()
        jumped = abs(slept - self._slept_before) > _JUMP_S
        self._slept_before = slept
        await self._retire(
            [
                key
                for key, pool in self._pools.items()
                if jumped or (not pool.busy and now - pool.idle_since > self._idle_s)
            ]
        )

    async def _retire(self, keys: list[_Key], *, busy: bool = False) -> None:
        """Let nobody use these pools any more; what runs on them runs on, unless `busy`."""
        for pool in [self._pools.pop(key) for key in keys if key in self._pools]:
            pool.retired = True
            if busy or not pool.busy:
                with anyio.CancelScope(shield=True):
                    await pool.http.aclose()


class _Stream(httpx.AsyncByteStream):
    """An answer's bytes, which tells when it is closed."""

    def __init__(self, stream: httpx.AsyncByteStream, done: Callable[[], Awaitable[None]]) -> None:
        self._stream = stream
        self._done = done
        self._open = True

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        """Close the answer, and count it as closed once."""
        try:
            await self._stream.aclose()
        finally:
            if self._open:
                self._open = False
                await self._done()


def _as_httpx(proxy: Proxy, context: ssl.SSLContext) -> httpx.Proxy:
    password = proxy.password.reveal() if proxy.password else ""
    auth = None if proxy.user is None else (proxy.user, password)
    with_tls = proxy.scheme == "https"
    return httpx.Proxy(proxy.address, auth=auth, ssl_context=context if with_tls else None)


def _unanswered(error: httpx.TransportError) -> bool:
    # httpx tells garbage by the same class as an end without any answer
    return not isinstance(error, httpx.RemoteProtocolError) or "disconnected" in str(error)


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For pools of plain http: it trusts nobody, and spares them the building of one that does."""
