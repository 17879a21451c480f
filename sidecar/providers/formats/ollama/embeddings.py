"""POST /api/embed: https://docs.ollama.com/api/embed."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.keys.redaction import without_secrets
from sidecar.providers.format import Embedded
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.ollama.wire import holds_error
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
        if holds_error(body):
            raise faults.error_in_stream(body, target) from None
        raise _refused(body, target, str(error)) from None
    if len(answer.embeddings) != count:
        reason = f"it has {len(answer.embeddings)} vectors for {count} texts"
        raise _refused(body, target, reason)
    if len({len(vector) for vector in answer.embeddings}) != 1 or not answer.embeddings[0]:
        raise _refused(body, target, "its vectors are empty, or not all of one length")
    if facts.model is None and isinstance(answer.model, str) and answer.model:
        facts.model = without_secrets(answer.model)
    tokens = lenient.count(answer.prompt_eval_count)
    usage = None
    if tokens is not None:
        usage = TokenUsage(prompt_tokens=tokens, completion_tokens=0, total_tokens=tokens)
    elif answer.prompt_eval_count is not None:
        facts.warn("The provider's usage can't be read: its `prompt_eval_count` is no count.")
    return Embedded(answer.embeddings, usage)


def _refused(body: bytes, target: Target, reason: str) -> InvalidResponse:
    return InvalidResponse(
        f"{target.vendor.display_name}'s embeddings can't be read: {reason}.",
        provider=target.vendor.name,
        provider_message=faults.excerpt(body),
    )
