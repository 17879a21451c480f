"""Errors, broken streams and hostile servers, all of them under status 200."""

from __future__ import annotations

import json

import pytest

from sidecar.engine.transcript import Transcript
from sidecar.errors import (
    AIError,
    APIError,
    ContentFilter,
    ContextLength,
    InvalidResponse,
    RateLimited,
    RequestRejected,
    TruncatedStream,
)
from sidecar.providers.formats.openai_responses.items import MAX_ITEMS
from sidecar.providers.formats.openai_responses.keeping import MAX_REASONING
from sidecar.providers.formats.openai_responses.told import MAX_TEXTS
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.values import StreamChunk
from tests.providers.formats.openai_responses.answering import (
    BEGUN,
    WIRE,
    Json,
    added,
    answer,
    body,
    call,
    delta,
    done,
    end,
    events,
    message,
    output_text,
    reasoning,
    streamed,
    target,
)

HI = message(output_text("Hi"))


def failed(code: str, words: str = "Oh no") -> Json:
    return end(status="failed", error={"code": code, "message": words}, usage=None)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (failed("server_error"), APIError),
        (failed("rate_limit_exceeded"), RateLimited),
        (failed("context_length_exceeded"), ContextLength),
        (failed("invalid_prompt"), RequestRejected),
        (failed("image_content_policy_violation"), ContentFilter),
        (end(status="failed", error=None, usage=None), APIError),
        ({"type": "error", "code": "server_error", "message": "Oh no", "param": None}, APIError),
        ({"type": "error", "error": {"type": "server_error", "message": "Oh no"}}, APIError),
        ({"error": {"code": "rate_limit_exceeded", "message": "Oh no"}}, RateLimited),
        ({"detail": "Oh no"}, APIError),
    ],
)
def test_an_error_in_the_stream_has_its_kind_and_its_words(
    event: Json, kind: type[AIError]
) -> None:
    with pytest.raises(AIError) as raised:
        streamed(events(BEGUN, event))
    assert type(raised.value) is kind
    assert raised.value.provider == "own"
    expected = "The response failed, and no reason is given." if "error" in str(event) else "Oh no"
    assert raised.value.provider_message in ("Oh no", expected)


def test_an_event_named_error_is_one_whatever_it_holds() -> None:
    for data in ('{"message": "Oh no"}', "Oh no"):
        with pytest.raises(APIError, match="Oh no"):
            streamed(f"event: error\ndata: {data}\n\n".encode())


def test_what_was_said_before_an_error_is_kept_and_what_it_took_is_told() -> None:
    facts, chunks = Facts(), list[StreamChunk]()
    decoder = WIRE.decoder(target(), facts)
    last = end(HI, status="failed", error={"code": "server_error", "message": "Oh no"})
    for event in (BEGUN, delta("output_text", "H"), last):
        chunks += decoder.feed(Event("", json.dumps(event).encode()))
    assert decoder.done
    assert "".join(chunk.content or "" for chunk in chunks) == "Hi"
    assert chunks[-1].usage is not None
    with pytest.raises(APIError, match="Oh no"):
        decoder.flush()


def test_a_whole_answer_that_failed_is_its_error() -> None:
    error = {"code": "rate_limit_exceeded", "message": "Slow down"}
    with pytest.raises(RateLimited, match="Slow down"):
        answer(body(status="failed", error=error))
    with pytest.raises(RateLimited, match="Slow down"):
        answer(json.dumps({"error": error}).encode())


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_an_answer_that_is_not_there_yet_is_not_taken_for_one(status: str) -> None:
    with pytest.raises(InvalidResponse, match=f"not there yet \\({status}\\)"):
        answer(body(status=status))


# --- broken ones ---------------------------------------------------------------------------------


def test_a_stream_that_breaks_off_is_truncated_wherever_it_does() -> None:
    given: list[Json | str] = [
        BEGUN,
        added(message()),
        delta("output_text", "Hi"),
        done(HI),
        end(HI),
    ]
    for length in range(len(given)):
        with pytest.raises(TruncatedStream, match="ended the stream before it was done"):
            streamed(events(*given[:length]))


