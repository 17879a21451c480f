"""The only place that opens a network connection.

One `httpx.AsyncClient` for everything, over the pools of `network/`, HTTP/1.1 only: httpcore closes
an HTTP/2 stream without telling the peer, so that a cancel would not stop the bill. Redirects are
not followed, least of all with a key. What httpx raises becomes an `AIError` on its way out
(`httpx_errors`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import anyio.lowlevel
import httpx

from sidecar import __version__
from sidecar.errors import Authentication
from sidecar.providers import answering
from sidecar.providers.deadlines import Watch
from sidecar.providers.format import Format, HttpRequest
from sidecar.providers.headers import request_id
from sidecar.providers.httpx_errors import errors_of
from sidecar.providers.network.connecting import Connecting
from sidecar.providers.network.pools import Pools
from sidecar.providers.network.proxies import Choice
from sidecar.providers.network.routes import Routes
from sidecar.providers.network.trust import CaFile, Trust
from sidecar.providers.sink import Facts, Sink
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, ModelInfo

logger = logging.getLogger(__name__)

_MOST_PAGES = 100
"""Of a list of models: one that has no end is not worth waiting for."""


class Client:
    """Sends requests of any format and hands what comes back to its decoder.

    `proxy` and `ca_file` are those of `[network]`.
    """

    def __init__(
        self,
        proxy: Choice = None,
        ca_file: CaFile = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._transport = transport or Pools(Routes(proxy), Trust(ca_file))
        self._http = _client(self._transport)

    async def run(self, wire: Format, request: AIRequest, target: Target, sink: Sink) -> None:
        """Send `request` and emit what is answered."""
        facts = sink.facts
        http_request = wire.build_request(request, target, facts)
        with self._watch(target) as watch:
            sink.sent()
            async with self._open(http_request, target, watch, facts) as response:
                if not response.is_success:
                    raise await answering.refusal(wire, response, target, watch)
                facts.request_id = request_id(response.headers)
                lines = wire.framing == "ndjson" and request.stream
                await answering.take(wire, response, target, watch, sink, lines=lines)

    async def models(self, wire: Format, target: Target) -> list[ModelInfo]:
        """Ask a vendor for its models."""
        found: list[ModelInfo] = []
        page: str | None = None
        pages: set[str] = set()
        for _ in range(_MOST_PAGES):
            body = await self.ask(wire, wire.build_models_request(target, page), target, Facts())
            part = wire.parse_models(body, target)
            found += part.models
            if part.next is None:
                return found
            if part.next in pages:
                break  # it would name them for ever
            pages.add(part.next)
            page = part.next
        logger.warning("%s: its list of models has no end.", target.vendor.display_name)
        return found

    async def ask(self, wire: Format, request: HttpRequest, target: Target, facts: Facts) -> bytes:
        """Send what has one answer and no stream, and return that."""
        with self._watch(target) as watch:
            async with self._open(request, target, watch, facts) as response:
                if not response.is_success:
                    raise await answering.refusal(wire, response, target, watch)
                facts.request_id = request_id(response.headers)
                body = await answering.read(response, watch)
        return body

    async def warm(self) -> None:
        """Build what the first connection would wait for. Raises `ConfigError`."""
        if isinstance(self._transport, Pools):
            await self._transport.warm()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _watch(self, target: Target) -> Watch:
        return Watch(target.deadlines, target.vendor.name, target.vendor.display_name)

    @asynccontextmanager
    async def _open(
        self, request: HttpRequest, target: Target, watch: Watch, facts: Facts
    ) -> AsyncIterator[httpx.Response]:
        timeout = httpx.Timeout(None, connect=target.deadlines.connect_ms / 1000)
        connecting = Connecting(facts, target.proxy)
        with errors_of(target, facts, connecting):
            built = self._http.build_request(
                request.method,
                request.url,
                headers=_sendable(request.headers, target),
                content=request.body,
                timeout=timeout,
                extensions={"trace": connecting},
            )
            response = await self._http.send(built, stream=True)
            try:
                watch.heard()
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()


def _sendable(headers: Mapping[str, str], target: Target) -> dict[str, str]:
    """Check a key that was kept with something else: headers take printable ASCII alone."""
    key = target.key.reveal() if target.key else ""
    if not (key.isascii() and key.isprintable()) or key != key.strip():
        message = (
            f"The API key of {target.vendor.display_name} has characters that no key has; "
            "nothing was sent."
        )
        raise Authentication(message, provider=target.vendor.name)
    return dict(headers)


def _client(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        trust_env=False,  # `Routes` and `Trust` read the environment
        follow_redirects=False,
        timeout=None,  # noqa: S113 - `Watch` keeps the time; connecting has its own, in `_open`
        # No cookies: an API needs none, and a jar would carry them from one request to others.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": f"ai-sidecar/{__version__}", "accept-encoding": "identity"},
    )
