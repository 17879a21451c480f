"""POST /embeddings: texts to vectors.

https://platform.openai.com/docs/api-reference/embeddings. Base64 is asked for where a vendor has
it: it is a third of the size, and 32-bit floats are exactly what they were.
"""

from __future__ import annotations

import array
import binascii
import math
import sys
from typing import Any

import msgspec

from sidecar.errors import InvalidParams
from sidecar.providers.format import Embedded
from sidecar.providers.formats import lenient, vectors
from sidecar.providers.formats.openai_chat import usage
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import EmbedRequest

MOST_TEXTS = 100
"""At once. Google's takes no more; Mistral takes 256, OpenAI 2,048 of 300,000 tokens in all."""
_OF_THE_REQUEST = ("input", "model")
_ENCODINGS = ("float", "base64")


class _Vector(msgspec.Struct):
    embedding: Any
    index: Any = None


class _Answer(msgspec.Struct):
    data: list[_Vector]
    model: Any = None
    usage: Any = None


def encode(texts: list[str], request: EmbedRequest, target: Target) -> bytes:
    """Return the body for one batch. Raises `InvalidParams` for what `extra` can't set."""
    extra = request.extra or {}
    for name in _OF_THE_REQUEST:
        if name in extra:
            message = f"`extra` cannot set `{name}`."
            raise InvalidParams(message, path=f"$.extra.{name}", hint=f"Use `{name}`.")
    if extra.get("encoding_format", "float") not in _ENCODINGS:
        message = "Vectors come as floats: `encoding_format` is `float` or `base64`."
        raise InvalidParams(message, path="$.extra.encoding_format", hint="Leave it out.")
    quirks = target.vendor.quirks
    fields = {
        "model": target.model,
        "input": texts,
        quirks.dimensions_field: request.dimensions,
        "encoding_format": "base64" if quirks.embedding_base64 else None,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    return msgspec.json.encode(body | extra)


def parse(body: bytes, count: int, target: Target, facts: Facts) -> Embedded:
    """Decode the vectors of so many texts, in the order of the texts.

    Raises `InvalidResponse` where they are not as many, or not vectors of one length.
    """
    try:
        answer = _read(body)
    except (ValueError, RecursionError) as error:
        raise vectors.misread(body, target, str(error)) from None
    if len(answer.data) != count:
        raise vectors.misread(body, target, f"it has {len(answer.data)} vectors for {count} texts")
    found: list[list[float]] = [[]] * count
    for at, each in enumerate(answer.data):
        place = at if each.index is None else lenient.count(each.index)
        if place is None or place >= count or found[place]:
            raise vectors.misread(body, target, "they are numbered otherwise than the texts")
        found[place] = _vector(each.embedding, body, target)
    facts.model = lenient.name_of(answer.model)
    return Embedded(vectors.checked(found, count, body, target), usage.read(answer.usage, facts))


def _read(body: bytes) -> _Answer:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = lenient.read(body)
    # Some servers give the list bare, without `data` around it.
    return msgspec.convert({"data": value} if isinstance(value, list) else value, _Answer)


def _vector(given: object, body: bytes, target: Target) -> list[float]:
    """One vector, as numbers or as base64 of little-endian 32-bit floats."""
    try:
        if isinstance(given, str):
            data = binascii.a2b_base64(given, strict_mode=True)
            floats = array.array("f")
            floats.frombytes(data)
            if sys.byteorder == "big":
                floats.byteswap()
            vector = floats.tolist()
        else:
            vector = msgspec.convert(given, list[float])
    except ValueError as error:
        raise vectors.misread(body, target, str(error)) from None
    if not vector or not all(map(math.isfinite, vector)):
        raise vectors.misread(body, target, "a vector is empty, or has numbers that are none")
    return vector
