"""Google's OpenAI-compatible endpoint: what its row's quirks are for."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sidecar.errors import InvalidResponse, RateLimited
from sidecar.providers.formats.google_models import UNSIGNED
from sidecar.providers.formats.openai_chat import tool_calls
from sidecar.providers.sink import Facts
from sidecar.values import AIMessage, AIRequest, ToolCall
from tests.providers.answers import WIRE, answer, delta, events, streamed, target_of
from tests.providers.formats.openai_chat.saying import say, whole_answer

Json = dict[str, Any]
NEW, OLD = "gemini-3-flash-preview", "gemini-2.5-flash"
USER = AIMessage(role="user", content="hi")


def body_of(*messages: AIMessage, model: str = NEW, **fields: object) -> tuple[Json, list[str]]:
    request = msgspec.convert({"messages": [USER, *messages], **fields}, AIRequest)
    facts = Facts()
    built = WIRE.build_request(request, target_of("google-openai", model=model), facts)
    found: Json = json.loads(built.body or b"")
    return found, facts.warnings


def extra(signature: object) -> Json:
    return {"google": {"thought_signature": signature}}


def piece(index: int, signature: object = None, **fields: object) -> Json:
    found: Json = {"index": index, "id": f"c{index}", "type": "function"}
    found["function"] = {"name": "f", "arguments": "{}"}
    return found | ({"extra_content": extra(signature)} if signature else {}) | fields


def test_the_row_is_googles_address_and_key() -> None:
    target = target_of("google-openai", key="AIza-0123456789")
    built = WIRE.build_request(AIRequest(messages=[USER]), target, Facts())
    root = "https://generativelanguage.googleapis.com/v1beta/openai"
    assert built.url == f"{root}/chat/completions"
    assert built.headers["authorization"] == "Bearer AIza-0123456789"


@pytest.mark.parametrize("name", ["seed", "frequency_penalty", "presence_penalty"])
def test_a_field_that_it_refuses_is_not_sent_and_told(name: str) -> None:
    fields: Json = {name: 1}
    body, warnings = body_of(**fields)
    assert name not in body
    assert f"`{name}`" in warnings[0]
    assert body_of(temperature=1) == (
        {"model": NEW, "messages": [{"role": "user", "content": "hi"}], "temperature": 1.0}, [],
    )  # fmt: skip


def test_signatures_of_calls_come_and_go_back() -> None:
    calls = [piece(0, "s0"), piece(1)]
    stream = say(delta(tool_calls=[calls[0]]), delta("tool_calls", tool_calls=[calls[1]]),
                 vendor="google-openai")  # fmt: skip
    whole = answer(whole_answer("tool_calls", tool_calls=calls), target_of("google-openai"))
    for response in (stream, whole):
        assert [call.signature for call in response.tool_calls or ()] == ["s0", None]
        body, warnings = body_of(response.message)
        sent = body["messages"][1]["tool_calls"]
        assert [call.get("extra_content") for call in sent] == [extra("s0"), None]
        assert warnings == []


def test_a_call_of_another_model_is_sent_as_one_that_is_not_to_be_checked() -> None:
    calls = [ToolCall(id=each, name="f", arguments="{}") for each in "ab"]
    foreign = AIMessage(role="assistant", tool_calls=calls)
    body, warnings = body_of(foreign)
    sent = body["messages"][1]["tool_calls"]
    assert [call.get("extra_content") for call in sent] == [extra(UNSIGNED), None]
    assert "thought signature" in warnings[0]
    body, warnings = body_of(foreign, model=OLD)
    assert "extra_content" not in str(body)
    assert warnings == []


def test_other_vendors_are_sent_no_signatures() -> None:
    own = AIMessage(role="assistant", tool_calls=[
        ToolCall(id="a", name="f", arguments="{}", signature="s")])  # fmt: skip
    request = AIRequest(messages=[USER, own])
    built = WIRE.build_request(request, target_of("openai", model="m"), Facts())
    assert b"extra_content" not in (built.body or b"")


@pytest.mark.parametrize("odd", [7, [1], {"google": 7}, {"google": {"thought_signature": 7}}, "x"])
def test_extra_content_of_other_kinds_is_no_signature(odd: object) -> None:
    response = say(delta("tool_calls", tool_calls=[piece(0, extra_content=odd)]))
    assert [call.signature for call in response.tool_calls or ()] == [None]


def test_signatures_without_end_are_refused() -> None:
    huge = "s" * (tool_calls.MAX_HELD // 3)
    with pytest.raises(InvalidResponse, match="signatures"):
        streamed(events(*(delta(tool_calls=[piece(number, huge)]) for number in range(5))))


def test_its_errors_are_googles_in_a_list() -> None:
    details = [
        {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]},
        {"retryDelay": "7s"},
    ]
    message = "You exceeded your current quota."
    body = json.dumps([{"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED",
                                  "details": details}}]).encode()  # fmt: skip
    error = WIRE.parse_error(429, {}, body, target_of("google-openai"))
    assert type(error) is RateLimited
    assert (error.retry_after_ms, error.provider_message) == (7000, message)
