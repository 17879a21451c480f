"""Lines that wait to be worked off."""

from __future__ import annotations

import anyio
import pytest

from sidecar.rpc import inbox
from sidecar.rpc.inbox import Inbox
from sidecar.rpc.lines import Overlong

pytestmark = pytest.mark.anyio


class Ends:
    """Both ends of an inbox: where lines come from, and where answers go."""

    def __init__(self) -> None:
        self.pending = 0
        self.told: list[str] = []
        self.waits = anyio.Event()
        self.door = anyio.Event()

    def pause(self) -> None:
        self.told.append("pause")

    def resume(self) -> None:
        self.told.append("resume")

    async def room(self) -> None:
        self.waits.set()
        await self.door.wait()
        self.pending = 0


async def test_lines_are_handed_on_in_their_order_and_then_it_is_empty() -> None:
    taken: list[bytes | Overlong] = []
    ends = Ends()
    async with anyio.create_task_group() as tasks:
        box = Inbox(taken.append, ends, tasks)
        box.deliver([b"1", Overlong(5)], ends)
        box.deliver([b"2"], ends)
        await box.empty()
    assert taken == [b"1", Overlong(5), b"2"]
    assert ends.told == []


async def test_a_crowd_of_lines_leaves_the_event_loop_to_others_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox, "_TURN_S", -1.0)  # every turn is over at once
    seen: list[bytes | Overlong | str] = []
    ends = Ends()
    async with anyio.create_task_group() as tasks:
        box = Inbox(seen.append, ends, tasks)
        box.deliver([b"1", b"2", b"3"], ends)
        await anyio.lowlevel.checkpoint()
        seen.append("another's turn")
        await box.empty()
    assert seen.index("another's turn") < 3
    assert [each for each in seen if each != "another's turn"] == [b"1", b"2", b"3"]


async def test_while_too_much_is_unread_nothing_is_taken_and_no_more_is_brought() -> None:
    taken: list[bytes | Overlong] = []
    ends = Ends()

    def take(line: bytes | Overlong) -> None:
        taken.append(line)
        ends.pending = inbox.MAX_UNREAD + 1

    async with anyio.create_task_group() as tasks:
        box = Inbox(take, ends, tasks)
        box.deliver([b"1", b"2"], ends)
        await ends.waits.wait()
        box.deliver([b"3"], ends)  # what a read that had begun still brings
        assert (taken, ends.told) == ([b"1"], ["pause"])
        ends.door.set()
        await box.empty()
    assert taken == [b"1", b"2", b"3"]
    assert ends.told[:2] == ["pause", "resume"]
