"""What servers of this format send beyond the plain case, written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    AIError,
    APIError,
    ContextLength,
    InvalidResponse,
    Overloaded,
    RateLimited,
    RequestRejected,
    TruncatedStream,
)
from sidecar.providers.base import Facts
from sidecar.providers.framing import Event
from sidecar.values import AIResponse, Citation, StreamChunk, ToolCall
from tests.providers.answers import (
    CUTS,
    WIRE,
    Cut,
    answer,
    delta,
    events,
    streamed,
    target_of,
)

Json = dict[str, Any]


def whole_answer(finish: str | None = "stop", **message: object) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "c1", "model": "m1", "choices": [choice]}).encode()


def say(*objects: object, vendor: str = "openai-compatible", done: bool = True) -> AIResponse:
    """Decode a stream of `objects`, whole and byte by byte, to one response."""
    body = events(*objects, done=done)
    found = [streamed(body, target_of(vendor), cut)[1] for cut in CUTS.values()]
    assert all(each == found[0] for each in found)
    assert_chunks_add_up(body, vendor)
    return found[0]


def assert_chunks_add_up(body: bytes, vendor: str) -> None:
    chunks, response = streamed(body, target_of(vendor))
    assert "".join(chunk.content or "" for chunk in chunks) == response.content
    assert "".join(chunk.reasoning or "" for chunk in chunks) == (response.reasoning or "")
    assert StreamChunk() not in chunks


# --- how it ends ---------------------------------------------------------------------------------


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


# --- choices, usage ------------------------------------------------------------------------------


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


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


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


# --- text ----------------------------------------------------------------------------------------


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


# --- logprobs, citations, tool calls -------------------------------------------------------------


def test_logprobs_that_are_not_numbers_are_null() -> None:
    entry = '{"token": "a", "logprob": %s, "bytes": [97], "top_logprobs": []}'
    body = json.dumps(delta("stop", content="ab")).replace(
        '"finish_reason"',
        '"logprobs": {"content": [' + entry % "NaN" + "," + entry % "-Infinity" + "], "
        '"refusal": null}, "finish_reason"',
    )
    response = say(body)
    assert response.logprobs is not None
    assert [each["logprob"] for each in response.logprobs["content"]] == [None, None]
    assert response.content == "ab"


def test_logprobs_of_any_name_are_kept_and_joined() -> None:
    def chunk(**logprobs: object) -> Json:
        return {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}]}

    response = say(
        chunk(tokens=["a"], token_logprobs=[-0.5], content=[]),
        chunk(tokens=["b"], token_logprobs=[-1.5], content=None),
        delta("stop"),
    )
    assert response.logprobs == {"tokens": ["a", "b"], "token_logprobs": [-0.5, -1.5]}


@pytest.mark.parametrize("logprobs", [[1], "x", {"content": {}}, {"content": [["\ud83d"]]}])
def test_logprobs_of_another_shape_do_not_cost_the_answer(logprobs: object) -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs, "finish_reason": "stop"}
    assert say({"choices": [choice]}).content == "a"


SOURCES: list[Json] = [
    {"url": "https://a.example", "title": "A", "snippet": "of a", "date": "2025-01-01"},
    {"url": "https://b.example", "title": "B", "snippet": "", "date": None},
]
CITED = [
    Citation(url="https://a.example", title="A", text="of a", date="2025-01-01"),
    Citation(url="https://b.example", title="B"),
]


def test_perplexitys_list_in_every_chunk_is_told_once_in_its_order() -> None:
    more = {"citations": [each["url"] for each in SOURCES], "search_results": SOURCES}
    response = say(
        {**delta(content="a[1]"), **more, "usage": USAGE},
        {**delta(content="b[2]"), **more, "usage": {**USAGE, "completion_tokens": 9}},
        {**delta("stop"), **more},
        vendor="perplexity",
    )
    assert response.citations == CITED
    assert response.content == "a[1]b[2]"
    assert response.usage is not None
    assert response.usage.completion_tokens == 9


def test_perplexitys_message_beside_the_delta_is_not_said_again() -> None:
    def chunk(piece: str, so_far: str, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": {"content": piece}, "message": {"content": so_far}}
        return {"choices": [{**choice, "finish_reason": finish}]}

    assert say(chunk("a", "a"), chunk("b", "ab"), chunk("", "ab", "stop")).content == "ab"


def test_a_list_of_sources_that_grows_tells_what_is_new() -> None:
    response = say(
        {**delta(content="a"), "search_results": SOURCES[:1]},
        {**delta("stop"), "search_results": SOURCES},
    )
    assert response.citations == CITED


def test_a_source_that_stands_in_the_list_twice_keeps_its_number() -> None:
    urls = ["https://a.example", "https://b.example", "https://a.example"]
    response = say({**delta(content="a"), "citations": urls}, {**delta("stop"), "citations": urls})
    assert [each.url for each in response.citations or ()] == urls


def test_results_that_no_citation_names_are_kept() -> None:
    response = say({**delta("stop"), "citations": ["https://b.example"], "search_results": SOURCES})
    assert [each.url for each in response.citations or ()] == [
        "https://b.example",
        "https://a.example",
    ]


def test_annotations_are_citations_with_their_place() -> None:
    note: Json = {
        "type": "url_citation",
        "url_citation": {
            "url": "https://a.example",
            "title": "A",
            "start_index": 0,
            "end_index": 1,
        },
    }
    response = say(delta("stop", content="a", annotations=[note, note, {"type": "other"}, 7]))
    assert response.citations == [
        Citation(url="https://a.example", title="A", start_index=0, end_index=1)
    ]


def test_the_form_before_tools_were_is_a_tool_call() -> None:
    response = say(
        delta(function_call={"name": "f", "arguments": '{"x"'}),
        delta(function_call={"arguments": ": 1}"}),
        delta("function_call"),
    )
    assert response.tool_calls == [ToolCall(id="call_c1_0", name="f", arguments='{"x": 1}')]
    assert response.finish_reason == "tool_calls"


def test_both_forms_of_one_call_are_one_call() -> None:
    function = {"name": "f", "arguments": "{}"}
    call = {"index": 0, "id": "a", "type": "function", "function": function}
    response = say(delta("tool_calls", tool_calls=[call], function_call=function))
    assert response.tool_calls == [ToolCall(id="a", name="f", arguments="{}")]


def test_a_whole_answer_with_one_id_for_all_calls_has_all_calls() -> None:
    call = {"id": "null", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    response = answer(whole_answer("tool_calls", content=None, tool_calls=[call, call]))
    assert [each.id for each in response.tool_calls or ()] == ["null", "call_c1_1"]


# --- errors inside a 200 -------------------------------------------------------------------------

ERRORS: dict[str, tuple[bytes, type[AIError], str]] = {
    "Groq's event": (
        b'event: error\ndata: {"error":{"message":"Slow down","type":"rate_limit_exceeded"}}\n\n',
        RateLimited,
        "Slow down",
    ),
    "Groq's field": (
        b'data: {"id":"c","choices":[],"x_groq":{"error":"over_capacity"}}\n\n',
        Overloaded,
        "over_capacity",
    ),
    "llama.cpp's field": (
        b'error: {"code":500,"message":"slot unavailable","type":"server_error"}\n\n',
        APIError,
        "slot unavailable",
    ),
    "an error object": (
        b'data: {"error":{"message":"bad","code":400}}\n\n',
        RequestRejected,
        "bad",
    ),
    "an error string": (b'data: {"error":"it broke"}\n\n', APIError, "it broke"),
    "vLLM's object": (
        b'data: {"object":"error","message":"over the maximum context length","code":400}\n\n',
        ContextLength,
        "maximum context length",
    ),
    "a message alone": (b'data: {"message":"no","code":"1"}\n\n', APIError, "no"),
    "FastAPI's detail": (b'data: {"detail":"no"}\n\n', APIError, "no"),
    "OpenRouter's, inside a choice": (
        b'data: {"choices":[{"delta":{},"error":{"code":502,"message":"upstream died"}}]}\n\n',
        APIError,
        "upstream died",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_an_error_inside_a_stream_is_that_error(name: str, cut: Cut) -> None:
    body, kind, words = ERRORS[name]
    with pytest.raises(kind) as caught:
        streamed(events(delta(content="a"), done=False) + body, cut=cut)
    assert words in (caught.value.provider_message or "")
    assert type(caught.value) is kind


def test_words_that_come_with_an_error_are_said_first() -> None:
    target, facts = target_of(), Facts()
    decoder = WIRE.decoder(target, facts)
    chunk = {**delta(content="last words"), "error": {"message": "died", "code": 502}}
    said = decoder.feed(Event("", json.dumps(chunk).encode()))
    assert [each.content for each in said] == ["last words"]
    assert decoder.done
    with pytest.raises(APIError, match="died"):
        decoder.flush()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"message":"Slow down","type":"rate_limit_exceeded"}}', RateLimited),
        (b'{"object":"error","message":"no","code":400}', RequestRejected),
        (b'{"detail":"no"}', APIError),
        (b"", InvalidResponse),
        (b"   \n", InvalidResponse),
        (b"<!DOCTYPE html><title>Sign in</title>", InvalidResponse),
        (b"{}", InvalidResponse),
        (b'{"choices":[]}', InvalidResponse),
        (b'{"choices":null}', InvalidResponse),
        (b'{"choices":7}', InvalidResponse),
        (b'{"choices":[7]}', InvalidResponse),
        (b'[{"error":{"message":"no","code":503}}]', Overloaded),
        (b"null", InvalidResponse),
        (b'"text"', InvalidResponse),
        (b'{"choices":[{"message":{"content":"cut of', InvalidResponse),
        (b"[" * 100_000, InvalidResponse),
        (b'{"choices":[{"message":{"content":' + b"[" * 100_000, InvalidResponse),
        (b'{"x":' * 100_000, InvalidResponse),
        (b"\xff\xfe\x00", InvalidResponse),
    ],
)
def test_a_whole_answer_that_is_none_is_a_typed_error(body: bytes, kind: type[AIError]) -> None:
    with pytest.raises(kind) as caught:
        answer(body)
    assert type(caught.value) is kind
    caught.value.to_object()


def test_a_page_of_html_is_told_by_its_title() -> None:
    with pytest.raises(InvalidResponse) as caught:
        answer(b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>x" + b"y" * 9000)
    assert caught.value.provider_message == "an HTML page: Sign in"


def test_a_whole_answer_with_a_byte_order_mark_is_read() -> None:
    assert answer(b"\xef\xbb\xbf" + whole_answer(content="a")).content == "a"


def test_a_whole_answer_without_a_finish_reason_is_told() -> None:
    response = answer(whole_answer(None, content="a"))
    assert (response.content, response.finish_reason) == ("a", "stop")
    assert response.warnings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "id", "model", "object", "choices", "usage", "error", "message", "detail", "citations",
        "search_results", "x_groq", "index", "delta", "finish_reason", "logprobs", "content",
        "reasoning", "refusal", "tool_calls", "annotations", "audio", "images", "function_call",
    ]
)  # fmt: skip
SHAPED = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=20,
)


@given(objects=st.lists(SHAPED, max_size=4), tail=st.binary(max_size=20))
def test_whatever_json_comes_the_outcome_is_an_answer_or_a_typed_error(
    objects: list[object], tail: bytes
) -> None:
    body = events(*objects, done=False) + tail
    for decode in (streamed, answer):
        try:
            decode(body)
        except AIError as error:
            error.to_object()


@given(body=st.binary())
def test_whatever_bytes_come_the_outcome_is_an_answer_or_a_typed_error(body: bytes) -> None:
    for decode in (streamed, answer):
        try:
            decode(body)
        except AIError as error:
            error.to_object()
