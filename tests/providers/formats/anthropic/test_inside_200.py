"""A status of 200 promises nothing: errors, odd values, floods and anything at all inside of it."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ContextLength,
    InvalidResponse,
    Overloaded,
    ProviderTimeout,
    Quota,
    RateLimited,
    RequestRejected,
)
from sidecar.keys.secret import Secret
from sidecar.providers.formats.anthropic.blocks import MAX_BLOCKS, MAX_HELD
from sidecar.providers.formats.anthropic.decoding import MessagesDecoder
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from tests.providers.answers import CUTS, Cut
from tests.providers.formats.anthropic.saying import (
    WIRE,
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
    target,
    text,
    thinking,
)

FAULTS: dict[str, tuple[type[AIError], int]] = {
    "overloaded_error": (Overloaded, 529),
    "rate_limit_error": (RateLimited, 429),
    "api_error": (APIError, 500),
    "timeout_error": (ProviderTimeout, 504),
    "authentication_error": (Authentication, 401),
    "billing_error": (Quota, 402),
    "invalid_request_error": (RequestRejected, 400),
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("word", FAULTS)
def test_an_error_in_the_midst_of_a_stream_has_its_kind_and_its_words(word: str, cut: Cut) -> None:
    fault = {"type": "error", "error": {"type": word, "message": "It is so."}}
    with pytest.raises(FAULTS[word][0]) as raised:
        streamed(sse(start(), *text(0, "Hel"), fault), cut)
    assert type(raised.value) is FAULTS[word][0]
    assert raised.value.status == FAULTS[word][1]
    assert raised.value.provider_message == "It is so."


@pytest.mark.parametrize(
    "body",
    [
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
        b'data: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
        b'data: {"error":{"message":"We are overloaded","code":529}}\n\n',
        b"event: error\ndata: The server is overloaded.\n\n",
    ],
)
def test_an_error_is_known_in_other_shapes_too(body: bytes) -> None:
    with pytest.raises(Overloaded):
        streamed(body)


def test_a_whole_answer_may_be_an_error() -> None:
    fault = {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8 maximum"}
    with pytest.raises(ContextLength):
        answer({"type": "error", "error": fault})


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"[]", b"7", b"{}", b'{"content": 7}', b"<html>", b'{"type":"message"', b"\xff"],
)
def test_what_is_no_message_is_told_as_such(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        answer(body)


@pytest.mark.parametrize("line", ["{", "[]", "7", '{"delta": 7, "type": "content_block_delta"}'])
def test_an_event_that_can_not_be_read_is_told_as_such(line: str) -> None:
    with pytest.raises(InvalidResponse, match="Anthropic sent what is not"):
        streamed(sse(start(), line))


def test_garbage_after_the_end_takes_nothing_away() -> None:
    response = said(start(), *text(0, "Hi"), *end()[:1], "{")
    assert response.content == "Hi"
    assert "can't be read" in str(response.warnings)


def test_the_mark_of_another_api_ends_a_stream() -> None:
    assert said(start(), *text(0, "Hi"), *end()[:1], "[DONE]").content == "Hi"


def test_a_stream_of_nothing_but_its_end_is_no_answer() -> None:
    with pytest.raises(InvalidResponse, match="empty stream"):
        streamed(sse(start(), {"type": "message_stop"}))


def test_events_without_empty_lines_between_them_are_read_all_the_same() -> None:
    lines = sse(start(), *text(0, "Hi"), *end()).decode().split("\n")
    body = "\n".join(line for line in lines if line.startswith("data:")) + "\n\n"
    assert streamed(body.encode())[1].content == "Hi"


ODD: list[object] = [None, True, -1, 1.5, 10**30, "7", "x", "", [], {}, [[]], {"a": 1}]


@pytest.mark.parametrize("name", ["input_tokens", "output_tokens", "cache_read_input_tokens"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_an_odd_count_costs_no_other(name: str, value: object) -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, name: value}
    response = answer(message({"type": "text", "text": "Hi"}, usage=usage))
    assert response.content == "Hi"
    assert response.usage is not None
    fits = value in (None, "7")
    assert (response.warnings is None) == fits


def test_usage_that_is_none_is_not_made_up() -> None:
    assert answer(message({"type": "text", "text": "Hi"}, usage="none")).usage is None


@pytest.mark.parametrize("field", ["type", "index", "message", "content_block", "delta", "usage"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_a_field_of_an_odd_kind_never_breaks_the_decoder(field: str, value: object) -> None:
    events = [start(), *thinking(0, "Hm."), *text(1, "Hi"), *call(2, "f", "{}"), *end("tool_use")]
    for at in range(len(events)):
        odd = [*events[:at], {**events[at], field: value}, *events[at + 1 :]]
        decoded(sse(*[json.dumps(each) for each in odd]))


BLOCK_FIELDS = ("type", "text", "thinking", "signature", "data", "id", "name", "input", "citations")
DELTA_FIELDS = ("type", "text", "thinking", "signature", "partial_json", "citation", "stop_reason",
                "stop_details")  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=repr)
def test_odd_values_inside_of_blocks_and_deltas_never_break_the_decoder(value: object) -> None:
    events = [start(), *thinking(0, "Hm."), *text(1, "Hi"), *call(2, "f", "{}"), *end("tool_use")]
    for at, event in enumerate(events):
        for part, fields in (("content_block", BLOCK_FIELDS), ("delta", DELTA_FIELDS)):
            for field in fields if part in event else ():
                odd = {**event, part: {**event[part], field: value}}
                decoded(sse(*[json.dumps(e) for e in (*events[:at], odd, *events[at + 1 :])]))


@given(st.lists(st.binary(max_size=40), max_size=6), st.sampled_from(["", "error", "x"]))
def test_any_bytes_give_an_answer_or_a_typed_error(pieces: list[bytes], name: str) -> None:
    decoder = WIRE.decoder(target(), Facts())
    with suppress(AIError):
        for piece in pieces:
            decoder.feed(Event(name, piece))
        decoder.flush()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(json_values, st.sampled_from(["content", "usage", "stop_reason", "id", "error", "type"]))
def test_any_json_gives_an_answer_or_a_typed_error(value: object, field: str) -> None:
    for body in (value, message({"type": "text", "text": "x"}) | {field: value}):
        with suppress(AIError):
            answer(json.dumps(body).encode())


def decoded(body: bytes) -> None:
    """Decode, and take no exception for an answer but a typed one."""
    try:
        _, response = streamed(body)
    except AIError:
        return
    assert response.finish_reason


# --- floods ---


def flood(*events: Json, first: tuple[Json, ...] = ()) -> None:
    """Feed the same events without end; each costs memory that no chunk shows."""
    decoder = WIRE.decoder(target(), Facts())
    datas = [Event("", json.dumps(each).encode()) for each in (start(), *first)]
    more = [Event("", json.dumps(each).encode()) for each in events]
    tracemalloc.start()
    try:
        for event in datas:
            decoder.feed(event)
        with pytest.raises(InvalidResponse, match="more than"):
            pour(decoder, more)
        assert tracemalloc.get_traced_memory()[0] < 4 * MAX_HELD
    finally:
        tracemalloc.stop()


def pour(decoder: MessagesDecoder, events: list[Event]) -> None:
    for number in range(3 * MAX_BLOCKS):
        for event in events:
            data = event.data.replace(b'"index": 0', b'"index": %d' % number)
            data = data.replace(b"number", b"%d" % number)
            decoder.feed(Event("", data))


def test_blocks_that_begin_without_end_are_broken_off() -> None:
    flood(text(0)[0])


def test_thinking_without_end_is_broken_off() -> None:
    flood(*thinking(0, "x"))


def test_calls_without_end_are_broken_off() -> None:
    flood(*call(0, "f", "{}"))


def test_proofs_without_end_are_broken_off() -> None:
    flood(*thinking(0, signature="x" * 10_000))
    flood(*block(0, type="redacted_thinking", data="x" * 10_000))


def test_citations_without_end_are_broken_off() -> None:
    cited: Json = {
        "type": "citations_delta",
        "citation": {"url": "number", "cited_text": "x" * 20_000},
    }
    event: Json = {"type": "content_block_delta", "index": 1, "delta": cited}
    flood(event, first=(text(1)[0],))


def test_a_key_in_what_names_things_is_taken_out() -> None:
    key = Secret("sk-ant-api03-0123456789abcdef0123456789abcdef")
    secret = key.reveal()
    odd = message({"type": secret}, stop=secret, model=secret, id=secret)
    response = answer(odd)
    for told in (response.model, response.response_id, response.provider_finish_reason):
        assert secret not in (told or "")
    assert secret not in str(response.warnings)
