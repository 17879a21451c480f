"""Conversations with tools in which each answer goes back as `response.message`."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sidecar.values import AIMessage, AIResponse
from tests.providers.formats.gemini.saying import body_of, part_of, say, user

Json = dict[str, Any]
TOOLS = [{"name": "weather"}, {"name": "clock"}]


def sent_back(message: AIMessage) -> AIMessage:
    """As a front end does it: through JSON."""
    return msgspec.json.decode(msgspec.json.encode(message), type=AIMessage)


def results(response: AIResponse, *texts: str) -> list[AIMessage]:
    calls = response.tool_calls or []
    return [
        AIMessage(role="tool", tool_call_id=call.id, content=text)
        for call, text in zip(calls, texts, strict=True)
    ]


def call(name: str, args: Json, call_id: str | None = None, signature: str | None = None) -> Json:
    given: Json = {"name": name, "args": args} | ({"id": call_id} if call_id else {})
    return {"functionCall": given} | ({"thoughtSignature": signature} if signature else {})


def test_a_conversation_with_parallel_calls_goes_back_part_by_part() -> None:
    question = user("Weather and time in Ulm?")
    first = say(
        part_of({"text": "I look both up.", "thought": True}),
        part_of({"text": "One moment.", "thoughtSignature": "t1"}),
        part_of(call("weather", {"city": "Ulm"}, "a", "s1")),
        part_of(call("clock", {"city": "Ulm"}, "b"), finish="STOP"),
    )
    second = say(
        part_of(call("weather", {"city": "Bern"}, "c", "s2"), finish="STOP"),
    )
    third = say(
        part_of({"text": "Sun."}), part_of({"text": "", "thoughtSignature": "t3"}, finish="STOP")
    )
    body, warnings = body_of(
        question,
        sent_back(first.message), *results(first, '{"sky": "blue"}', "noon"),
        sent_back(second.message), *results(second, "rain"),
        sent_back(third.message), user("Thanks!"),
        tools=TOOLS,
    )  # fmt: skip
    assert warnings == []
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Weather and time in Ulm?"}]},
        {"role": "model", "parts": [
            {"text": "I look both up.", "thought": True},
            {"text": "One moment.", "thoughtSignature": "t1"},
            call("weather", {"city": "Ulm"}, "a", "s1"),
            call("clock", {"city": "Ulm"}, "b"),
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "a", "name": "weather", "response": {"sky": "blue"}}},
            {"functionResponse": {"id": "b", "name": "clock", "response": {"output": "noon"}}},
        ]},
        {"role": "model", "parts": [call("weather", {"city": "Bern"}, "c", "s2")]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "c", "name": "weather", "response": {"output": "rain"}}},
        ]},
        {"role": "model", "parts": [{"text": "Sun."}, {"text": "", "thoughtSignature": "t3"}]},
        {"role": "user", "parts": [{"text": "Thanks!"}]},
    ]  # fmt: skip


def test_calls_in_pieces_and_without_ids_go_back_whole_with_their_signature() -> None:
    first = say(
        part_of({"functionCall": {"name": "weather", "willContinue": True},
                 "thoughtSignature": "s"}),
        part_of({"functionCall": {"willContinue": True, "partialArgs": [
            {"jsonPath": "$.city", "stringValue": "U", "willContinue": True}]}}),
        part_of({"functionCall": {"willContinue": True, "partialArgs": [
            {"jsonPath": "$.city", "stringValue": "lm"}]}}),
        part_of({"functionCall": {}}, finish="STOP"),
    )  # fmt: skip
    body, warnings = body_of(user(), sent_back(first.message), *results(first, "sun"), tools=TOOLS)
    assert warnings == []
    assert body["contents"][1]["parts"] == [call("weather", {"city": "Ulm"}, "call_r1_0", "s")]
    response = body["contents"][2]["parts"][0]["functionResponse"]
    assert (response["id"], response["name"]) == ("call_r1_0", "weather")


def test_a_message_survives_json_unchanged() -> None:
    response = say(
        part_of({"text": "Hm.", "thought": True, "thoughtSignature": "s0"}),
        part_of({"text": "", "thoughtSignature": "s1"}),
        part_of(call("f", {}, None, "s2"), finish="STOP"),
    )
    assert sent_back(response.message) == response.message
    blocks = json.loads(msgspec.json.encode(response.message))["reasoning"]
    assert [block.get("signature") for block in blocks] == ["s0", "s1"]
