"""The floor: the least that asyncio can do to turn a provider's stream into JSON-RPC lines.

A socket, HTTP's chunks taken apart by hand, events split at their empty line, msgspec in and out,
and one write for whatever one read brought. No limits, no timeouts, no errors, no cancel.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import msgspec
from msgspec import Struct

from scripts.bench.wire import AskedParams, answer_all, chunk_line, end_line, write


class _Delta(Struct):
    content: str | None = None


class _Choice(Struct):
    delta: _Delta


class _Chunk(Struct):
    choices: list[_Choice]


_chunks = msgspec.json.Decoder(_Chunk)


class _Connection(asyncio.Protocol):
    """One kept connection; one stream at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport  # from when the connection is made
        self._id = ""
        self._seq = 0
        self._in_head = True
        self._bytes = b""
        self._text = b""
        self._ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    async def stream(self, params: AskedParams) -> None:
        """Send one request and see its stream through."""
        body = msgspec.json.encode(params.request)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\ncontent-length: %d\r\n\r\n"
        self._id, self._seq, self._in_head = params.execution_id, 0, True
        self._bytes = self._text = b""
        self._ended.clear()
        self._transport.write(head % len(body) + body)
        await self._ended.wait()

    def data_received(self, data: bytes) -> None:
        data = self._bytes + data
        at = 0
        if self._in_head:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self._bytes = data
                return
            self._in_head = False
        text, end = [self._text], len(data)
        while (line_end := data.find(b"\r\n", at)) >= 0:
            begin = line_end + 2
            size = int(data[at:line_end], 16)
            if begin + size + 2 > end:
                break
            text.append(data[begin : begin + size])
            at = begin + size + 2
        self._bytes = data[at:]
        *events, self._text = b"".join(text).split(b"\n\n")
        self._say(events)

    def _say(self, events: list[bytes]) -> None:
        lines = []
        for event in events:
            if event == b"data: [DONE]":
                self._seq += 1
                lines.append(end_line(self._id, self._seq))
                self._ended.set()
            elif content := _chunks.decode(event[6:]).choices[0].delta.content:
                self._seq += 1
                lines.append(chunk_line(self._id, self._seq, content))
        write(b"".join(lines))


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    idle: list[_Connection] = []

    async def stream(params: AskedParams) -> None:
        if idle:
            connection = idle.pop()
        else:
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", port)
        await connection.stream(params)
        idle.append(connection)

    await answer_all(stream)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
