"""All executions: ids, limits, what is listed and what is kept."""

from __future__ import annotations

import anyio
import pytest

from sidecar.engine import executions as module
from sidecar.errors import Busy, InvalidParams, NotFound
from tests.engine.bench import (
    bench,
    hangs,
    says_hello,
)

pytestmark = pytest.mark.anyio


async def test_an_id_is_taken_while_it_runs_and_while_it_is_kept() -> None:
    async with bench() as on:
        on.start(hangs)
        with pytest.raises(InvalidParams) as running:
            on.create("e1")
        await on.run(says_hello, "e2")
        with pytest.raises(InvalidParams) as kept:
            on.create("e2")
    assert {running.value.path, kept.value.path} == {"$.execution_id"}


async def test_ids_that_it_makes_are_new_each_time() -> None:
    async with bench() as on:
        assert len({on.create(None).id for _ in range(100)}) == 100


async def test_too_many_at_once_is_busy_until_one_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_RUNNING", 2)
    async with bench() as on:
        first = on.start(hangs, "e1")
        on.start(hangs, "e2")
        with pytest.raises(Busy) as caught:
            on.create("e3")
        on.all.cancel("e1")
        await first.ended.wait()
        await anyio.wait_all_tasks_blocked()
        on.create("e3")
    assert caught.value.hint


async def test_listing_tells_what_runs_and_if_wanted_what_has_ended() -> None:
    async with bench() as on:
        await on.run(says_hello, "e1")
        on.start(hangs, "e2")
        await anyio.wait_all_tasks_blocked()
        assert [each.id for each in on.all.listing(ended=False)] == ["e2"]
        assert [each.id for each in on.all.listing(ended=True)] == ["e1", "e2"]


async def test_one_that_is_not_known_is_not_found() -> None:
    async with bench() as on:
        with pytest.raises(NotFound) as caught:
            on.all.get("none")
    assert caught.value.path == "$.execution_id"


@pytest.mark.parametrize(
    ("limit", "value", "kept"),
    [("KEEP_COUNT", 2, ["e2", "e3"]), ("KEEP_CHARACTERS", 9, ["e3"]), ("KEEP_S", -1.0, [])],
)
async def test_what_has_ended_is_kept_within_limits_and_then_forgotten(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: float, kept: list[str]
) -> None:
    async with bench() as on:
        for name in ("e1", "e2", "e3"):
            await on.run(says_hello, name)
            await anyio.wait_all_tasks_blocked()
        monkeypatch.setattr(module, limit, value)
        assert [each.id for each in on.all.listing(ended=True)] == kept
        assert on.create("e1").id == "e1"


async def test_what_runs_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("KEEP_COUNT", "KEEP_CHARACTERS", "KEEP_S"):
        monkeypatch.setattr(module, limit, -1)
    async with bench() as on:
        on.start(hangs)
        await anyio.wait_all_tasks_blocked()
        assert on.all.get("e1").state == "streaming"
