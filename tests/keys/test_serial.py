"""Blocking work in a thread of its own, for callers who can't wait for ever."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial

import anyio
import pytest

from sidecar.keys.serial import SerialThread, Stuck

pytestmark = pytest.mark.anyio


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What blocks until it is set."""
    found = threading.Event()
    yield found
    found.set()


def hang(taken: threading.Event, gate: threading.Event) -> None:
    taken.set()
    gate.wait()


async def until_taken(taken: threading.Event) -> None:
    assert await anyio.to_thread.run_sync(taken.wait, 10)


async def test_what_the_work_returns_or_raises_is_the_callers() -> None:
    thread = SerialThread("test", 10)
    assert await thread.call(lambda: 5) == 5
    assert await thread.call(dict) == {}
    with pytest.raises(ZeroDivisionError):
        await thread.call(lambda: 1 // 0)
    with pytest.raises(SystemExit):
        await thread.call(sys.exit)
    assert await thread.call(lambda: 6) == 6


async def test_it_does_one_thing_after_the_other_in_one_thread() -> None:
    thread = SerialThread("test", 10)
    done: list[tuple[int, int]] = []
    async with anyio.create_task_group() as tasks:
        for number in range(50):
            tasks.start_soon(
                thread.call, lambda number=number: done.append((number, threading.get_ident()))
            )
    assert [number for number, _ in done] == list(range(50))
    assert len({ident for _, ident in done} - {threading.get_ident()}) == 1


async def test_nobody_waits_longer_than_his_patience_and_later_ones_not_at_all(
    gate: threading.Event,
) -> None:
    thread = SerialThread("test", 0.05)
    with pytest.raises(Stuck):
        await thread.call(gate.wait)
    assert thread.stuck
    ran: list[int] = []
    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(Stuck):
            await thread.call(lambda: ran.append(1))
    assert time.monotonic() - began < 2, "each was told at once"
    gate.set()
    while thread.stuck:  # noqa: ASYNC110 - until the thread has come back
        await asyncio.sleep(0)
    assert await thread.call(lambda: 5) == 5
    assert ran == []


async def test_who_waits_can_be_cancelled_at_once(gate: threading.Event) -> None:
    thread = SerialThread("test", 60)
    taken = threading.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(thread.call, partial(hang, taken, gate))
        await until_taken(taken)
        began = time.monotonic()
        tasks.cancel_scope.cancel()
    assert time.monotonic() - began < 1


async def test_what_nobody_waits_for_any_more_is_not_begun(gate: threading.Event) -> None:
    thread = SerialThread("test", 60)
    taken = threading.Event()
    ran: list[str] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(thread.call, partial(hang, taken, gate))
        await until_taken(taken)
        async with anyio.create_task_group() as inner:
            inner.start_soon(thread.call, lambda: ran.append("cancelled"))
            await anyio.wait_all_tasks_blocked()
            inner.cancel_scope.cancel()
        tasks.start_soon(thread.call, lambda: ran.append("wanted"))
        await anyio.wait_all_tasks_blocked()
        gate.set()
    assert ran == ["wanted"]


async def test_what_was_done_too_late_is_taken_back_before_anything_else_is_begun(
    gate: threading.Event,
) -> None:
    thread = SerialThread("test", 0.05)
    done: list[str] = []

    def late() -> str:
        gate.wait()
        done.append("late")
        return "late"

    with pytest.raises(Stuck):
        await thread.call(late, undo=lambda what: done.append(f"no {what}"))
    gate.set()
    while thread.stuck:  # noqa: ASYNC110 - until the thread has come back
        await asyncio.sleep(0)
    await thread.call(lambda: done.append("next"), undo=lambda _: done.append("no next"))
    assert done == ["late", "no late", "next"]


async def test_what_cannot_be_taken_back_is_told_and_the_thread_goes_on(
    gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    def impossible(_: bool) -> None:  # noqa: FBT001 - what the wait returns
        raise ZeroDivisionError

    thread = SerialThread("test", 0.05)
    with pytest.raises(Stuck):
        await thread.call(gate.wait, undo=impossible)
    gate.set()
    while thread.stuck:  # noqa: ASYNC110 - until the thread has come back
        await asyncio.sleep(0)
    assert await thread.call(lambda: 5) == 5
    assert "could not be taken back" in caplog.text


def test_a_thread_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = """
import asyncio, threading
from sidecar.keys.serial import SerialThread, Stuck

async def main():
    try:
        await SerialThread("test", 0.01).call(threading.Event().wait)
    except Stuck:
        print("told")

asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=20, check=True
    )
    assert (ended.stdout.strip(), ended.stderr) == (b"told", b"")
