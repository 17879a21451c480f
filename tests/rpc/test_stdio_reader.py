"""What comes in: the Reader on real pipes with a real event loop."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import anyio
import pytest

from sidecar.rpc import stdio
from sidecar.rpc.lines import LineDecoder, Overlong
from sidecar.rpc.stdio import Reader
from tests.rpc.pipes import LIMIT_S, Pipe

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    found = Pipe()
    yield found
    found.close(found.read_end)
    found.close(found.write_end)


class Reading:
    """A reader, and what it has delivered."""

    def __init__(self, pipe: Pipe) -> None:
        self.lines: list[bytes | Overlong] = []
        self.told: list[str] = []
        self.ended = anyio.Event()
        self._more = anyio.Event()
        self.reader = Reader(
            pipe.read_end,
            decoder=LineDecoder(100_000),
            deliver=self._take,
            ended=self._end,
            at_end=lambda: self.told.append(threading.current_thread().name),
        )
        self.reader.start()

    def _take(self, lines: list[bytes | Overlong]) -> None:
        self.lines += lines
        self._more.set()
        self._more = anyio.Event()

    def _end(self) -> None:
        self.told.append("ended")
        self.ended.set()

    async def until(self, count: int) -> None:
        while len(self.lines) < count:
            await self._more.wait()


@asynccontextmanager
async def reading(pipe: Pipe) -> AsyncIterator[Reading]:
    with anyio.fail_after(LIMIT_S):
        found = Reading(pipe)
        yield found
        pipe.close(pipe.write_end)
        await found.ended.wait()


async def test_lines_are_delivered_as_they_come_in_their_order(pipe: Pipe) -> None:
    async with reading(pipe) as on:
        os.write(pipe.write_end, b"one\ntw")
        await on.until(1)
        os.write(pipe.write_end, b"o\nthree\n")
        await on.until(3)
    assert on.lines == [b"one", b"two", b"three"]


async def test_the_end_is_told_on_its_own_thread_first_and_after_half_a_line(pipe: Pipe) -> None:
    async with reading(pipe) as on:
        os.write(pipe.write_end, b"half")
    assert on.lines == [b"half"]
    assert on.told == ["stdin", "ended"]


async def test_a_line_over_the_limit_does_not_touch_its_neighbours(pipe: Pipe) -> None:
    async with reading(pipe) as on:
        data = b"before\n" + b"x" * 300_000 + b"\nafter\n"
        await anyio.to_thread.run_sync(write_all, pipe.write_end, data)
        await on.until(3)
    assert on.lines == [b"before", Overlong(100_000), b"after"]


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


async def test_during_a_pause_no_more_is_taken_in_than_had_begun(pipe: Pipe) -> None:
    async with reading(pipe) as on:
        os.write(pipe.write_end, b"one\n")
        await on.until(1)
        on.reader.pause()
        for line in (b"two\n", b"three\n"):  # the first may be taken by a read that had begun
            os.write(pipe.write_end, line)
            with anyio.move_on_after(0.05) as waited:
                await on.until(3)
            assert waited.cancelled_caught
        on.reader.resume()
        await on.until(3)
    assert on.lines == [b"one", b"two", b"three"]


async def test_a_hang_up_during_a_pause_is_noticed_whatever_is_unread(pipe: Pipe) -> None:
    async with reading(pipe) as on:
        os.write(pipe.write_end, b"one\n")
        await on.until(1)
        on.reader.pause()
        os.write(pipe.write_end, b"two\n")
    assert on.told == ["stdin", "ended"]


async def test_it_runs_ahead_of_the_loop_by_a_few_reads_only(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stdio, "_READ_SIZE", 1)
    async with reading(pipe) as on:
        stop = threading.Event()
        read: list[int] = []
        really = os.read

        def count(descriptor: int, size: int) -> bytes:
            data = really(descriptor, size)
            read.append(len(data))
            if len(read) > 200:
                stop.set()
            return data

        monkeypatch.setattr(os, "read", count)
        os.write(pipe.write_end, b"1\n" * 400)
        assert not stop.wait(0.1)  # the loop stands still meanwhile
        assert len(read) < 100
        await on.until(400)
