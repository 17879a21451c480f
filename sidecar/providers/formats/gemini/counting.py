"""countTokens: https://ai.google.dev/api/tokens#method:-models.counttokens."""

from __future__ import annotations

import msgspec

from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.gemini import body
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIRequest


def encode(request: AIRequest, model: str, target: Target, facts: Facts) -> bytes:
    """Return the body: the whole request, so that its tools and system prompt are counted, too."""
    whole = {"model": model, **body.fields(request, target, facts)}
    return msgspec.json.encode({"generateContentRequest": whole})


def parse(data: bytes, target: Target) -> int:
    """Decode the number. Raises `InvalidResponse` where there is none."""
    try:
        found = lenient.count(lenient.fields(lenient.read(data)).get("totalTokens"))
    except (ValueError, RecursionError):
        found = None
    if found is not None:
        return found
    raise faults.misread("count of tokens", data, target, "it has no `totalTokens`")