def test_an_empty_stream_with_an_end_and_nothing_else_is_no_answer() -> None:
    with pytest.raises(InvalidResponse, match="empty stream"):
        streamed(events("[DONE]"))


def test_an_answer_of_nothing_is_one() -> None:
    assert streamed(events(end()))[1].content == ""
    assert answer(body()).finish_reason == "stop"


@pytest.mark.parametrize(
    "data",
    ["not JSON", '{"type": "response.output_text.delta", "delta": "', "[1]", '{"choices": []}'],
)
def test_what_is_not_this_api_is_told_with_its_beginning(data: str) -> None:
    with pytest.raises(InvalidResponse) as raised:
        streamed(events(BEGUN, data))
    assert raised.value.provider_message == data


@pytest.mark.parametrize("whole", [b"", b"  ", b"hi", b"[]", b"{}", b'{"choices": []}', b"null"])
def test_a_whole_answer_that_is_none_is_told(whole: bytes) -> None:
    with pytest.raises(InvalidResponse):
        answer(whole)


def test_heartbeats_are_none_of_the_answer() -> None:
    stream = (
        b": ping\n\nevent: ping\ndata: x\n\ndata:\n\n"
        + events({"type": "keepalive", "sequence_number": 1})
        + events(end(HI))
    )
    assert streamed(stream)[1].content == "Hi"


@pytest.mark.parametrize("value", [None, 1, "x", [1], {"a": [{}]}, [[[]]], True, -1, 1e300])
def test_odd_values_cost_nothing_else(value: object) -> None:
    item = {"type": "message", "content": value, "phase": value, "id": value}
    odd = {"item": value, "part": value, "annotation": value, "output_index": value}
    given: list[Json | str] = [
        {"type": "response.created", "response": value},
        {"type": "response.output_item.added"} | odd,
        {"type": "response.output_item.done"} | odd,
        {"type": "response.content_part.done"} | odd,
        {"type": "response.output_text.annotation.added"} | odd,
        {"type": "response.function_call_arguments.done", "arguments": value, "item_id": value},
        {"type": "response.output_item.done", "item": {"type": "reasoning", "summary": value}},
        {"type": "response.output_item.done", "item": {"type": value}},
        {"type": "response.output_text.delta", "delta": "Hi", "logprobs": value},
        {"type": "response.completed", "response": {"output": [item, value], "usage": value}},
    ]
    response = streamed(events(*given))[1]
    assert "Hi" in response.content
    assert response.finish_reason is not None


def test_json_that_is_nested_too_deeply_is_told() -> None:
    deep = '{"type": "x", "item": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(InvalidResponse):
        streamed(events(deep))


# --- hostile ones --------------------------------------------------------------------------------


def flood(*given: Json) -> None:
    transcript = Transcript()
    decoder = WIRE.decoder(target(), transcript.facts)
    for event in given:
        for chunk in decoder.feed(Event("", json.dumps(event).encode())):
            transcript.add(chunk)


def test_items_without_end_are_refused() -> None:
    with pytest.raises(InvalidResponse, match="more than 4096 items"):
        flood(*(added(message(number=n), n) for n in range(MAX_ITEMS + 1)))
    with pytest.raises(InvalidResponse, match="more than 4096"):
        flood(*(added(call(number=n), n) for n in range(MAX_ITEMS + 1)))


def test_parts_without_end_are_refused() -> None:
    with pytest.raises(InvalidResponse, match=f"more than {MAX_TEXTS} parts"):
        flood(*(delta("output_text", "", content_index=n) for n in range(MAX_TEXTS + 1)))


def test_reasoning_without_end_is_refused() -> None:
    secret = "x" * (MAX_REASONING // 4)
    with pytest.raises(InvalidResponse, match="reasoning is larger than"):
        flood(*(done(reasoning(encrypted=secret, number=n), n) for n in range(5)))


def test_words_without_end_are_refused() -> None:
    with pytest.raises(InvalidResponse, match="larger than"):
        flood(*[delta("output_text", "x" * 1_000_000)] * 20)


def test_what_is_repeated_without_end_takes_nothing() -> None:
    text = message(output_text("x" * 100_000))
    flood(*[done(text)] * 1000)
