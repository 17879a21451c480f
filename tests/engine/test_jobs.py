"""Work that is answered when it is done, and can be stopped until then."""

from __future__ import annotations

import anyio
import pytest

from sidecar.engine.jobs import Job
from sidecar.errors import Cancelled

pytestmark = pytest.mark.anyio


async def test_it_returns_what_its_work_does_and_says_that_it_has_ended() -> None:
    ended: list[str] = []

    async def work() -> int:
        return 5

    assert await Job("j", lambda: ended.append("it")).run(work()) == 5
    assert ended == ["it"]


async def test_it_can_be_stopped_once_and_tells_so() -> None:
    ended: list[str] = []
    job = Job("j", lambda: ended.append("it"))
    refused: list[Cancelled] = []

    async def run() -> None:
        try:
            await job.run(anyio.sleep_forever())
        except Cancelled as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await anyio.wait_all_tasks_blocked()
        assert job.cancel()
        assert not job.cancel()
    assert len(refused) == 1
    assert ended == ["it"]


async def test_one_that_is_stopped_before_it_begins_does_nothing() -> None:
    done: list[str] = []

    async def work() -> None:
        await anyio.lowlevel.checkpoint()
        done.append("something")

    job = Job("j", lambda: None)
    job.cancel()
    with pytest.raises(Cancelled):
        await job.run(work())
    assert done == []


async def test_what_goes_wrong_in_it_is_the_callers() -> None:
    async def work() -> None:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        await Job("j", lambda: None).run(work())
