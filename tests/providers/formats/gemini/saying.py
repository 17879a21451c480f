"""Decode what a test writes down, in every way, to one response."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from sidecar.providers.formats.gemini import Gemini
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIMessage, AIRequest, AIResponse, StreamChunk
from tests.providers import answers
from tests.providers.answers import CUTS, Cut, target_of

Json = dict[str, Any]
WIRE = Gemini()
USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}


def google(model: str = "gemini-3-flash-preview") -> Target:
    """The vendor, with a model."""
    return target_of("google", model=model)


def part_of(*parts: Json, finish: str | None = None, **fields: object) -> Json:
    """One object of a stream."""
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0, **fields}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-3", "responseId": "r1"}


def events(*objects: object) -> bytes:
    """A stream of `objects`: JSON text where they are strings, else to be encoded."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in objects]
    return "".join(f"data: {text}\r\n\r\n" for text in texts).encode()


def streamed(
    body: bytes, target: Target | None = None, cut: Cut | None = None
) -> tuple[list[StreamChunk], AIResponse]:
    """Decode a stream, cut into pieces by `cut`."""
    return answers.streamed(body, target or google(), cut, WIRE)


def say(*objects: object) -> AIResponse:
    """Decode a stream of `objects`, whole, byte by byte and at random cuts, to one response."""
    body = events(*objects)
    found = [streamed(body, cut=cut)[1] for cut in CUTS.values()]
    assert all(each == found[0] for each in found)
    chunks, response = streamed(body)
    assert "".join(chunk.content or "" for chunk in chunks) == response.content
    assert "".join(chunk.reasoning or "" for chunk in chunks) == (response.reasoning or "")
    assert StreamChunk() not in chunks
    return response


def answer(body: bytes, target: Target | None = None) -> AIResponse:
    """Decode a whole answer."""
    return answers.answer(body, target or google(), WIRE)


def body_of(
    *messages: AIMessage, model: str = "gemini-3-flash-preview", **fields: object
) -> tuple[Json, list[str]]:
    """Build a request; return its body, and what was warned of."""
    facts = Facts()
    request = msgspec.convert({"messages": list(messages), **fields}, AIRequest)
    built: Json = json.loads(WIRE.build_request(request, google(model), facts).body or b"")
    return built, facts.warnings


def user(text: str = "hi") -> AIMessage:
    return AIMessage(role="user", content=text)
