"""What servers of this format send beyond the plain case: ends, choices, text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    InvalidResponse,
    TruncatedStream,
)
from tests.providers.answers import CUTS, Cut, delta, events, streamed
from tests.providers.formats.openai_chat.saying import say

# --- how it ends ----------------------------------------------------------------------------------


def test_an_answer_that_ends_after_its_finish_reason_without_done_is_whole() -> None:
    response = say(delta(content="hi"), delta("stop"), done=False)
    assert (response.content, response.finish_reason) == ("hi", "stop")
    assert response.warnings is None


def test_done_without_a_finish_reason_is_taken_as_stop_and_told() -> None:
    response = say(delta(content="hi"))
    assert (response.content, response.finish_reason) == ("hi", "stop")
    assert response.provider_finish_reason is None
    assert "no finish reason" in (response.warnings or [""])[0]


def test_done_after_tool_calls_without_a_finish_reason_is_taken_as_tool_calls() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    assert say(delta(tool_calls=[call])).finish_reason == "tool_calls"


def test_neither_finish_reason_nor_done_is_a_truncated_stream() -> None:
    with pytest.raises(TruncatedStream):
        say(delta(content="hi"), done=False)


def test_nothing_but_done_is_no_answer() -> None:
    with pytest.raises(InvalidResponse, match="empty"):
        say()


def test_an_empty_finish_reason_in_every_chunk_is_none() -> None:
    response = say(delta("", content="a"), delta("", content="b"), delta("length"))
    assert (response.content, response.finish_reason) == ("ab", "length")
    assert response.provider_finish_reason == "length"


def test_a_finish_reason_that_comes_again_is_told_once() -> None:
    chunks, _ = streamed(events(delta("stop", content="a"), delta("stop")))
    assert [chunk.finish_reason for chunk in chunks] == ["stop"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("insufficient_system_resource", "error"),
        ("STOP", "stop"),
    ],
)
def test_the_vendors_words_for_the_end_are_known(word: str, expected: str) -> None:
    response = say(delta(word, content="a"))
    assert (response.finish_reason, response.provider_finish_reason) == (expected, word)
    assert response.warnings is None


def test_an_unknown_finish_reason_is_kept_beside_stop_and_told() -> None:
    response = say(delta("bored", content="a"))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "bored")
    assert "bored" in (response.warnings or [""])[0]


def test_what_follows_done_is_not_read() -> None:
    body = events(delta("stop", content="a")) + b"data: garbage\n\n" + events(delta(content="b"))
    assert streamed(body)[1].content == "a"


def test_garbage_after_the_finish_reason_does_not_cost_the_answer() -> None:
    response = say(delta("stop", content="a"), "garbage")
    assert response.content == "a"
    assert response.warnings


def test_garbage_before_the_finish_reason_is_an_invalid_response_with_its_beginning() -> None:
    with pytest.raises(InvalidResponse) as caught:
        say(delta(content="a"), "<html>no")
    assert caught.value.provider_message == "an HTML page"


def test_events_without_data_are_heartbeats() -> None:
    body = b"data:\n\ndata: \n\n" + events(delta("stop", content="a")) + b":\n\n"
    assert streamed(body)[1].content == "a"


@pytest.mark.parametrize("data", ["ping", "", "7", '"2025"', "null", "[1]", "<x>"])
def test_an_event_with_a_name_whose_data_is_no_object_is_a_heartbeat(data: str) -> None:
    ping = f"event: ping\ndata: {data}\n\n".encode()
    body = ping + events(delta(content="a"), done=False) + ping + events(delta("stop"))
    response = streamed(body)[1]
    assert (response.content, response.warnings) == ("a", None)


def test_a_broken_object_is_no_heartbeat_whatever_its_name() -> None:
    with pytest.raises(InvalidResponse):
        streamed(b'event: completion\ndata: {"choices":[{"del\n\n')


def test_garbage_under_the_name_that_all_events_have_is_an_invalid_response() -> None:
    with pytest.raises(InvalidResponse):
        streamed(b"event: message\ndata: garbage\n\n")


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_data_lines_without_empty_lines_between_them_are_read_one_by_one(cut: Cut) -> None:
    body = events(delta(content="a"), delta("stop", content="b")).replace(b"\n\n", b"\n")
    response = streamed(body, cut=cut)[1]
    assert (response.content, response.finish_reason, response.warnings) == ("ab", "stop", None)


def test_an_object_over_several_data_lines_is_one_object() -> None:
    text = json.dumps(delta("stop", content="a"), indent=1).replace("\n", "\ndata: ")
    assert streamed(f"data: {text}\n\n".encode())[1].content == "a"


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_has_two_names(name: str) -> None:
    response = say(delta(**{name: "hm"}), delta("stop", content="a"))
    assert (response.reasoning, response.content) == ("hm", "a")
    assert response.message.reasoning is not None


def test_reasoning_told_under_both_names_is_told_once() -> None:
    assert say(delta("stop", reasoning="hm", reasoning_content="hm")).reasoning == "hm"


def test_content_that_is_an_object_is_kept_as_json_text() -> None:
    assert json.loads(say(delta("stop", content={"a": [1]})).content) == {"a": [1]}


def test_a_refusal_is_kept_as_a_refusal() -> None:
    response = say(delta(refusal="I"), delta("stop", refusal=" won't"))
    assert (response.refusal, response.content) == ("I won't", "")


def test_the_halves_of_a_character_in_two_deltas_are_joined() -> None:
    response = say(
        delta(content="a\ud83d", reasoning="\ud83d", refusal="\ud83d"),
        delta("stop", content="\ude00b", reasoning="\ude00", refusal="\ude00"),
    )
    assert (response.content, response.reasoning, response.refusal) == ("a😀b", "😀", "😀")


def test_half_a_character_at_the_end_is_replaced_and_told_as_content() -> None:
    response = say(delta("stop", content="a\ud83d"))
    assert response.content == "a\ufffd"


def test_broken_utf_8_costs_its_character_and_no_more() -> None:
    body = events(delta("stop", content="aXb")).replace(b"X", b"\xf0\x9f")
    assert streamed(body)[1].content == "a\ufffdb"


@given(texts=st.lists(st.text(st.characters(exclude_categories=()))))
def test_any_text_arrives_as_text_that_can_be_written(texts: list[str]) -> None:
    body = events(*(delta(content=text) for text in texts), delta("stop"))
    expected = "".join(texts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    assert streamed(body)[1].content == expected
