from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.engine import transcript as module
from sidecar.engine.transcript import Transcript
from sidecar.errors import InvalidResponse
from sidecar.values import AIResponse, Citation, StreamChunk, TokenUsage, ToolCall, ToolCallDelta


def response(*chunks: StreamChunk) -> AIResponse:
    transcript = Transcript()
    for chunk in chunks:
        transcript.add(chunk)
    return whole(transcript)


def whole(transcript: Transcript) -> AIResponse:
    return transcript.response(execution_id="e", provider="p", model="m", timing=None)


@given(st.lists(st.sampled_from(["", "a", "bc", "\u2028", "\U0001f600"]), max_size=30))
def test_text_is_the_pieces_joined(pieces: list[str]) -> None:
    found = response(*(StreamChunk(content=piece, reasoning=piece) for piece in pieces))
    assert found.content == found.message.content == "".join(pieces)
    assert (found.reasoning or "") == "".join(pieces)


def test_a_response_half_way_does_not_disturb_the_rest() -> None:
    transcript = Transcript()
    found = []
    for piece in ("a", "b", "c"):
        transcript.add(StreamChunk(content=piece, tool_calls=[delta(0, arguments=piece)]))
        found.append(whole(transcript))
    assert [each.content for each in found] == ["a", "ab", "abc"]
    assert [(each.tool_calls or [])[0].arguments for each in found] == ["a", "ab", "abc"]


def delta(index: int, **fields: Any) -> ToolCallDelta:  # noqa: ANN401 - fields of any type
    return ToolCallDelta(index=index, **fields)


def test_tool_calls_add_up_by_their_index_however_they_mix() -> None:
    found = response(
        StreamChunk(tool_calls=[delta(1, id="b", name="g"), delta(0, id="a", name="f")]),
        StreamChunk(tool_calls=[delta(0, arguments="{"), delta(1, arguments="[")]),
        StreamChunk(tool_calls=[delta(1, arguments="]")]),
        StreamChunk(tool_calls=[delta(0, arguments="}")]),
    )
    calls = {ToolCall(id="a", name="f", arguments="{}"), ToolCall(id="b", name="g", arguments="[]")}
    assert set(found.tool_calls or []) == calls
    assert found.message.tool_calls == found.tool_calls


def test_the_last_word_of_usage_and_of_the_reason_holds() -> None:
    usage = [TokenUsage(prompt_tokens=1, completion_tokens=n, total_tokens=n + 1) for n in (1, 2)]
    found = response(
        StreamChunk(usage=usage[0], finish_reason="length"),
        StreamChunk(content="x"),
        StreamChunk(usage=usage[1], finish_reason="stop"),
    )
    assert (found.usage, found.finish_reason) == (usage[1], "stop")


def test_lists_are_joined() -> None:
    one, two = Citation(url="https://a.example"), Citation(url="https://b.example")
    found = response(
        StreamChunk(citations=[one], logprobs={"content": [1]}, refusal="n"),
        StreamChunk(citations=[two], logprobs={"content": [2], "refusal": [3]}, refusal="o"),
    )
    assert found.citations == [one, two]
    assert found.logprobs == {"content": [1, 2], "refusal": [3]}
    assert found.refusal == "no"


def test_what_did_not_come_is_left_out() -> None:
    found = response()
    assert (found.content, found.message.content) == ("", "")
    assert found == AIResponse(
        content="", message=found.message, model="m", provider="p", execution_id="e"
    )


@pytest.mark.parametrize(
    "chunk",
    [
        StreamChunk(content="x" * 50),
        StreamChunk(content="\U0001f600" * 13),
        StreamChunk(reasoning="x" * 50),
        StreamChunk(refusal="x" * 50),
        StreamChunk(tool_calls=[delta(0, arguments="x" * 50)]),
        StreamChunk(citations=[Citation(url="x")]),
        StreamChunk(logprobs={"content": ["x" * 50]}),
    ],
)
def test_whatever_grows_is_counted_and_stopped(
    monkeypatch: pytest.MonkeyPatch, chunk: StreamChunk
) -> None:
    monkeypatch.setattr(module, "MAX_SIZE", 1000)
    transcript = Transcript()

    def flood() -> None:
        for _ in range(100):
            transcript.add(chunk)

    with pytest.raises(InvalidResponse, match="larger than 1000 bytes"):
        flood()
    assert 1000 < transcript.text_size < 1600


def test_calls_without_arguments_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SIZE", 1000)
    calls = [StreamChunk(tool_calls=[delta(number, name="f")]) for number in range(100)]
    with pytest.raises(InvalidResponse):
        response(*calls)
