"""The lines that every streaming program here speaks, and how it takes and writes them.

Floor and SDK are asked by the very line that the sidecar is asked by, `stream_ai_provider`, and
answer with the same notifications. So one driver measures all three, and none does less than to
parse a provider's event and to write a JSON-RPC line.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

STAMP_DIGITS = 19
"""The content of every event begins with the server's clock, `time.perf_counter_ns()`."""
END = b'"ai_stream_end"'


class Asked(Struct):
    """`request` of the parameters: what goes on to the provider."""

    model: str
    messages: list[dict[str, str]]


class AskedParams(Struct):
    """Parameters of `stream_ai_provider`."""

    execution_id: str
    request: Asked
    provider: str = "bench"


class Ask(Struct):
    """The request line."""

    id: str
    params: AskedParams
    jsonrpc: str = "2.0"
    method: str = "stream_ai_provider"


class Said(Struct):
    """`chunk` of a notification."""

    content: str


class SaidParams(Struct):
    """Parameters of `ai_stream_chunk`."""

    execution_id: str
    seq: int
    timestamp: int
    chunk: Said


class EndParams(Struct):
    """Parameters of `ai_stream_end`."""

    execution_id: str
    seq: int
    timestamp: int
    finish_reason: str = "stop"


class Notification(Struct):
    """A line that the streaming program sends."""

    method: str
    params: SaidParams | EndParams
    jsonrpc: str = "2.0"


_encoder = msgspec.json.Encoder()
_asks = msgspec.json.Decoder(Ask)


def ask(execution_id: str, model: str) -> bytes:
    """Return the line that asks for a stream; `model` tells the server what to send."""
    asked = Asked(model, [{"role": "user", "content": "Count."}])
    return _encoder.encode(Ask(execution_id, AskedParams(execution_id, asked))) + b"\n"


def chunk_line(execution_id: str, seq: int, content: str) -> bytes:
    """Return the line of one chunk."""
    now = time.time_ns() // 1_000_000
    params = SaidParams(execution_id, seq, now, Said(content))
    return _encoder.encode(Notification("ai_stream_chunk", params)) + b"\n"


def end_line(execution_id: str, seq: int) -> bytes:
    """Return the line that ends a stream."""
    now = time.time_ns() // 1_000_000
    return _encoder.encode(Notification("ai_stream_end", EndParams(execution_id, seq, now))) + b"\n"


def write(data: bytes) -> None:
    """Write to stdout, past every buffer."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


async def answer_all(stream: Callable[[AskedParams], Awaitable[None]]) -> None:
    """Run `stream` for each line of stdin, in a task of its own, until stdin ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    async def one(params: AskedParams) -> None:
        await stream(params)

    def begin(line: bytes) -> None:
        task = loop.create_task(one(_asks.decode(line).params))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def read() -> None:
        for line in sys.stdin.buffer:
            loop.call_soon_threadsafe(begin, line)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()
