"""Decode what a test writes down as this API would send it, in every way, to one response."""

from __future__ import annotations

import json
from typing import Any

from sidecar.providers.formats.openai_responses import OpenAIResponses
from sidecar.providers.vendor import Target, Vendor
from sidecar.values import AIResponse, StreamChunk
from tests.providers import answers
from tests.providers.answers import CUTS, Cut, target_of, whole

Json = dict[str, Any]
WIRE = OpenAIResponses()
OWN = Vendor(name="own", display_name="Own", format="openai_responses", key_required=False)
USAGE = {
    "input_tokens": 30,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 39,
}


def target(model: str = "m", vendor: str | Vendor = OWN) -> Target:
    return target_of(vendor, model=model)


def answer(body: bytes, to: Target | None = None) -> AIResponse:
    """Decode a whole answer."""
    return answers.answer(body, to or target(), WIRE)


def streamed(
    body: bytes, to: Target | None = None, cut: Cut = whole
) -> tuple[list[StreamChunk], AIResponse]:
    """Decode a stream, cut into pieces by `cut`."""
    return answers.streamed(body, to or target(), cut, WIRE)


def events(*given: Json | str) -> bytes:
    """A stream of events, each with its name; JSON text where they are strings."""
    texts = []
    for each in given:
        name = f"event: {each['type']}\n" if isinstance(each, dict) and "type" in each else ""
        data = each if isinstance(each, str) else json.dumps(each)
        texts.append(f"{name}data: {data}\n\n")
    return "".join(texts).encode()


def say(*given: Json | str, to: Target | None = None) -> AIResponse:
    """Decode a stream of events, whole, byte by byte and at random cuts, to one response."""
    body = events(*given)
    found = [streamed(body, to, cut) for cut in CUTS.values()]
    for chunks, response in found:
        assert response == found[0][1]
        assert "".join(chunk.content or "" for chunk in chunks) == response.content
        assert "".join(chunk.reasoning or "" for chunk in chunks) == (response.reasoning or "")
        assert StreamChunk() not in chunks
    return found[0][1]


# --- what a server writes ------------------------------------------------------------------------

BEGUN = {"type": "response.created", "response": {"id": "resp_1", "model": "m1", "output": []}}


def message(*parts: Json, number: int = 1, **more: object) -> Json:
    return {"type": "message", "id": f"msg_{number}", "role": "assistant", "content": [*parts]} | (
        more
    )


def output_text(text: str, *annotations: Json) -> Json:
    return {"type": "output_text", "text": text, "annotations": [*annotations]}


def call(name: str = "f", arguments: str = '{"x": 1}', number: int = 1) -> Json:
    return {
        "type": "function_call",
        "id": f"fc_{number}",
        "call_id": f"call_{number}",
        "name": name,
        "arguments": arguments,
    }


def reasoning(*summary: str, number: int = 1, encrypted: str | None = None) -> Json:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    item = {"type": "reasoning", "id": f"rs_{number}", "summary": parts}
    return item | ({"encrypted_content": encrypted} if encrypted else {})


def response(*output: Json, status: str = "completed", **more: object) -> Json:
    return {
        "id": "resp_1",
        "object": "response",
        "model": "m1",
        "status": status,
        "output": [*output],
        "usage": USAGE,
    } | more


def body(*output: Json, status: str = "completed", **more: object) -> bytes:
    return json.dumps(response(*output, status=status, **more)).encode()


def end(*output: Json, status: str = "completed", **more: object) -> Json:
    return {"type": f"response.{status}", "response": response(*output, status=status, **more)}


def added(item: Json, index: int = 0) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(item: Json, index: int = 0) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def delta(kind: str, text: str, index: int = 0, **more: object) -> Json:
    """A piece: `kind` is `output_text`, `refusal`, `function_call_arguments` and so on."""
    place = {"output_index": index, "content_index": 0}
    return {"type": f"response.{kind}.delta", "delta": text} | place | more
