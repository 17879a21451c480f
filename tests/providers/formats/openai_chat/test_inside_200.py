"""A status of 200 promises nothing: errors, pages and anything at all inside of it."""

from __future__ import annotations

import json

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
)
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
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
from tests.providers.formats.openai_chat.saying import whole_answer

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
        "related_questions", "reasoning_details", "executed_tools", "text", "thinking", "type",
        "function", "custom", "id", "name", "arguments", "prompt_tokens", "total_cost", "cost",
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
