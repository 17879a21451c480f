"""From Ollama's lines to a response, on the way that the client takes, without a network."""

from __future__ import annotations

import json
from typing import Any

from sidecar.providers.formats.ollama import Ollama
from sidecar.providers.vendor import Target
from sidecar.values import AIResponse, StreamChunk
from tests.providers import answers
from tests.providers.answers import Cut, target_of, whole

Json = dict[str, Any]
WIRE = Ollama()
TIME = "2026-08-17T15:57:12.772341Z"


def target(model: str = "m") -> Target:
    return target_of("ollama", model=model)


def line(*, done: str | bool = False, **message: object) -> Json:
    """One object: a piece of the message; `done` with its reason where it is the last one."""
    found: Json = {"model": "m1", "created_at": TIME, "message": {"role": "assistant", **message}}
    found["done"] = bool(done)
    if isinstance(done, str):
        found["done_reason"] = done
    return found


def end(reason: str | None = "stop", /, **fields: object) -> Json:
    """The last object, with its counts."""
    return {**line(done=reason or True, content=""), **fields}


def lines(*objects: object) -> bytes:
    """A stream of objects; strings are lines as they are."""
    texts = [each if isinstance(each, str) else json.dumps(each) for each in objects]
    return "".join(f"{text}\n" for text in texts).encode()


def streamed(body: bytes, cut: Cut = whole) -> tuple[list[StreamChunk], AIResponse]:
    """Decode a stream, cut into pieces."""
    return answers.streamed(body, target(), cut, WIRE)


def say(*objects: object) -> AIResponse:
    """What a stream of objects adds up to."""
    return streamed(lines(*objects))[1]


def answer(body: bytes) -> AIResponse:
    """Decode a whole answer."""
    return answers.answer(body, target(), WIRE)
