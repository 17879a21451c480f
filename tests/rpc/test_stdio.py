"""Reader and Writer on real pipes with a real event loop."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import anyio
import pytest

from sidecar.rpc import stdio
from sidecar.rpc.lines import LineDecoder, Overlong
from sidecar.rpc.stdio import Reader, Writer

pytestmark = pytest.mark.anyio

LIMIT_S = 10


class Pipe:
    """Both ends of a pipe, each closed once."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}

    def close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)

    def read_all(self) -> bytes:
        with os.fdopen(os.dup(self.read_end), "rb") as file:
            return file.read()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    found = Pipe()
    yield found
    found.close(found.read_end)
    found.close(found.write_end)


class Slurp:
    """A thread that reads to the end."""

    def __init__(self, pipe: Pipe) -> None:
        self.found = b""
        self._thread = threading.Thread(target=self._run, args=[pipe])
        self._thread.start()

    def _run(self, pipe: Pipe) -> None:
        self.found = pipe.read_all()

    def result(self) -> bytes:
        self._thread.join(LIMIT_S)
        return self.found


# --- the writer ----------------------------------------------------------------------------------


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What each single write has taken."""
    found: list[bytes] = []
    really = os.write

    def write(descriptor: int, data: bytes) -> int:
        taken = really(descriptor, data)
        if threading.current_thread().name == "stdout":
            found.append(bytes(data[:taken]))
        return taken

    monkeypatch.setattr(os, "write", write)
    return found


def never() -> None:
    pytest.fail("the pipe is not broken")


async def test_what_is_sent_in_one_turn_leaves_in_one_write(
    pipe: Pipe, writes: list[bytes]
) -> None:
    writer = Writer(pipe.write_end, broken=never)
    for number in range(1000):
        writer.send(b"%d" % number)
    await writer.close()
    assert writes == [b"".join(b"%d\n" % number for number in range(1000))]
    assert os.read(pipe.read_end, 65_536) == writes[0]


async def test_a_single_line_leaves_at_once(pipe: Pipe) -> None:
    writer = Writer(pipe.write_end, broken=never)
    for number in range(3):
        writer.send(b"%d" % number)
        with anyio.fail_after(LIMIT_S):
            assert await anyio.to_thread.run_sync(os.read, pipe.read_end, 100) == b"%d\n" % number
    await writer.close()


async def test_closing_writes_what_is_queued_in_its_order(pipe: Pipe) -> None:
    writer = Writer(pipe.write_end, broken=never)
    lines = [b"%d" % number + b"x" * 1000 for number in range(3000)]
    slurp = Slurp(pipe)
    for number, line in enumerate(lines):
        writer.send(line)
        if number % 7 == 0:
            await anyio.lowlevel.checkpoint()
    with anyio.fail_after(LIMIT_S):
        await writer.close()
    assert writer.pending == 0
    pipe.close(pipe.write_end)
    assert slurp.result().splitlines() == lines


async def test_a_reader_that_waits_makes_it_crowded_until_it_reads(pipe: Pipe) -> None:
    writer = Writer(pipe.write_end, broken=never)
    await writer.room()
    assert not writer.crowded
    while not writer.crowded:
        writer.send(b"x" * 100_000)
    with anyio.move_on_after(0.05) as waited:
        await writer.room()
    assert waited.cancelled_caught
    slurp = Slurp(pipe)
    with anyio.fail_after(LIMIT_S):
        await writer.room()
    assert not writer.crowded
    await writer.close()
    pipe.close(pipe.write_end)
    assert set(slurp.result()) == set(b"x\n")


async def test_nobody_who_waits_for_room_is_forgotten(pipe: Pipe) -> None:
    """Many producers, a reader of many moods: whoever waits must wake, or this never ends."""
    chance = random.Random(7)  # noqa: S311 - the same moods each time
    writer = Writer(pipe.write_end, broken=never)
    sizes = [chance.choice((10, 3000, 200_000, 400_000)) for _ in range(400)]
    found: list[int] = []

    def read() -> None:
        with suppress(OSError):
            while data := os.read(pipe.read_end, chance.choice((100, 70_000, 1_000_000))):
                found.append(len(data))

    async def produce(mine: list[int]) -> None:
        for size in mine:
            writer.send(b"x" * size)
            if writer.crowded:
                await writer.room()
            if chance.random() < 0.3:
                await anyio.lowlevel.checkpoint()

    reader = threading.Thread(target=read)
    reader.start()
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as tasks:
            for start in range(20):
                tasks.start_soon(produce, sizes[start::20])
        await writer.close()
    pipe.close(pipe.write_end)
    reader.join(LIMIT_S)
    assert sum(found) == sum(sizes) + len(sizes)


async def test_a_reader_that_has_gone_is_told_and_holds_up_nobody(pipe: Pipe) -> None:
    broken = anyio.Event()
    writer = Writer(pipe.write_end, broken=broken.set)
    pipe.close(pipe.read_end)
    while not writer.crowded:
        writer.send(b"x" * 100_000)
    with anyio.fail_after(LIMIT_S):
        await writer.room()
        await broken.wait()
        writer.send(b"more")
        await writer.close()
    assert writer.pending == 0


async def test_a_reader_that_goes_while_others_wait_wakes_them(pipe: Pipe) -> None:
    broken = anyio.Event()
    writer = Writer(pipe.write_end, broken=broken.set)
    while not writer.crowded:
        writer.send(b"x" * 100_000)
    with anyio.fail_after(LIMIT_S):
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(writer.room)
            await anyio.wait_all_tasks_blocked()
            pipe.close(pipe.read_end)
        await broken.wait()
        await writer.close()


# --- the reader ----------------------------------------------------------------------------------


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
