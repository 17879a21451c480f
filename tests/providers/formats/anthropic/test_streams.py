"""Streams of the Messages API: what each event means, however the bytes are cut."""

from __future__ import annotations

import json

import pytest

from sidecar.errors import TruncatedStream
from sidecar.values import Reasoning
from tests.providers.answers import CUTS, Cut
from tests.providers.formats.anthropic.saying import (
    Json,
    answer,
    block,
    call,
    end,
    message,
    said,
    sse,
    start,
    streamed,
    text,
    thinking,
)


def test_text_comes_piece_by_piece_with_its_end_and_usage() -> None:
    chunks, response = streamed(sse(start(), *text(0, "Hel", "lo"), *end()))
    assert [chunk.content for chunk in chunks] == ["Hel", "lo", None]
    assert chunks[-1].finish_reason == response.finish_reason == "stop"
    assert response.provider_finish_reason == "end_turn"
    assert response.content == "Hello"
    assert (response.model, response.response_id) == ("claude-sonnet-4-6", "msg_1")
    assert response.usage is not None
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (10, 5)
    assert response.warnings is None


def test_thinking_is_reasoning_with_its_proof() -> None:
    response = said(start(), *thinking(0, "Two ", "and two."), *text(1, "Four."), *end())
    assert (response.reasoning, response.content) == ("Two and two.", "Four.")
    assert response.message.reasoning == [
        Reasoning(text="Two and two.", signature="proof", origin="anthropic/claude-sonnet-4-6")
    ]


def test_thinking_that_is_kept_back_leaves_its_proof_alone() -> None:
    response = said(start(), *thinking(0), *text(1, "Four."), *end())
    assert response.reasoning is None
    assert response.message.reasoning == [
        Reasoning(signature="proof", origin="anthropic/claude-sonnet-4-6")
    ]


def test_encrypted_thinking_is_data() -> None:
    redacted = block(0, type="redacted_thinking", data="c2VjcmV0")
    response = said(start(), *redacted, *text(1, "Four."), *end())
    assert response.message.reasoning == [
        Reasoning(data="c2VjcmV0", origin="anthropic/claude-sonnet-4-6")
    ]


def test_thinking_that_comes_later_remembers_its_place() -> None:
    response = said(
        start(), *thinking(0, "a"), *text(1, "Hm. 😀"), *thinking(2, "b"), *call(3, "f", "{}"),
        *thinking(4, "c"), *end("tool_use"),
    )  # fmt: skip
    assert [each.id for each in response.message.reasoning or ()] == [
        None,
        "after:5:0",
        "after:5:1",
    ]


def test_parallel_calls_have_indexes_of_their_own() -> None:
    chunks, response = streamed(
        sse(
            start(),
            *text(0, "I look."),
            *call(1, "get_weather", '{"city": "U', 'lm"}'),
            *call(2, "get_time", "{}"),
            *end("tool_use"),
        )
    )
    deltas = [each for chunk in chunks for each in chunk.tool_calls or ()]
    assert [(each.index, each.id, each.name, each.arguments) for each in deltas] == [
        (0, "toolu_1", "get_weather", ""),
        (0, None, None, '{"city": "U'),
        (0, None, None, 'lm"}'),
        (1, "toolu_2", "get_time", ""),
        (1, None, None, "{}"),
    ]
    assert [each.arguments for each in response.tool_calls or ()] == ['{"city": "Ulm"}', "{}"]
    assert response.finish_reason == "tool_calls"


@pytest.mark.parametrize("pieces", [(), ("",)])
def test_a_call_without_arguments_has_an_empty_object(pieces: tuple[str, ...]) -> None:
    response = said(start(), *call(0, "ping", *pieces), *end("tool_use"))
    assert [each.arguments for each in response.tool_calls or ()] == ["{}"]


def test_a_call_whose_input_came_with_its_beginning_keeps_it() -> None:
    whole = block(0, type="tool_use", id="t", name="f", input={"a": 1.5, "ü": "😀"})
    response = said(start(), *whole, *end("tool_use"))
    assert [json.loads(each.arguments) for each in response.tool_calls or ()] == [
        {"a": 1.5, "ü": "😀"}
    ]


def test_a_call_without_id_gets_one_that_stays_the_same() -> None:
    response = said(start(), *block(0, type="tool_use", name="f", input={}), *end("tool_use"))
    assert [each.id for each in response.tool_calls or ()] == ["call_msg_1_0"]


def test_a_call_without_name_keeps_its_arguments_and_is_told() -> None:
    delta: Json = {"type": "input_json_delta", "partial_json": '{"a": 1}'}
    event = {"type": "content_block_delta", "index": 0, "delta": delta}
    response = said(start(), event, *end("tool_use"))
    assert [(each.name, each.arguments) for each in response.tool_calls or ()] == [("", '{"a": 1}')]
    assert "without a name" in str(response.warnings)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
    ],
)
def test_every_stop_reason_has_its_word(word: str, reason: str) -> None:
    response = said(start(), *text(0, "x"), *end(word))
    assert (response.finish_reason, response.provider_finish_reason) == (reason, word)
    assert response.warnings is None


def test_a_paused_turn_says_how_it_goes_on() -> None:
    response = said(start(), *text(0, "x"), *end("pause_turn"))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "pause_turn")
    assert "ask it to go on" in str(response.warnings)


def test_an_unknown_stop_reason_is_kept_and_told() -> None:
    response = said(start(), *text(0, "x"), *end("bored"))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "bored")
    assert response.warnings == [
        "The provider's finish reason 'bored' is unknown; taken as `stop`."
    ]


