"""batchEmbedContents: https://ai.google.dev/api/embeddings#method:-models.batchembedcontents."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.providers.format import Embedded
from sidecar.providers.formats import lenient, vectors
from sidecar.providers.formats.extra import merged
from sidecar.providers.formats.gemini import usage
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import EmbedRequest

MOST_TEXTS = 100
"""A request with more is refused."""


class _Vector(msgspec.Struct):
    values: list[float]


class _Batch(msgspec.Struct, rename="camel"):
    embeddings: list[_Vector]
    usage_metadata: Any = None


_decoder = msgspec.json.Decoder(_Batch)


def encode(texts: list[str], request: EmbedRequest, model: str) -> bytes:
    """Return the body. `extra` goes into each of its requests: that is where `taskType` belongs."""
    requests = []
    for text in texts:
        one: dict[str, Any] = {"model": model, "content": {"parts": [{"text": text}]}}
        if request.dimensions is not None:
            one["outputDimensionality"] = request.dimensions
        requests.append(merged(one, request.extra or {}))
    return msgspec.json.encode({"requests": requests})


def parse(body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
    """Decode the vectors. Raises `InvalidResponse` for another number of them."""
    try:
        found = _read(body)
    except (ValueError, RecursionError) as error:
        raise vectors.misread(body, target, str(error)) from None
    given = [each.values for each in found.embeddings]
    return Embedded(
        vectors.checked(given, count, body, target), usage.read(found.usage_metadata, facts)
    )


def _read(body: bytes) -> _Batch:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.convert(lenient.read(body), _Batch)
