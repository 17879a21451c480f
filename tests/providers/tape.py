"""A sink that keeps what it gets, and tells when it got something."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from sidecar.engine.transcript import Transcript
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIResponse, StreamChunk
from tests.providers.answers import response_of


class Tape:
    """Keeps chunks; `on_chunk` is called for each, and `doors` are awaited by `room`."""

    def __init__(self, on_chunk: Callable[[], None] = lambda: None) -> None:
        self.chunks: list[StreamChunk] = []
        self.was_sent = False
        self.heard = anyio.Event()
        self.doors: list[anyio.Event] = []
        self.waits = anyio.Event()
        self.on_chunk = on_chunk
        self._transcript = Transcript()

    @property
    def facts(self) -> Facts:
        return self._transcript.facts

    @property
    def execution_id(self) -> str | None:
        return None

    @property
    def begun(self) -> bool:
        return bool(self.chunks)

    @property
    def crowded(self) -> bool:
        return bool(self.doors)

    @property
    def content(self) -> str:
        return "".join(chunk.content or "" for chunk in self.chunks)

    def response(self, target: Target) -> AIResponse:
        return response_of(self._transcript, target)

    def sent(self) -> None:
        self.was_sent = True

    def emit(self, chunk: StreamChunk) -> None:
        self._transcript.add(chunk)
        self.chunks.append(chunk)
        self.heard.set()
        self.on_chunk()

    async def room(self) -> None:
        self.waits.set()
        await self.doors.pop(0).wait()
