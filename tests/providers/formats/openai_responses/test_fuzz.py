"""Events in any order, with anything left out or of another kind."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import AIError
from sidecar.providers.sink import Facts
from sidecar.values import AIMessage, AIRequest, AIResponse
from tests.providers.answers import at_random, byte_by_byte
from tests.providers.formats.openai_responses.answering import (
    BEGUN,
    WIRE,
    Json,
    added,
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

THOUGHT = reasoning("One.", "Two.", encrypted="E")
SAID = message(output_text("Hi 😀"), phase="final_answer")
SEARCH = {"type": "web_search_call", "id": "ws_1"}
EVENTS: list[Json] = [
    BEGUN,
    added(THOUGHT, 0),
    delta("reasoning_summary_text", "One.", 0, item_id="rs_1", summary_index=0),
    done(THOUGHT, 0),
    added(message(), 1),
    delta("output_text", "Hi ", 1, item_id="msg_1", logprobs=[{"token": "Hi"}]),
    delta("refusal", "No", 1, item_id="msg_1"),
    {"type": "response.content_part.done", "output_index": 1, "part": output_text("Hi 😀")},
    done(SAID, 1),
    added(call(arguments=""), 2),
    delta("function_call_arguments", '{"x"', 2, item_id="fc_1"),
    done(call(), 2),
    done(SEARCH, 3),
    end(THOUGHT, SAID, call(), SEARCH),
    end(SAID, status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
    end(status="failed", error={"code": "server_error", "message": "Oh no"}),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@st.composite
def bent(draw: st.DrawFn) -> Json:
    """An event in which something is another value, or is not there."""
    event: Json = json.loads(json.dumps(draw(st.sampled_from(EVENTS))))
    at: Any = event
    while isinstance(at, dict) and at:
        name = draw(st.sampled_from(sorted(at)))
        if draw(st.booleans()) or not isinstance(at[name], dict):
            if draw(st.booleans()):
                del at[name]
            else:
                at[name] = draw(JSON)
            break
        at = at[name]
    return event


def outcome(body: bytes, seed: int | None) -> AIResponse | str:
    try:
        return streamed(body, cut=byte_by_byte if seed is None else at_random(seed))[1]
    except AIError as error:
        return f"{error.kind}: {error.message}"


@given(st.lists(st.sampled_from(EVENTS) | bent(), max_size=12))
def test_whatever_comes_is_an_answer_or_an_error_of_ours_at_every_cut(given_: list[Json]) -> None:
    body = events(*given_)
    found = outcome(body, None)
    assert found == outcome(body, 1) == outcome(body, 2)


@given(st.lists(st.sampled_from(EVENTS[:-3]), max_size=12))
def test_an_answer_can_always_go_back(given_: list[Json]) -> None:
    chunks, response = streamed(events(*given_, end(THOUGHT, SAID, call(), SEARCH)))
    assert "".join(chunk.content or "" for chunk in chunks) == response.content
    facts = Facts()
    request = AIRequest(messages=[response.message, AIMessage(role="user", content="hi")])
    items = json.loads(WIRE.build_request(request, target(), facts).body or b"")["input"]
    texts = [
        part["text"]
        for item in items
        if item["type"] == "message" and item["role"] == "assistant"
        for part in item["content"]
    ]
    assert "".join(texts) == response.content
    calls = [item["call_id"] for item in items if item["type"] == "function_call"]
    assert calls == [each.id for each in response.tool_calls or ()]


@given(st.binary(max_size=60))
def test_bytes_are_an_error_of_ours(data: bytes) -> None:
    for body in (data, b"data: " + data + b"\n\n"):
        assert isinstance(outcome(body, 1), str)
