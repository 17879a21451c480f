"""An answer's bytes, as they come over HTTP: a stream, a whole, or a refusal, to its decoder."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

import anyio
import anyio.lowlevel
import httpx

from sidecar.errors import AIError, InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub
from sidecar.providers.deadlines import Watch
from sidecar.providers.format import Decoder, Format
from sidecar.providers.framing import Event, LineSplitter, Splitter, SseDecoder, are_events
from sidecar.providers.httpx_errors import to_error
from sidecar.providers.inflating import ENCODINGS, Inflater
from sidecar.providers.sink import Facts, Sink
from sidecar.providers.vendor import Target
from sidecar.values import StreamChunk

MAX_BODY = 32 * 1024 * 1024
MAX_ERROR_BODY = 1024 * 1024
_REFUSAL_S = 10.0
_USAGE_S = 5.0
_DRAIN_S = 0.05
_DRAIN_BYTES = 64 * 1024
_MAX_NAME = 100


async def take(  # noqa: PLR0913 - the parts of one exchange
    wire: Format,
    response: httpx.Response,
    target: Target,
    watch: Watch,
    sink: Sink,
    *,
    lines: bool,
) -> None:
    """Take an answer as what it is: a stream or a whole, whichever was asked for."""
    decoder = wire.decoder(target, sink.facts)
    declared = "text/event-stream" in response.headers.get("content-type", "").lower()
    framing: Splitter | None = LineSplitter() if lines else None
    start = b""
    broken: AIError | None = None
    async with aclosing(_bytes(response)) as pieces:
        try:
            async for data in pieces:
                watch.heard()
                if framing is None:
                    start = (start + data).lstrip()  # empty lines are DeepSeek's heartbeats
                    events = are_events(start, declared=declared)
                    if events is None:
                        continue
                    if not events:
                        watch.began()
                        start = await _join(start, pieces, watch)
                        break
                    framing = SseDecoder()
                    _feed(decoder, framing.feed(start), watch, sink)
                else:
                    _feed(decoder, framing.feed(data), watch, sink)
                if decoder.finished or decoder.done:
                    await _finish(decoder, framing, pieces, watch, sink)
                    break
                if sink.crowded:
                    await _hold(watch, sink)
        except (httpx.TransportError, httpx.StreamError) as error:
            broken = to_error(error, target)
    if framing is None and broken is None and not are_events(start, declared=declared, ended=True):
        _emit(wire.parse_response(start, target, sink.facts), watch, sink)
        return
    framing = framing or SseDecoder()
    try:
        _feed(decoder, framing.close(), watch, sink)
    except InvalidResponse as error:
        broken = broken or error  # cut off inside an event
    _emit(_rest(decoder, broken, target, sink.facts), watch, sink)


def _feed(decoder: Decoder, events: list[Event], watch: Watch, sink: Sink) -> None:
    for event in events:
        _emit(decoder.feed(event), watch, sink)


def _emit(chunks: list[StreamChunk], watch: Watch, sink: Sink) -> None:
    for chunk in chunks:
        watch.began()
        sink.emit(chunk)


async def _hold(watch: Watch, sink: Sink) -> None:
    """Wait for the reader of our own output; the provider is not to blame for that time."""
    watch.held = True
    await sink.room()
    watch.held = False
    watch.heard()


def _rest(
    decoder: Decoder, broken: AIError | None, target: Target, facts: Facts
) -> list[StreamChunk]:
    """What was held back. A broken connection is an error, unless the answer was whole by then."""
    try:
        rest = decoder.flush()
    except (TruncatedStream, InvalidResponse):
        if broken is None:
            raise
        message = f"{target.vendor.display_name}'s answer broke off: {broken.message}"
        raise TruncatedStream(message, provider=target.vendor.name) from broken
    if broken is not None:
        facts.warn("The connection broke after the answer was whole; its usage may be missing.")
    return rest


async def _finish(
    decoder: Decoder,
    framing: Splitter,
    pieces: AsyncIterator[bytes],
    watch: Watch,
    sink: Sink,
) -> None:
    """Read what may follow a whole answer; a server that keeps silent then is not waited for."""
    watch.held = True  # the time for this is `_USAGE_S`
    with anyio.move_on_after(_USAGE_S):
        while not decoder.done and (data := await anext(pieces, b"")):
            _feed(decoder, framing.feed(data), watch, sink)
        await _drain(pieces)


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read the little that may follow the last event, so that the connection can be kept."""
    size = 0
    with anyio.move_on_after(_DRAIN_S), suppress(httpx.HTTPError, httpx.StreamError, AIError):
        async for data in pieces:
            size += len(data)
            if size > _DRAIN_BYTES:
                return


async def refusal(wire: Format, response: httpx.Response, target: Target, watch: Watch) -> AIError:
    """The error of an answer that is one. Its status counts, even if its body never ends."""
    watch.began()
    body = bytearray()
    with anyio.move_on_after(_REFUSAL_S), suppress(httpx.HTTPError, httpx.StreamError, AIError):
        async with aclosing(_bytes(response)) as pieces:
            async for data in pieces:
                watch.heard()
                body += data[:MAX_ERROR_BODY]
                if len(body) > MAX_ERROR_BODY:
                    break
    return wire.parse_error(response.status_code, response.headers, bytes(body), target)


async def read(response: httpx.Response, watch: Watch) -> bytes:
    """Return a whole body."""
    async with aclosing(_bytes(response)) as pieces:
        return await _join(b"", pieces, watch)


async def _join(start: bytes, pieces: AsyncIterator[bytes], watch: Watch) -> bytes:
    body = bytearray(start)
    async for data in pieces:
        watch.heard()
        body += data
        if len(body) > MAX_BODY:
            message = f"The provider's answer is larger than {MAX_BODY} bytes."
            raise InvalidResponse(message)
    return bytes(body)


async def _bytes(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Identity was asked for; who compresses all the same is understood."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        # A transport that is no network may have read it all; only `aiter_bytes` allows for that.
        read = response.is_stream_consumed
        async for data in response.aiter_bytes() if read else response.aiter_raw():
            yield data
        return
    if encoding not in ENCODINGS:
        # As it came, in capitals and small letters, else a key in it would not be known.
        named = scrub(response.headers["content-encoding"], _MAX_NAME)
        message = f"The provider's answer is compressed ({named!r}), without being asked."
        raise InvalidResponse(message)
    inflater = Inflater()
    async for data in response.aiter_raw():
        for piece in inflater.feed(data):
            yield piece
            await anyio.lowlevel.checkpoint()  # a little may inflate to very much
