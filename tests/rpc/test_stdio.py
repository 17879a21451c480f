"""What goes out: the Writer on real pipes with a real event loop."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import suppress

import anyio
import pytest

from sidecar.rpc.stdio import Writer
from tests.rpc.pipes import LIMIT_S, Pipe, Slurp

pytestmark = pytest.mark.anyio


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    found = Pipe()
    yield found
    found.close(found.read_end)
    found.close(found.write_end)


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
