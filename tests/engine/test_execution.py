"""One execution: its states, its one end, its cancel."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from sidecar.engine.execution import Operation
from sidecar.errors import AIError, Cancelled, RateLimited
from sidecar.providers.sink import Sink
from sidecar.values import AIResponse, StreamChunk, TokenUsage
from tests.engine.bench import (
    Bench,
    bench,
    fails_at_once,
    fails_later,
    hangs,
    has_a_bug,
    response_of,
    says_hello,
    says_nothing,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("operation", "state", "finish_reason", "kind", "content"),
    [
        (says_hello, "done", "length", None, "Hello"),
        (says_nothing, "done", "stop", None, ""),
        (fails_at_once, "failed", "error", "rate_limited", ""),
        (fails_later, "failed", "error", "rate_limited", "here"),
        (has_a_bug, "failed", "error", "internal", ""),
    ],
)
async def test_however_it_ends_exactly_one_end_tells_it(
    operation: Operation, state: str, finish_reason: str, kind: str | None, content: str
) -> None:
    async with bench() as on:
        execution = await on.run(operation)
        end = on.audience.end_of()
    assert (execution.state, end.finish_reason) == (state, finish_reason)
    assert end.response == execution.response()
    assert isinstance(end.response, AIResponse)
    assert (end.response.content, end.response.finish_reason) == (content, finish_reason)
    assert (end.error and end.error.data.kind) == kind
    assert end.error is None or end.error.data.execution_id == "e1"
    assert "sk-" not in str(end)


async def test_one_that_does_not_stream_tells_nobody() -> None:
    async with bench() as on:
        execution = on.create(streams=False)
        on.audience.crowded = True
        assert not execution.crowded
        on.all.start(execution, says_hello)
        await execution.ended.wait()
    assert on.audience.heard == []
    assert response_of(execution).content == "Hello"


async def test_the_states_follow_the_provider() -> None:
    states: list[str] = []
    async with bench() as on:

        async def looks(sink: Sink) -> None:
            states.append(execution.state)
            sink.sent()
            states.append(execution.state)
            sink.emit(StreamChunk(content="x"))
            states.append(execution.state)
            sink.sent()
            states.append(execution.state)

        execution = on.start(looks)
        await execution.ended.wait()
    assert [*states, execution.state] == ["queued", "waiting", "streaming", "streaming", "done"]
    timing = response_of(execution).timing
    assert timing is not None
    assert None not in (timing.queued_ms, timing.first_token_ms, timing.total_ms)


async def test_a_slow_reader_holds_the_provider_back() -> None:
    async with bench() as on:

        async def asks(sink: Sink) -> None:
            on.audience.crowded = True
            assert sink.crowded
            await sink.room()
            assert not sink.crowded

        execution = await on.run(asks)
    assert (execution.error, on.audience.asked_for_room) == (None, 1)


# --- cancel --------------------------------------------------------------------------------------


async def test_a_cancel_before_it_runs_ends_it_unheard() -> None:
    async with bench() as on:
        execution = on.start(hangs)
        assert on.all.cancel("e1")
        await execution.ended.wait()
        assert on.audience.end_of().finish_reason == "cancelled"


@pytest.mark.parametrize("state", ["queued", "waiting", "streaming"])
async def test_a_cancel_reaches_it_in_every_state(state: str) -> None:
    reached = anyio.Event()

    async def stops_in_state(sink: Sink) -> None:
        if state != "queued":
            sink.sent()
        if state == "streaming":
            sink.emit(StreamChunk(content="here"))
        reached.set()
        await anyio.sleep_forever()

    async with bench() as on:
        execution = on.start(stops_in_state)
        await reached.wait()
        assert execution.state == state
        assert [on.all.cancel("e1") for _ in range(3)] == [True, False, False]
        await execution.ended.wait()
        assert not on.all.cancel("e1")
        end = on.audience.end_of()
    assert (end.finish_reason, end.error, execution.state) == ("cancelled", None, "cancelled")
    assert response_of(execution).content == ("here" if state == "streaming" else "")
    assert isinstance(execution.error, Cancelled)
    assert execution.error.to_object().data.execution_id == "e1"


async def test_a_cancel_that_was_promised_holds_though_the_answer_was_whole() -> None:
    async with bench() as on:

        async def finishes(sink: Sink) -> None:
            sink.emit(StreamChunk(content="all", finish_reason="stop"))
            assert on.all.cancel("e1")

        await on.run(finishes)
        assert on.audience.end_of().finish_reason == "cancelled"


async def test_a_cancel_that_turns_into_an_error_on_its_way_out_is_a_cancel() -> None:
    async with bench() as on:

        async def breaks(sink: Sink) -> None:
            sink.sent()
            try:
                await anyio.sleep_forever()
            except asyncio.CancelledError:
                raise RateLimited("torn") from None

        execution = on.start(breaks)
        await anyio.wait_all_tasks_blocked()
        on.all.cancel("e1")
        await execution.ended.wait()
        assert on.audience.end_of().finish_reason == "cancelled"


async def test_a_cancel_of_one_leaves_the_others_alone() -> None:
    async with bench() as on:
        doomed, other = on.start(hangs, "e1"), on.start(hangs, "e2")
        await anyio.wait_all_tasks_blocked()
        on.all.cancel("e1")
        await doomed.ended.wait()
        await anyio.wait_all_tasks_blocked()
        assert (doomed.state, other.state) == ("cancelled", "streaming")


async def test_a_cancel_of_nothing_is_no_error() -> None:
    async with bench() as on:
        assert not on.all.cancel("none")


async def test_when_all_end_so_does_what_is_only_begun_later() -> None:
    async with bench() as on:
        on.start(hangs, "e1")
        waiting = on.create("e2")
        await anyio.wait_all_tasks_blocked()
        on.all.cancel_all()
        on.all.start(waiting, hangs)
        await on.all.idle()
        ends = [on.audience.end_of(each).finish_reason for each in ("e1", "e2")]
    assert ends == ["cancelled", "cancelled"]


async def test_the_end_of_everything_still_gives_each_stream_its_last_word() -> None:
    async with anyio.create_task_group() as tasks:
        on = Bench(tasks)
        execution = on.start(hangs)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert execution.state == "cancelled"
    assert on.audience.end_of().finish_reason == "cancelled"


async def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidecar.engine.transcript.MAX_SIZE", 100)

    async def floods(sink: Sink) -> None:
        while True:
            sink.emit(StreamChunk(content="x" * 60))
            await anyio.lowlevel.checkpoint()

    async with bench() as on:
        execution = await on.run(floods)
        end = on.audience.end_of()
    assert isinstance(execution.error, AIError)
    assert end.error is not None
    assert end.error.data.kind == "invalid_response"
    assert isinstance(end.response, AIResponse)
    assert end.response.content == "x" * 120


async def test_everything_that_a_chunk_carried_is_in_the_response() -> None:
    usage = TokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3)

    async def tells(sink: Sink) -> None:
        sink.facts.model, sink.facts.request_id = "m-2", "r"
        sink.facts.warn("careful")
        sink.emit(StreamChunk(reasoning="hm", refusal="no", usage=usage))

    async with bench() as on:
        found = response_of(await on.run(tells))
    assert (found.model, found.request_id, found.warnings) == ("m-2", "r", ["careful"])
    assert (found.reasoning, found.refusal, found.usage) == ("hm", "no", usage)
