"""Streams of the Messages API, and what the decoder makes of them."""

from __future__ import annotations

import json
from typing import Any

from sidecar.engine.transcript import Transcript
from sidecar.providers.formats.anthropic import Anthropic
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest, AIResponse, StreamChunk
from tests.providers import answers
from tests.providers.answers import CUTS, Cut, target_of

Json = dict[str, Any]
WIRE = Anthropic()
USAGE = {"input_tokens": 10, "output_tokens": 1}


def target(model: str = "claude-sonnet-4-6") -> Target:
    return target_of("anthropic", model=model)


def answer(body: bytes | Json, of: Target | None = None) -> AIResponse:
    """Decode a whole answer."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answers.answer(body, of or target(), WIRE)


def streamed(
    body: bytes, cut: Cut | None = None, of: Target | None = None
) -> tuple[list[StreamChunk], AIResponse]:
    """Decode a stream, cut into pieces by `cut`."""
    return answers.streamed(body, of or target(), cut, WIRE)


def said(*events: Json | str) -> AIResponse:
    """What a stream of these events says, however it is cut."""
    body = sse(*events)
    found = [streamed(body, cut)[1] for cut in CUTS.values()]
    assert all(each == found[0] for each in found)
    return found[0]


def sse(*events: Json | str) -> bytes:
    """A stream of these events: JSON text where they are strings."""
    lines = []
    for event in events:
        text = event if isinstance(event, str) else json.dumps(event)
        kind = "" if isinstance(event, str) else f"event: {event['type']}\n"
        lines.append(f"{kind}data: {text}\n\n")
    return "".join(lines).encode()


def message(*blocks: Json, stop: str | None = "end_turn", **more: object) -> Json:
    """A whole message."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6",
        "content": list(blocks),
        "stop_reason": stop,
        "usage": USAGE,
        **more,
    }


def start(**more: object) -> Json:
    return {"type": "message_start", "message": message(stop=None, **more)}


def block(index: int, *deltas: Json, **fields: object) -> list[Json]:
    """A content block: its beginning, its deltas, its end."""
    return [
        {"type": "content_block_start", "index": index, "content_block": fields},
        *({"type": "content_block_delta", "index": index, "delta": each} for each in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[Json]:
    deltas = ({"type": "text_delta", "text": piece} for piece in pieces)
    return block(index, *deltas, type="text", text="")


def thinking(index: int, *pieces: str, signature: str | None = "proof") -> list[Json]:
    deltas: list[Json] = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    if signature is not None:
        deltas.append({"type": "signature_delta", "signature": signature})
    return block(index, *deltas, type="thinking", thinking="", signature="")


def call(index: int, name: str, *pieces: str, call_id: str | None = None) -> list[Json]:
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    made = call_id or f"toolu_{index}"
    return block(index, *deltas, type="tool_use", id=made, name=name, input={})


def end(stop: str | None = "end_turn", **more: object) -> list[Json]:
    delta = {"stop_reason": stop, "stop_sequence": None, **more}
    usage = {"output_tokens": 5}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def built(request: AIRequest | Json, model: str = "claude-sonnet-4-6") -> tuple[Json, list[str]]:
    """Return the body of a request, and the warnings it gave."""
    from msgspec import convert  # noqa: PLC0415

    asked = request if isinstance(request, AIRequest) else convert(request, AIRequest)
    facts = Transcript().facts
    http = WIRE.build_request(asked, target(model), facts)
    return json.loads(http.body or b""), facts.warnings
