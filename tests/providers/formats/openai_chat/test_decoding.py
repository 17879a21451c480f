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
from tests.providers.answers import (
    answer,
    delta,
    events,
    streamed,
)
from tests.providers.formats.openai_chat.saying import USAGE, Json, say, whole_answer

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


# --- choices, usage -------------------------------------------------------------------------------


def test_azures_first_chunk_without_choices_says_nothing() -> None:
    first = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    response = say(first, delta("stop", content="a"))
    assert (response.content, response.model, response.response_id) == ("a", "m1", "c1")


def test_of_several_choices_the_first_is_kept_and_that_is_told() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "x"}, "finish_reason": "length"}]}
    response = say(delta(content="a"), other, delta("stop", content="b"))
    assert (response.content, response.finish_reason) == ("ab", "stop")
    assert "several choices" in (response.warnings or [""])[0]


def test_a_server_that_counts_choices_from_one_loses_nothing() -> None:
    choice = {"index": 1, "delta": {"content": "a"}, "finish_reason": "stop"}
    response = say({"choices": [choice]})
    assert (response.content, response.warnings) == ("a", None)


def test_usage_comes_in_a_chunk_of_its_own() -> None:
    response = say(delta("stop", content="a"), {"choices": [], "usage": USAGE})
    assert response.usage is not None
    assert response.usage.total_tokens == 7


def test_usage_that_is_null_everywhere_else_or_counts_up_is_the_last_one_told() -> None:
    response = say(
        {**delta(content="a"), "usage": {**USAGE, "completion_tokens": 1, "total_tokens": 4}},
        {**delta(content="b"), "usage": None},
        {**delta("stop"), "usage": USAGE},
    )
    assert response.usage is not None
    assert response.usage.completion_tokens == 4


def test_groq_tells_usage_in_a_field_of_its_own() -> None:
    response = say({**delta("stop", content="a"), "x_groq": {"id": "r", "usage": USAGE}})
    assert response.usage is not None
    assert response.usage.prompt_tokens == 3


@pytest.mark.parametrize("usage", [{}, {"total_tokens": 3}, 7, "none", [1]])
def test_usage_without_counts_is_none(usage: object) -> None:
    response = say({**delta("stop", content="a"), "usage": usage})
    assert (response.content, response.usage) == ("a", None)


def test_usage_of_the_wrong_kind_is_told_and_does_not_cost_the_answer() -> None:
    response = say({**delta("stop", content="a"), "usage": {"prompt_tokens": "many"}})
    assert (response.content, response.usage) == ("a", None)
    assert "usage" in (response.warnings or [""])[0]


def test_counts_as_text_or_with_a_point_are_counts() -> None:
    response = say(
        {**delta("stop", content="a"), "usage": {"prompt_tokens": "3", "completion_tokens": 4.0}}
    )
    assert response.usage is not None
    assert response.usage.total_tokens == 7


def test_reasoning_that_is_counted_beside_the_completion_is_counted_into_it() -> None:
    usage = {**USAGE, "total_tokens": 12, "completion_tokens_details": {"reasoning_tokens": 5}}
    response = say({**delta("stop", content="a"), "usage": usage})
    assert response.usage is not None
    assert (response.usage.completion_tokens, response.usage.reasoning_tokens) == (9, 5)
    assert response.usage.total_tokens == 12


@pytest.mark.parametrize(
    "usage",
    [
        {**USAGE, "prompt_tokens_details": {"cached_tokens": 2}},
        {**USAGE, "prompt_cache_hit_tokens": 2},
        {**USAGE, "cached_tokens": 2, "prompt_tokens_details": None},
    ],
)
def test_cached_tokens_have_three_names(usage: Json) -> None:
    response = say({**delta("stop", content="a"), "usage": usage})
    assert response.usage is not None
    assert response.usage.cached_tokens == 2


@pytest.mark.parametrize("cost", [0.5, {"total_cost": 0.5, "input_tokens_cost": 0.25}])
def test_the_cost_is_kept_where_a_vendor_tells_it(cost: object) -> None:
    response = say({**delta("stop", content="a"), "usage": {**USAGE, "cost": cost}})
    assert response.cost is not None
    assert (response.cost.total, response.cost.currency) == (0.5, "USD")


# --- text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_has_two_names(name: str) -> None:
    response = say(delta(**{name: "hm"}), delta("stop", content="a"))
    assert (response.reasoning, response.content) == ("hm", "a")
    assert response.message.reasoning is not None


def test_reasoning_told_under_both_names_is_told_once() -> None:
    assert say(delta("stop", reasoning="hm", reasoning_content="hm")).reasoning == "hm"


def test_mistrals_thinking_parts_are_reasoning() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    response = say(
        delta(content=[thinking]),
        delta(content=[{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]),
        delta("stop", content="b"),
    )
    assert (response.reasoning, response.content, response.warnings) == ("hm", "ab", None)


def test_an_unknown_content_part_is_told() -> None:
    response = say(delta("stop", content=["a", {"type": "hologram"}]))
    assert response.content == "a"
    assert "hologram" in (response.warnings or [""])[0]


def test_content_that_is_an_object_is_kept_as_json_text() -> None:
    assert json.loads(say(delta("stop", content={"a": [1]})).content) == {"a": [1]}


def test_a_refusal_is_kept_as_a_refusal() -> None:
    response = say(delta(refusal="I"), delta("stop", refusal=" won't"))
    assert (response.refusal, response.content) == ("I won't", "")


def test_the_transcript_of_sound_is_the_content_and_the_rest_is_told() -> None:
    response = answer(whole_answer(content=None, audio={"transcript": "hi", "data": "AAAA"}))
    assert response.content == "hi"
    assert "sound" in (response.warnings or [""])[0]


def test_images_in_an_answer_are_told() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert "images" in (say(delta("stop", content="a", images=[image])).warnings or [""])[0]


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
