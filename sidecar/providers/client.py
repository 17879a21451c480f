"""The only place that opens a network connection.

One `httpx.AsyncClient` for everything (building its TLS context takes 30 ms), HTTP/1.1 only:
httpcore closes an HTTP/2 stream without telling the peer, so that a cancel would not stop the
bill. Redirects are not followed, least of all with a key. Every exception of httpx is turned
into an `AIError` here, in `to_error`, and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass

import anyio
import httpx

from sidecar import __version__
from sidecar.errors import (
    AIError,
    ConfigError,
    InvalidResponse,
    NetworkError,
    ProviderTimeout,
    TruncatedStream,
)
from sidecar.keys.redaction import scrub
from sidecar.providers.base import Decoder, Facts, Format, HttpRequest, Sink, Target
from sidecar.providers.deadlines import Watch
from sidecar.providers.framing import SseDecoder
from sidecar.providers.headers import request_id
from sidecar.values import AIRequest, ModelInfo, StreamChunk

MAX_BODY = 64 * 1024 * 1024
MAX_ERROR_BODY = 1024 * 1024
_DRAIN_S = 0.05
_DRAIN_BYTES = 64 * 1024
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Sends requests of any format and hands what comes back to its decoder."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            transport=transport,
            # A proxy never stands between this machine and itself.
            mounts={f"all://{host}": None for host in _LOOPBACK} if transport is None else None,
            http2=False,
            follow_redirects=False,
            timeout=None,
            # How many run at once is decided above; a pool that is full would wait in silence.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
            headers={"user-agent": f"ai-sidecar/{__version__}", "accept-encoding": "identity"},
        )

    async def run(self, wire: Format, request: AIRequest, target: Target, sink: Sink) -> None:
        """Send `request` and emit what is answered, streaming where `request.stream` says so."""
        facts = sink.facts
        http_request = wire.build_request(request, target, facts)
        with self._watch(target) as watch:
            sink.sent()
            async with self._open(http_request, target, watch, facts) as response:
                if response.status_code != httpx.codes.OK:
                    raise await _refusal(wire, response, target, watch)
                facts.request_id = request_id(response.headers)
                if request.stream:
                    await _stream(wire, response, target, watch, sink)
                else:
                    watch.began()
                    body = await _read(response, watch, MAX_BODY)
                    for chunk in wire.parse_response(body, target, facts):
                        sink.emit(chunk)

    async def models(self, wire: Format, target: Target) -> list[ModelInfo]:
        """Ask a vendor for its models."""
        facts = Facts()
        with self._watch(target) as watch:
            request = wire.build_models_request(target)
            async with self._open(request, target, watch, facts) as response:
                if response.status_code != httpx.codes.OK:
                    raise await _refusal(wire, response, target, watch)
                body = await _read(response, watch, MAX_BODY)
        return wire.parse_models(body, target)

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
        with errors_of(target):
            built = self._http.build_request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=timeout,
                extensions={"trace": _connect_trace(facts)},
            )
            response = await self._http.send(built, stream=True)
            try:
                watch.heard()
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()


async def _stream(
    wire: Format, response: httpx.Response, target: Target, watch: Watch, sink: Sink
) -> None:
    decoder = wire.decoder(target, sink.facts)
    framing: SseDecoder | None = None
    if "text/event-stream" in response.headers.get("content-type", ""):
        framing = SseDecoder()
    async with aclosing(_bytes(response)) as pieces:
        try:
            async for data in pieces:
                watch.heard()
                if framing is None:
                    # Some servers stream under another content type, or do not stream at all.
                    if not _looks_like_events(data):
                        await _unstreamed(wire, data, pieces, target, watch, sink)
                        return
                    framing = SseDecoder()
                _feed(decoder, framing, data, watch, sink)
                if decoder.done:
                    break
                if sink.crowded:
                    watch.held = True
                    await sink.room()
                    watch.held = False
                    watch.heard()
        except (httpx.TransportError, httpx.StreamError) as error:
            _broken_off(decoder, to_error(error, target), target, sink)
            return
        if decoder.done:
            await _drain(pieces)
    for event in framing.close() if framing else ():
        _emit(decoder.feed(event), watch, sink)
    _emit(decoder.flush(), watch, sink)


def _feed(
    decoder: Decoder, framing: SseDecoder, data: bytes, watch: Watch, sink: Sink
) -> None:
    for event in framing.feed(data):
        _emit(decoder.feed(event), watch, sink)


def _emit(chunks: list[StreamChunk], watch: Watch, sink: Sink) -> None:
    for chunk in chunks:
        watch.began()
        sink.emit(chunk)


async def _unstreamed(  # noqa: PLR0913 - the parts of one exchange
    wire: Format,
    first: bytes,
    pieces: AsyncIterator[bytes],
    target: Target,
    watch: Watch,
    sink: Sink,
) -> None:
    """Take an answer that came in one piece although a stream was asked for."""
    watch.began()
    body = await _join(first, pieces, watch, MAX_BODY)
    _emit(wire.parse_response(body, target, sink.facts), watch, sink)


def _broken_off(decoder: Decoder, error: AIError, target: Target, sink: Sink) -> None:
    """The connection broke inside the body: an error, unless the answer was whole by then."""
    try:
        rest = decoder.flush()
    except (TruncatedStream, InvalidResponse):
        message = f"{target.vendor.display_name}'s stream broke off: {error.message}"
        raise TruncatedStream(message, provider=target.vendor.name) from error
    sink.facts.warn("The connection broke after the answer was whole; its usage may be missing.")
    for chunk in rest:
        sink.emit(chunk)


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the little that may follow the last event, so that the connection can be kept."""
    size = 0
    with anyio.move_on_after(_DRAIN_S):
        async for data in pieces:
            size += len(data)
            if size > _DRAIN_BYTES:
                return


