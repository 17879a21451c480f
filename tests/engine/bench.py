"""Executions on a bench: an audience that keeps what it hears, and operations to run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import msgspec

from sidecar.engine.execution import (
    Execution,
    Operation,
    StreamChunkNotification,
    StreamEndNotification,
)
from sidecar.engine.executions import Executions
from sidecar.errors import RateLimited
from sidecar.providers.sink import Sink
from sidecar.values import AIResponse, StreamChunk


class Listener:
    """An audience that keeps what it hears, and may be crowded."""

    def __init__(self) -> None:
        self.heard: list[StreamChunkNotification | StreamEndNotification] = []
        self.crowded = False
        self.asked_for_room = 0

    async def room(self) -> None:
        self.asked_for_room += 1
        self.crowded = False

    def notify(self, method: str, params: msgspec.Struct) -> None:
        assert isinstance(params, StreamChunkNotification | StreamEndNotification)
        ending = isinstance(params, StreamEndNotification)
        assert method == ("ai_stream_end" if ending else "ai_stream_chunk")
        self.heard.append(params)

    def end_of(self, execution_id: str = "e1") -> StreamEndNotification:
        """Assert that exactly one end came, last and without a gap before it; return it."""
        mine = [each for each in self.heard if each.execution_id == execution_id]
        assert [each.seq for each in mine] == list(range(1, len(mine) + 1))
        ends = [each for each in mine if isinstance(each, StreamEndNotification)]
        assert ends == mine[-1:]
        return ends[0]


class Bench:
    """A registry with its audience."""

    def __init__(self, tasks: anyio.abc.TaskGroup) -> None:
        self.audience = Listener()
        self.all = Executions(tasks, self.audience)

    def create(self, execution_id: str | None = "e1", *, streams: bool = True) -> Execution:
        return self.all.create(execution_id, provider="p", model="m", streams=streams)

    def start(self, operation: Operation, execution_id: str = "e1") -> Execution:
        execution = self.create(execution_id)
        self.all.start(execution, operation)
        return execution

    async def run(self, operation: Operation, execution_id: str = "e1") -> Execution:
        execution = self.start(operation, execution_id)
        await execution.ended.wait()
        return execution


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            yield Bench(tasks)
            tasks.cancel_scope.cancel()


def response_of(execution: Execution) -> AIResponse:
    found = execution.response()
    assert isinstance(found, AIResponse)
    return found


async def says_hello(sink: Sink) -> None:
    sink.emit(StreamChunk(content="Hel"))
    await anyio.lowlevel.checkpoint()
    sink.emit(StreamChunk(content="lo"))
    sink.emit(StreamChunk(finish_reason="length"))


async def says_nothing(sink: Sink) -> None:
    sink.sent()


async def hangs(sink: Sink) -> None:
    sink.sent()
    sink.emit(StreamChunk(content="here"))
    await anyio.sleep_forever()


async def fails_at_once(_sink: Sink) -> None:
    raise RateLimited("Slow down.", retry_after_ms=5)


async def fails_later(sink: Sink) -> None:
    sink.emit(StreamChunk(content="here"))
    raise RateLimited("Slow down.")


async def has_a_bug(_sink: Sink) -> None:
    raise ZeroDivisionError("my key is sk-1234567890")
