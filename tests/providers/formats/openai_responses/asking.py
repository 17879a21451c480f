"""What the sidecar sends, of a request that a test writes down."""

from __future__ import annotations

import json
from typing import Any

from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIMessage, AIRequest, AIResponse, Part
from tests.providers.formats.openai_responses.answering import WIRE, Json, target

HI = [AIMessage(role="user", content="hi")]


def built(to: Target | None = None, **fields: Any) -> tuple[Json, list[str]]:  # noqa: ANN401 - fields of AIRequest
    facts = Facts()
    request = AIRequest(**({"messages": HI} | fields))
    http = WIRE.build_request(request, to or target(), facts)
    return json.loads(http.body or b""), facts.warnings


def sent(request: AIRequest, to: Target | None = None) -> Json:
    """The body of a request."""
    found: Json = json.loads(WIRE.build_request(request, to or target(), Facts()).body or b"")
    return found


def given(*parts: Part) -> list[Json]:
    messages = [AIMessage(role="user", content=[*parts])]
    items: list[Json] = built(messages=messages)[0]["input"]
    return items[0]["content"]  # type: ignore[no-any-return]


def back(*messages: AIMessage, to: str = "own") -> tuple[list[Json], list[str]]:
    """The items of `input`, and what was told of them."""
    facts = Facts()
    request = AIRequest(messages=[*messages])
    where = target() if to == "own" else target(vendor=to)
    items: list[Json] = json.loads(WIRE.build_request(request, where, facts).body or b"")["input"]
    return items, facts.warnings


def again(response: AIResponse) -> list[Json]:
    """The items of an answer, as they go back."""
    items, warnings = back(response.message)
    assert warnings == []
    return items


def said(text: str, **more: str) -> Json:
    content = [{"type": "output_text", "text": text}]
    return {"type": "message", "role": "assistant", "content": content} | more


def called(number: int = 1) -> Json:
    return {
        "type": "function_call",
        "call_id": f"call_{number}",
        "name": "f",
        "arguments": '{"x": 1}',
    }
