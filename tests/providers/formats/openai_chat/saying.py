"""Decode what a test writes down, in every way, to one response."""

from __future__ import annotations

import json
from typing import Any

from sidecar.values import AIResponse, StreamChunk
from tests.providers.answers import (
    CUTS,
    events,
    streamed,
    target_of,
)

Json = dict[str, Any]
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def whole_answer(finish: str | None = "stop", **message: object) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps({"id": "c1", "model": "m1", "choices": [choice]}).encode()


def say(*objects: object, vendor: str = "openai-compatible", done: bool = True) -> AIResponse:
    """Decode a stream of `objects`, whole and byte by byte, to one response."""
    body = events(*objects, done=done)
    found = [streamed(body, target_of(vendor), cut)[1] for cut in CUTS.values()]
    assert all(each == found[0] for each in found)
    assert_chunks_add_up(body, vendor)
    return found[0]


def assert_chunks_add_up(body: bytes, vendor: str) -> None:
    chunks, response = streamed(body, target_of(vendor))
    assert "".join(chunk.content or "" for chunk in chunks) == response.content
    assert "".join(chunk.reasoning or "" for chunk in chunks) == (response.reasoning or "")
    assert StreamChunk() not in chunks
