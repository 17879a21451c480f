from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import (
    InvalidResponse,
)
from sidecar.values import Reasoning
from tests.providers.formats.gemini.saying import (
    USAGE,
    answer,
    events,
    part_of,
    say,
    streamed,
)

Json = dict[str, Any]
STOP = part_of(finish="STOP")
FAILURE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


def text(said: str, **fields: object) -> Json:
    return {"text": said, **fields}


def test_text_is_joined_and_the_answer_says_who_gave_it() -> None:
    response = say(
        part_of(text("Hel")), part_of(text("lo"), text("!")), STOP | {"usageMetadata": USAGE}
    )
    assert response.content == response.message.content == "Hello!"
    assert (response.model, response.response_id) == ("gemini-3", "r1")
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "STOP")
    assert response.usage is not None
    assert response.usage.total_tokens == 7
    assert response.warnings is None


def test_a_whole_answer_says_what_its_stream_says() -> None:
    parts = [text("Hm.", thought=True), text("Yes.", thoughtSignature="s")]
    assert answer(json.dumps(part_of(*parts, finish="STOP")).encode()) == say(
        *(part_of(part) for part in parts), STOP
    )


def test_a_stream_without_sse_is_an_array_and_is_read_as_one() -> None:
    body = json.dumps([part_of(text("Hel")), part_of(text("lo"), finish="STOP")]).encode()
    assert answer(body).content == "Hello"


# --- thoughts and signatures ---------------------------------------------------------------------


def test_thoughts_are_reasoning_and_no_content() -> None:
    response = say(part_of(text("One. ", thought=True)), part_of(text("Two.", thought=True)),
                   part_of(text("Yes.")), STOP)  # fmt: skip
    assert (response.reasoning, response.content) == ("One. Two.", "Yes.")
    assert response.message.reasoning == [Reasoning(text="One. Two.", origin="gemini")]


def test_a_signature_on_text_is_a_block_of_its_own() -> None:
    response = say(part_of(text("I am", thoughtSignature="s1")), part_of(text(" sorry.")), STOP)
    assert response.content == "I am sorry."
    assert response.message.reasoning == [Reasoning(signature="s1", origin="gemini")]
    assert response.reasoning is None


def test_a_signature_on_an_empty_last_part_is_kept_apart_from_that_of_text() -> None:
    response = say(part_of(text("289")), part_of(text("", thoughtSignature="s"), finish="STOP"))
    assert response.message.reasoning == [Reasoning(text="", signature="s", origin="gemini")]
    alone = say(part_of({"thoughtSignature": "s"}, finish="STOP"))
    assert alone.message.reasoning == [Reasoning(text="", signature="s", origin="gemini")]


def test_a_signed_thought_is_whole_and_the_next_one_is_another() -> None:
    response = say(
        part_of(text("One.", thought=True, thoughtSignature="s1")),
        part_of(text("Two.", thought=True)),
        part_of(text("Yes.", thoughtSignature="s2")),
        part_of(text("Three.", thought=True), finish="STOP"),
    )
    assert response.message.reasoning == [
        Reasoning(text="One.", signature="s1", origin="gemini"),
        Reasoning(text="Two.", origin="gemini"),
        Reasoning(signature="s2", origin="gemini"),
        Reasoning(text="Three.", origin="gemini"),
    ]
    assert response.reasoning == "One.Two.Three."


def test_signatures_without_end_are_refused() -> None:
    with pytest.raises(InvalidResponse, match="signatures"):
        streamed(events(*[part_of(text("", thoughtSignature="s" * 1_000_000))] * 10))
    call = {"functionCall": {"name": "f"}, "thoughtSignature": "s" * 1_000_000}
    with pytest.raises(InvalidResponse, match="signatures"):
        streamed(events(*[part_of(call)] * 10))


def test_a_call_that_is_marked_as_a_thought_is_a_call_all_the_same() -> None:
    part = {"functionCall": {"name": "f"}, "thought": True, "thoughtSignature": "s"}
    response = say(part_of(part, finish="STOP"))
    assert [(each.name, each.signature) for each in response.tool_calls or ()] == [("f", "s")]
    assert response.message.reasoning is None


# --- what has no place ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ({"inlineData": {"mimeType": "image/png", "data": "aGk="}}, "`inlineData` (image/png)"),
        ({"fileData": {"fileUri": "https://x"}}, "`fileData`"),
        ({"executableCode": {"language": "PYTHON", "code": "1"}}, "`executableCode`"),
        ({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}, "`codeExecutionResult`"),
        ({"toolCall": {"toolType": "GOOGLE_SEARCH"}}, "`toolCall`"),
        ({"somethingNew": {"a": 1}}, "`somethingNew`"),
        ({"functionCall": "f()"}, "`functionCall`"),
    ],
)
def test_a_part_that_has_no_place_is_told_and_costs_no_other(part: Json, told: str) -> None:
    response = say(part_of(text("a"), part, text("b")), STOP)
    assert response.content == "ab"
    assert response.warnings == [
        f"What the provider sent as {told} was left out; AIResponse has no place for it."
    ]


def test_a_signature_that_goes_with_a_left_out_part_is_told() -> None:
    response = say(part_of({"executableCode": {"code": "1"}, "thoughtSignature": "s"}), STOP)
    assert "A signature" in (response.warnings or [""])[0]
    assert response.message.reasoning is None


@pytest.mark.parametrize("part", ["text", 7, None, [1], {"text": 7}, {"text": {"a": 1}}])
def test_a_part_that_is_none_is_told_and_costs_no_other(part: Any) -> None:  # noqa: ANN401
    response = say(part_of(text("a"), part, text("b")), STOP)
    assert response.content == "ab"
    assert response.warnings


@pytest.mark.parametrize("content", [None, {}, "text", 7, [], {"parts": None}, {"parts": "x"}])
def test_content_of_another_kind_is_no_content(content: object) -> None:
    response = say(
        part_of(text("a")), {"candidates": [{"content": content, "finishReason": "STOP"}]}
    )
    assert response.content == "a"
