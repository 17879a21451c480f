"""What stands inside a delta beside plain text."""

from __future__ import annotations

import pytest

from tests.providers.answers import answer, delta
from tests.providers.formats.openai_chat.saying import Json, say, whole_answer

LEFT_OUT = "What the provider sent as `{}` was left out; AIResponse has no place for it."


def test_mistrals_thinking_parts_are_reasoning() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    response = say(
        delta(content=[thinking]),
        delta(content=[{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}]),
        delta("stop", content="b"),
    )
    assert (response.reasoning, response.content) == ("hm", "ab")
    assert response.warnings == ["A content part of type 'reference' is unknown and was left out."]


def test_an_unknown_content_part_is_told() -> None:
    response = say(delta("stop", content=["a", {"type": "hologram"}]))
    assert response.content == "a"
    assert "hologram" in (response.warnings or [""])[0]


def test_references_inside_of_thinking_are_left_out() -> None:
    thoughts = [
        {"type": "text", "text": "h"},
        {"type": "reference", "reference_ids": [0]},
        {"type": "text", "text": "m"},
    ]
    response = say(delta("stop", content=[{"type": "thinking", "thinking": thoughts}, "a"]))
    assert (response.reasoning, response.content, response.warnings) == ("hm", "a", None)


@pytest.mark.parametrize("thinking", ["hm", ["h", "m"], [{"text": "hm"}, {"text": None}, 7, None]])
def test_thinking_may_be_a_text_or_texts(thinking: object) -> None:
    response = say(delta("stop", content=[{"type": "thinking", "thinking": thinking}]))
    assert response.reasoning == "hm"


DETAILS: list[Json] = [
    {"type": "reasoning.summary", "summary": "h"},
    {"type": "reasoning.encrypted", "data": "AAAA"},
    {"type": "reasoning.text", "text": "m", "signature": "s"},
    {"type": "reasoning.text", "signature": "s"},
]


def test_reasoning_that_is_told_in_details_alone_is_reasoning() -> None:
    response = say(delta(reasoning_details=DETAILS), delta("stop", reasoning=None, content="a"))
    assert (response.reasoning, response.content) == ("hm", "a")


def test_reasoning_that_is_told_in_details_too_is_told_once() -> None:
    assert say(delta("stop", reasoning="hm", reasoning_details=DETAILS)).reasoning == "hm"


@pytest.mark.parametrize("details", [{}, 7, [7], "hm", [None]])
def test_details_of_another_shape_do_not_cost_the_answer(details: object) -> None:
    assert say(delta("stop", content="a", reasoning_details=details)).content == "a"


def test_the_transcript_of_sound_is_the_content_and_the_rest_is_told() -> None:
    response = answer(whole_answer(content=None, audio={"transcript": "hi", "data": "AAAA"}))
    assert response.content == "hi"
    assert "sound" in (response.warnings or [""])[0]


def test_images_in_an_answer_are_told() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert "images" in (say(delta("stop", content="a", images=[image])).warnings or [""])[0]


@pytest.mark.parametrize("name", ["images", "reasoning_steps", "executed_tools"])
def test_what_a_delta_has_and_a_response_has_not_is_told_once(name: str) -> None:
    more: Json = {name: [{"type": "search"}]}
    response = say(delta(content="a", **more), delta("stop", **more))
    assert (response.content, response.warnings) == ("a", [LEFT_OUT.format(name)])


@pytest.mark.parametrize("name", ["images", "related_questions"])
def test_what_perplexity_adds_to_the_answer_is_told_once(name: str) -> None:
    more: Json = {name: ["x"]}
    response = say({**delta(content="a"), **more}, {**delta("stop"), **more}, vendor="perplexity")
    assert (response.content, response.warnings) == ("a", [LEFT_OUT.format(name)])
    assert say({**delta("stop", content="a"), name: []}).warnings is None


@pytest.mark.parametrize(
    "extra",
    [
        {name: value}
        for name in (
            "x_groq",
            "citations",
            "search_results",
            "images",
            "usage",
            "related_questions",
        )
        for value in (7, "x", [1], True, {"error": None, "usage": 3})
    ],
    ids=str,
)
def test_an_extra_of_another_shape_does_not_cost_the_answer(extra: Json) -> None:
    assert say({**delta(content="a"), **extra}, {**delta("stop"), **extra}).content == "a"


@pytest.mark.parametrize("value", [7, "x", [1], True])
def test_a_deltas_extra_of_another_shape_does_not_cost_the_answer(value: object) -> None:
    extra: Json = dict.fromkeys(
        ("function_call", "audio", "images", "annotations", "reasoning_details", "executed_tools"),
        value,
    )
    assert say(delta(content="a", **extra), delta("stop")).content == "a"
