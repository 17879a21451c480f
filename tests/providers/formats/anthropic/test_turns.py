"""A conversation of several turns with tools: every answer goes back as it came."""

from __future__ import annotations

import json

import msgspec

from sidecar.values import AIMessage, AIRequest, AIResponse, Tool
from tests.providers.formats.anthropic.saying import (
    Json,
    answer,
    block,
    built,
    call,
    end,
    message,
    said,
    start,
    text,
    thinking,
)

ASK = AIMessage(role="user", content="What is the weather in Ulm, and what time is it?")
TOOLS = [Tool(name="get_weather"), Tool(name="get_time")]


def test_a_conversation_with_thinking_and_tools_goes_back_whole() -> None:
    conversation = [ASK]
    first: list[Json] = [
        {"type": "thinking", "thinking": "Two questions.", "signature": "s1"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "text", "text": "I look."},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Ulm"}},
        {"type": "tool_use", "id": "t2", "name": "get_time", "input": {}},
    ]
    response = answer(message(*first, stop="tool_use"))
    streamed = said(
        start(),
        *thinking(0, "Two ", "questions.", signature="s1"),
        *block(1, type="redacted_thinking", data="ZGF0YQ=="),
        *text(2, "I ", "look."),
        *thinking(3, signature="s2"),
        *call(4, "get_weather", '{"city":', '"Ulm"}', call_id="t1"),
        *call(5, "get_time", call_id="t2"),
        *end("tool_use"),
    )
    assert streamed.message == response.message

    conversation = next_turn(conversation, response, t1="Rain.", t2="Noon.")
    assert sent(conversation)[1:] == [
        {"role": "assistant", "content": first},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "Rain."},
                {"type": "tool_result", "tool_use_id": "t2", "content": "Noon."},
            ],
        },
    ]

    second: list[Json] = [
        {"type": "thinking", "thinking": "One more.", "signature": "s3"},
        {"type": "tool_use", "id": "t3", "name": "get_weather", "input": {"city": "Bonn"}},
    ]
    response = answer(message(*second, stop="tool_use"))
    conversation = next_turn(conversation, response, t3="Sun.")
    last: list[Json] = [{"type": "text", "text": "Rain in Ulm, sun in Bonn."}]
    conversation = next_turn(conversation, answer(message(*last)))
    conversation.append(AIMessage(role="user", content="Thanks."))
    turns = sent(conversation)
    assert [turn["role"] for turn in turns] == [
        "user", "assistant", "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert (turns[1]["content"], turns[3]["content"]) == (first, second)
    assert turns[5]["content"] == "Rain in Ulm, sun in Bonn."


def next_turn(
    conversation: list[AIMessage], response: AIResponse, **results: str
) -> list[AIMessage]:
    """Append an answer, over the wire and back, and the results of its calls."""
    wire = msgspec.json.encode(response.message)
    back = msgspec.json.decode(wire, type=AIMessage)
    results_of = [
        AIMessage(role="tool", tool_call_id=call_id, content=content)
        for call_id, content in results.items()
    ]
    return [*conversation, back, *results_of]


def sent(conversation: list[AIMessage]) -> list[Json]:
    body, warnings = built(AIRequest(messages=conversation, tools=TOOLS))
    assert warnings == []
    found: list[Json] = json.loads(json.dumps(body["messages"]))
    return found
