"""Canned answers, played into a tape."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sidecar.errors import ConfigError, ModelNotFound, RateLimited, TruncatedStream
from sidecar.providers.scripted import ScriptedProvider
from sidecar.values import AIMessage, AIRequest, StreamChunk, TextPart
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio

REQUEST = AIRequest(messages=[AIMessage(role="user", content="How are  you?\n")])


async def play(folder: Path, text: str, request: AIRequest = REQUEST) -> Tape:
    (folder / "x.jsonl").write_text(text, encoding="utf-8")
    tape = Tape()
    with anyio.fail_after(20):
        await ScriptedProvider(folder).stream(request, "x", tape)
    return tape


def test_every_file_is_a_model_and_the_first_of_them_the_default(tmp_path: Path) -> None:
    provider = ScriptedProvider(tmp_path)
    assert (provider.models(), provider.default_model(), provider.available()) == ([], None, False)
    for name in ("b.jsonl", "a.jsonl", "notes.txt"):
        (tmp_path / name).touch()
    assert [model.id for model in provider.models()] == ["a", "b"]
    assert (provider.default_model(), provider.available()) == ("a", True)


async def test_each_line_is_a_chunk_and_an_end_of_its_own_is_not_doubled(tmp_path: Path) -> None:
    assert (await play(tmp_path, '{"content":"a"}\n\n{"reasoning":"b"}')).chunks == [
        StreamChunk(content="a"),
        StreamChunk(reasoning="b"),
        StreamChunk(finish_reason="stop"),
    ]
    ended = await play(tmp_path, '{"content":"a","finish_reason":"length"}')
    assert ended.chunks == [StreamChunk(content="a", finish_reason="length")]
    assert ended.was_sent


async def test_a_chunk_can_be_repeated(tmp_path: Path) -> None:
    assert (await play(tmp_path, '{"content":"ha","repeat":3}')).content == "hahaha"


async def test_an_echo_is_the_last_question_word_by_word_with_all_its_blanks(
    tmp_path: Path,
) -> None:
    tape = await play(tmp_path, '{"echo":true}')
    assert tape.content == "How are  you?\n"
    assert [chunk.content for chunk in tape.chunks[:2]] == ["How", " are"]
    parts = AIRequest(messages=[AIMessage(role="user", content=[TextPart(text="In parts.")])])
    assert (await play(tmp_path, '{"echo":true}', parts)).content == "In parts."


async def test_an_error_is_of_the_kind_that_is_named(tmp_path: Path) -> None:
    fault = '{"error":{"kind":"rate_limited","message":"No.","status":429,"retry_after_ms":5}}'
    with pytest.raises(RateLimited, match=r"No\.") as caught:
        await play(tmp_path, fault)
    assert (caught.value.status, caught.value.retry_after_ms) == (429, 5)


async def test_a_stream_can_break_off(tmp_path: Path) -> None:
    with pytest.raises(TruncatedStream):
        await play(tmp_path, '{"content":"a"}\n{"truncate":true}')


async def test_one_that_hangs_says_what_it_had_to_say_before(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"content":"a"}\n{"hang":true}', encoding="utf-8")
    tape = Tape()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ScriptedProvider(tmp_path).stream, REQUEST, "x", tape)
        await anyio.wait_all_tasks_blocked()
        assert tape.content == "a"
        tasks.cancel_scope.cancel()


async def test_it_waits_where_there_is_no_room(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"content":"a"}\n{"content":"b"}', encoding="utf-8")
    tape = Tape()
    tape.doors.append(anyio.Event())
    door = tape.doors[0]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ScriptedProvider(tmp_path).stream, REQUEST, "x", tape)
        await tape.waits.wait()
        assert tape.content == "a"
        door.set()
    assert tape.content == "ab"


async def test_an_unknown_script_is_told_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").touch()
    with pytest.raises(ModelNotFound, match="no script `y`") as caught:
        await ScriptedProvider(tmp_path).stream(REQUEST, "y", Tape())
    assert caught.value.hint == f"{tmp_path} has: x."


@pytest.mark.parametrize("line", ["nonsense", '{"contnet":"a"}', '{"repeat":"x"}', "[]"])
async def test_a_wrong_line_is_told_with_file_and_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=r"x\.jsonl, line 2: "):
        await play(tmp_path, f'{{"content":"a"}}\n{line}')


async def test_an_unknown_kind_of_error_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="kind 'sad' is unknown") as caught:
        await play(tmp_path, '{"error":{"kind":"sad","message":"No."}}')
    assert "rate_limited" in caught.value.hint
