"""Which of several choices is kept, and what of a choice: its deltas, its message, its text."""

from __future__ import annotations

import json

import pytest

from tests.providers.answers import answer, delta
from tests.providers.formats.openai_chat.saying import Json, say

SEVERAL = "The provider sent several choices; only the first is kept."


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


def test_of_several_choices_in_one_chunk_number_0_is_kept_wherever_it_stands() -> None:
    def chunk(finish: str | None, *numbers: int) -> Json:
        return {
            "choices": [
                {"index": number, "delta": {"content": "ab"[number]}, "finish_reason": finish}
                for number in numbers
            ]
        }

    response = say(chunk(None, 1, 0), chunk("stop", 1), chunk("stop", 0))
    assert (response.content, response.finish_reason) == ("aa", "stop")
    assert response.warnings == [SEVERAL]


def test_number_0_is_kept_also_where_another_is_announced_before_it() -> None:
    def chunk(number: int, finish: str | None = None, **fields: str) -> Json:
        return {"choices": [{"index": number, "delta": fields, "finish_reason": finish}]}

    response = say(
        chunk(1, role="assistant"),
        chunk(0, role="assistant"),
        chunk(1, content="b"),
        chunk(0, content="a"),
        chunk(1, "length"),
        chunk(0, "stop"),
    )
    assert (response.content, response.finish_reason) == ("a", "stop")


def test_what_another_choice_has_told_stays_told_and_it_is_kept() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}]}
    response = say(other, delta("stop", content="a"))
    assert (response.content, response.finish_reason) == ("b", "length")
    assert response.warnings == [SEVERAL]


def test_choices_without_an_index_are_counted_by_their_place() -> None:
    choices: list[Json] = [
        {"delta": {"content": "a"}, "finish_reason": "stop"},
        {"delta": {"content": "b"}, "finish_reason": "length"},
    ]
    response = say({"choices": choices})
    assert (response.content, response.finish_reason) == ("a", "stop")
    assert response.warnings == [SEVERAL]


@pytest.mark.parametrize("indexes", [(0, 1), (1, 0), (None, None), (2, 1), (0, 0)])
def test_of_several_choices_of_a_whole_answer_one_is_kept(
    indexes: tuple[int | None, int | None],
) -> None:
    choices = [
        {"index": index, "message": {"content": text}, "finish_reason": "stop"}
        for index, text in zip(indexes, "ab", strict=True)
    ]
    response = answer(json.dumps({"choices": choices}).encode())
    assert response.content == ("b" if indexes == (1, 0) else "a")
    assert response.warnings == [SEVERAL]


# --- a message beside deltas ----------------------------------------------------------------------

CALL: Json = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize("last", [{}, {"delta": None}])
def test_a_message_at_the_end_does_not_say_again_what_deltas_said(last: Json) -> None:
    message = {"content": "hi", "reasoning": "hm", "refusal": "no", "tool_calls": [CALL]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls", **last}
    response = say(
        delta(content="h", reasoning="hm", refusal="no"),
        delta(content="i", tool_calls=[CALL]),
        {"choices": [choice]},
    )
    assert (response.content, response.reasoning, response.refusal) == ("hi", "hm", "no")
    assert [call.arguments for call in response.tool_calls or ()] == ["{}"]
    assert response.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "said", [{"reasoning": "hm"}, {"refusal": "no"}, {"tool_calls": [{"index": 0, "id": "a"}]}]
)
def test_a_delta_that_says_anything_makes_a_message_superfluous(said: Json) -> None:
    choice = {"index": 0, "message": {"content": "x", **said}, "finish_reason": "stop"}
    response = say(delta(**said), {"choices": [choice]})
    assert response.content == ""
    assert (response.reasoning or "") == said.get("reasoning", "")


def test_a_stream_of_messages_alone_is_what_they_say() -> None:
    def chunk(text: str, finish: str | None = None) -> Json:
        choice = {"index": 0, "message": {"content": text}, "finish_reason": finish}
        return {"choices": [choice]}

    assert say(delta(role="assistant"), chunk("a"), chunk("b", "stop")).content == "ab"


def test_the_text_of_the_api_before_chat_is_content() -> None:
    def chunk(text: str, finish: str | None = None) -> Json:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return {"object": "text_completion", "choices": [choice]}

    assert say(chunk("a"), chunk("b", "stop")).content == "ab"
    assert answer(json.dumps(chunk("ab", "stop")).encode()).content == "ab"
