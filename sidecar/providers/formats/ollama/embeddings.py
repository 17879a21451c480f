"""POST /api/embed: https://docs.ollama.com/api/embed."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.providers.format import Embedded
from sidecar.providers.formats import lenient, vectors
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import EmbedRequest, TokenUsage

MOST_TEXTS = 256
"""At once. It names no limit of its own; the model takes them one after the other."""


class _Answer(msgspec.Struct):
    embeddings: list[list[float]]
    model: Any = None
    prompt_eval_count: Any = None


def encode(texts: list[str], request: EmbedRequest, target: Target) -> bytes:
    """Return the body. A text that is too long is an error, unless `extra` says otherwise."""
    body: dict[str, Any] = {"model": target.model, "input": texts, "truncate": False}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return msgspec.json.encode(body | (request.extra or {}))


def parse(body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
    """Decode the vectors, which are in the order of the texts."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise vectors.misread(body, target, str(error)) from None
    found = vectors.checked(answer.embeddings, count, body, target)
    facts.model = facts.model or lenient.name_of(answer.model)
    tokens = lenient.count(answer.prompt_eval_count)
    usage = None
    if tokens is not None:
        usage = TokenUsage(prompt_tokens=tokens, completion_tokens=0, total_tokens=tokens)
    elif answer.prompt_eval_count is not None:
        facts.warn("The provider's usage can't be read: its `prompt_eval_count` is no count.")
    return Embedded(found, usage)