async def _refusal(
    wire: Format, response: httpx.Response, target: Target, watch: Watch
) -> AIError:
    watch.began()
    body = await _read(response, watch, MAX_ERROR_BODY, cut=True)
    return wire.parse_error(response.status_code, response.headers, body, target)


async def _read(
    response: httpx.Response, watch: Watch, limit: int, *, cut: bool = False
) -> bytes:
    async with aclosing(_bytes(response)) as pieces:
        return await _join(b"", pieces, watch, limit, cut=cut)


async def _join(
    first: bytes, pieces: AsyncIterator[bytes], watch: Watch, limit: int, *, cut: bool = False
) -> bytes:
    found, size = [first], len(first)
    async for data in pieces:
        watch.heard()
        found.append(data)
        size += len(data)
        if size > limit:
            if cut:
                break
            message = f"The answer is larger than {limit} bytes."
            raise InvalidResponse(message)
    return b"".join(found)


async def _bytes(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes. Identity was asked for; who compresses all the same is understood."""
    plain = response.headers.get("content-encoding", "identity") == "identity"
    async with aclosing(response.aiter_raw() if plain else response.aiter_bytes()) as pieces:
        async for data in pieces:
            yield data


def _looks_like_events(data: bytes) -> bool:
    return data.lstrip()[:5].startswith((b"data", b"event", b":", b"id:", b"retry", b"error"))


def _connect_trace(facts: Facts) -> Callable[[str, object], object]:
    """Measure how long the connection takes; nothing is measured where one is used again."""
    began = time.monotonic()

    async def trace(event: str, _info: object) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            facts.connect_ms = round((time.monotonic() - began) * 1000)

    return trace


@contextmanager
def errors_of(target: Target) -> Iterator[None]:
    """Turn what httpx raises into `AIError`s."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise to_error(error, target) from error


def to_error(error: Exception, target: Target) -> AIError:
    """Return the `AIError` for an exception of httpx. A test holds this against httpx's tree."""
    name, display = target.vendor.name, target.vendor.display_name
    detail = scrub(str(error), [target.key.reveal()] if target.key else []) or type(error).__name__
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ProviderTimeout(
                f"{display} could not be connected to within {target.deadlines.connect_ms} ms.",
                hint="Check the network, or raise `timeouts.connect_ms`.",
                provider=name,
            )
        case httpx.TimeoutException():
            return ProviderTimeout(f"{display} did not answer in time: {detail}", provider=name)
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return ConfigError(
                f"The address {target.base_url!r} of {display} can't be used: {detail}",
                hint=f"Correct the base_url of {name}.",
                provider=name,
            )
        case httpx.ProxyError():
            hint = "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY."
            return NetworkError(f"The proxy failed: {detail}", hint=hint, provider=name)
        case httpx.ConnectError():
            return NetworkError(
                f"{display} can't be reached at {target.base_url}: {detail}",
                hint=_connect_hint(target),
                provider=name,
            )
        case httpx.RemoteProtocolError() if "incomplete" in detail:
            return TruncatedStream(f"{display} broke off its answer: {detail}", provider=name)
        case httpx.DecodingError() | httpx.RemoteProtocolError() | httpx.TooManyRedirects():
            return InvalidResponse(f"{display} broke the protocol: {detail}", provider=name)
        case _:
            return NetworkError(f"The connection to {display} broke: {detail}", provider=name)


def _connect_hint(target: Target) -> str:
    host = httpx.URL(target.base_url).host
    if host in ("localhost", "127.0.0.1", "::1"):
        return f"Start the server at {target.base_url}, or correct the provider's base_url."
    return NetworkError.default_hint
