"""batchEmbedContents: https://ai.google.dev/api/embeddings#method:-models.batchembedcontents."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import AIError, InvalidResponse
from sidecar.providers.format import Embedded
from sidecar.providers.formats import faults, lenient
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
        raise _refused(body, target, str(error)) from None
    vectors = [each.values for each in found.embeddings]
    if len(vectors) != count:
        raise _refused(body, target, f"it has {len(vectors)} vectors for {count} texts")
    if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise _refused(body, target, "its vectors are empty, or not all of one length")
    return Embedded(vectors, usage.read(found.usage_metadata, facts))


def _read(body: bytes) -> _Batch:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.convert(lenient.read(body), _Batch)


def _refused(body: bytes, target: Target, reason: str) -> AIError:
    if faults.holds_error(body):
        return faults.error_in_stream(body, target)
    return InvalidResponse(
        f"{target.vendor.display_name}'s embeddings can't be read: {reason}.",
        provider=target.vendor.name,
        provider_message=faults.excerpt(body),
    )
