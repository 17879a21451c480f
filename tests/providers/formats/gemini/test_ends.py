from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import (
    InvalidResponse,
    TruncatedStream,
)
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from tests.providers.answers import CUTS
from tests.providers.formats.gemini.saying import (
    USAGE,
    WIRE,
    answer,
    events,
    google,
    part_of,
    say,
    streamed,
)

Json = dict[str, Any]
STOP = part_of(finish="STOP")


def text(said: str, **fields: object) -> Json:
    return {"text": said, **fields}


WORDS = {
    "STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length", "SAFETY": "content_filter",
    "RECITATION": "content_filter", "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter", "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter", "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter", "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter", "PUP_LIMITED_DISABLED": "content_filter", "LANGUAGE": "error",
    "OTHER": "error", "MALFORMED_FUNCTION_CALL": "error", "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error", "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error", "IMAGE_OTHER": "error", "NO_IMAGE": "error",
}  # fmt: skip


@pytest.mark.parametrize(("word", "reason"), WORDS.items())
def test_every_finish_word_is_mapped_and_kept(word: str, reason: str) -> None:
    response = say(part_of(text("a"), finish=word))
    assert (response.finish_reason, response.provider_finish_reason) == (reason, word)
    assert response.warnings is None


def test_what_an_answer_could_go_on_with_is_told() -> None:
    response = say(part_of(text("a"), finish="CONTINUATION", continuationToken="t"))
    assert response.finish_reason == "length"
    assert "`continuationToken`" in (response.warnings or [""])[0]


def test_what_the_provider_says_of_its_model_is_told() -> None:
    status = {"modelStatus": {"modelStage": "DEPRECATED", "message": "It ends in May."}}
    response = say(part_of(text("a")) | status, STOP)
    assert response.warnings == ["The provider says of the model: It ends in May."]


def test_a_finish_word_that_is_new_is_told() -> None:
    response = say(part_of(text("a"), finish="NOVEL"))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "NOVEL")
    assert "'NOVEL'" in (response.warnings or [""])[0]


def test_what_the_provider_says_of_a_bad_end_is_told_without_secrets() -> None:
    key = "AIzaSyA-1234567890abcdefghijklmnopqrstu"
    response = say(part_of(finish="MALFORMED_FUNCTION_CALL", finishMessage=f"print({key}"))
    assert response.finish_reason == "error"
    assert "MALFORMED_FUNCTION_CALL: print(" in (response.warnings or [""])[0]
    assert key not in str(response.warnings)


def test_a_blocked_prompt_is_a_filtered_answer() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": "No."},
        "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5},
    }
    for response in (say(blocked), answer(json.dumps(blocked).encode())):
        assert (response.content, response.finish_reason) == ("", "content_filter")
        assert response.provider_finish_reason == "PROHIBITED_CONTENT"
        assert response.warnings == [
            "The provider blocked the prompt (PROHIBITED_CONTENT).",
            "The provider says of PROHIBITED_CONTENT: No.",
        ]
        assert response.usage is not None


RATINGS = [
    {"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH", "blocked": True},
    {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "LOW"},
    "odd",
]


def test_what_a_filter_has_found_is_named() -> None:
    filtered = part_of(text("a"), finish="SAFETY")
    filtered["candidates"][0]["safetyRatings"] = RATINGS
    blocked = {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": RATINGS}}
    for body in (filtered, blocked):
        response = say(body)
        assert response.finish_reason == "content_filter"
        assert response.warnings
        assert response.warnings[-1] == (
            "What the provider names for SAFETY: HARM_CATEGORY_HARASSMENT"
        )


@pytest.mark.parametrize(
    "objects",
    [
        [],
        [{}],
        [part_of(text("a"))],
        [{"usageMetadata": USAGE}],
        [part_of(text("a"), finish="FINISH_REASON_UNSPECIFIED")],
    ],
)
def test_a_stream_without_a_finish_reason_is_truncated_however_it_is_cut(
    objects: list[Json],
) -> None:
    for cut in CUTS.values():
        with pytest.raises(TruncatedStream, match="Google"):
            streamed(events(*objects), cut=cut)


def test_a_stream_cut_off_anywhere_is_never_taken_for_whole() -> None:
    body = events(part_of(text("Hello")), part_of(text("!"), finish="STOP"))
    last = body.index(b"STOP")
    for position in range(last):
        with pytest.raises((TruncatedStream, InvalidResponse)):
            streamed(body[:position])


def test_a_whole_answer_without_a_finish_reason_is_told() -> None:
    response = answer(json.dumps(part_of(text("a"))).encode())
    assert (response.content, response.finish_reason) == ("a", "stop")
    assert "no finish reason" in (response.warnings or [""])[0]


def test_a_proxys_mark_at_the_end_is_understood() -> None:
    assert say(part_of(text("a"), finish="STOP"), "[DONE]").content == "a"
    assert say(part_of(text("a")), "[DONE]").warnings
    with pytest.raises(InvalidResponse, match="empty stream"):
        say("[DONE]")


def test_an_answer_with_a_servers_tool_goes_on_behind_its_first_end() -> None:
    decoder = WIRE.decoder(google(), Facts())
    code: Json = {"executableCode": {"code": "1"}}
    decoder.feed(Event("", json.dumps(part_of(code, finish="STOP")).encode()))
    assert not decoder.finished
    response = say(part_of(code, finish="STOP"), part_of(text("63.")), STOP)
    assert (response.content, response.finish_reason) == ("63.", "stop")
    plain = WIRE.decoder(google(), Facts())
    plain.feed(Event("", json.dumps(STOP).encode()))
    assert plain.finished


def test_of_several_candidates_the_first_is_kept_and_told() -> None:
    def of(number: int, said: str) -> Json:
        return {"index": number, "content": {"parts": [text(said)]}, "finishReason": "STOP"}

    for first, second in ((of(0, "a"), of(1, "b")), (of(1, "b"), of(0, "a"))):
        for response in (
            say({"candidates": [first, second]}),
            answer(json.dumps({"candidates": [first, second]}).encode()),
        ):
            assert response.content == "a"
            assert "several candidates" in (response.warnings or [""])[0]


def test_candidates_in_events_of_their_own_are_told_apart() -> None:
    other = {
        "candidates": [{"index": 1, "content": {"parts": [text("x")]}, "finishReason": "STOP"}]
    }
    response = say(part_of(text("a")), other, part_of(text("b"), finish="STOP"), other)
    assert response.content == "ab"