def test_a_refusal_is_told_in_the_providers_words() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "This looks harmful."}
    response = said(start(), *text(0, "x"), *end("refusal", stop_details=details))
    assert response.refusal == "This looks harmful."
    bare = {"type": "refusal", "category": "bio", "explanation": None}
    assert said(start(), *end("refusal", stop_details=bare)).refusal == "bio"
    assert said(start(), *end("refusal", stop_details=None)).refusal is None


def test_blocks_without_a_place_are_told_once_and_left_out() -> None:
    query: Json = {"type": "input_json_delta", "partial_json": '{"query": "x"}'}
    response = said(
        start(),
        *block(0, query, type="server_tool_use", id="s", name="web_search", input={}),
        *block(1, type="web_search_tool_result", tool_use_id="s", content=[{"url": "u"}]),
        *text(2, "Found."),
        *end(),
    )
    assert response.content == "Found."
    assert response.tool_calls is None
    assert response.warnings == [
        f"A content block of type '{kind}' was left out; AIResponse has no place for it."
        for kind in ("server_tool_use", "web_search_tool_result")
    ]


def test_new_kinds_of_deltas_and_events_are_told_and_left_out() -> None:
    odd = block(0, {"type": "smell_delta", "smell": "rose"}, type="text", text="Hi")
    response = said(start(), *odd, {"type": "weather"}, {"type": "ping"}, *end())
    assert response.content == "Hi"
    assert response.warnings == [
        "A delta of type 'smell_delta' is unknown here and was left out.",
        "An event of type 'weather' is unknown and was left out.",
    ]


def test_a_delta_whose_block_never_began_begins_it() -> None:
    deltas: list[Json] = [
        {"type": "thinking_delta", "thinking": "Hm."},
        {"type": "text_delta", "text": "Hi"},
    ]
    events = [
        {"type": "content_block_delta", "index": at, "delta": each}
        for at, each in enumerate(deltas)
    ]
    response = said(start(), *events, *end())
    assert (response.reasoning, response.content) == ("Hm.", "Hi")


def test_a_web_citation_has_its_address_and_the_text_that_it_belongs_to() -> None:
    cited = {
        "type": "web_search_result_location",
        "url": "https://example.org",
        "title": "Example",
        "cited_text": "It is so.",
        "encrypted_index": "e",
    }
    delta: Json = {"type": "citations_delta", "citation": cited}
    words: Json = {"type": "text_delta", "text": "So it is."}
    response = said(
        start(), *text(0, "Well: "), *block(1, delta, words, delta, type="text", text=""),
        *text(2, " Yes."), *end(),
    )  # fmt: skip
    [citation] = response.citations or []
    assert (citation.url, citation.title, citation.text) == (
        "https://example.org",
        "Example",
        "It is so.",
    )
    assert response.content[citation.start_index : citation.end_index] == "So it is."


def test_a_citation_of_a_pdf_has_its_page() -> None:
    cited = {
        "type": "page_location",
        "cited_text": "x",
        "document_index": 1,
        "document_title": None,
        "start_page_number": 5,
        "end_page_number": 6,
    }
    response = answer(message({"type": "text", "text": "x", "citations": [cited, None, 7]}))
    [citation] = response.citations or []
    assert (citation.url, citation.title) == (None, None)
    assert (citation.document_index, citation.page) == (1, 5)


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_a_stream_that_ends_too_early_is_told_as_cut_off(cut: Cut) -> None:
    whole = sse(start(), *text(0, "Hel", "lo"), *end())
    *events, _, _, _ = whole.split(b"\n\n")
    for count in range(len(events) + 1):
        with pytest.raises(TruncatedStream):
            streamed(b"".join(event + b"\n\n" for event in events[:count]), cut)


def test_a_stream_whose_last_event_is_missing_is_whole() -> None:
    events = [start(), *text(0, "Hi"), *end()]
    assert said(*events[:-1]) == said(*events)


def test_blocks_that_never_end_are_whole_all_the_same() -> None:
    events = [start(), *thinking(0, "Hm."), *text(1, "Hi"), *call(2, "f"), *end("tool_use")]
    without = [each for each in events if each["type"] != "content_block_stop"]
    assert said(*without) == said(*events)


def test_an_end_without_a_reason_is_assumed_and_told() -> None:
    response = said(start(), *text(0, "Hi"), {"type": "message_stop"})
    assert response.finish_reason == "stop"
    assert "no finish reason" in str(response.warnings)
    response = said(start(), *call(0, "f", "{}"), {"type": "message_stop"})
    assert response.finish_reason == "tool_calls"


def test_halves_of_a_character_are_joined_and_lone_ones_replaced() -> None:
    halves = r'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}'
    response = said(start(), halves % r"a\ud83d", halves % r"\ude00b\ud83d", *end())
    assert response.content == "a😀b�"


def test_nothing_after_the_last_event_counts() -> None:
    assert said(start(), *text(0, "Hi"), *end(), *text(1, "more")).content == "Hi"


def test_a_whole_answer_says_what_its_stream_says() -> None:
    events = [
        start(), *thinking(0, "Hm."), *text(1, "I look."), *call(2, "f", '{"a":1}'),
        *end("tool_use"),
    ]  # fmt: skip
    whole = message(
        {"type": "thinking", "thinking": "Hm.", "signature": "proof"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "toolu_2", "name": "f", "input": {"a": 1}},
        stop="tool_use",
        usage={"input_tokens": 10, "output_tokens": 5},
    )
    assert answer(whole) == said(*events)


def test_an_answer_without_content_is_an_answer() -> None:
    response = answer(message())
    assert (response.content, response.finish_reason) == ("", "stop")
