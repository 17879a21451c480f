"""The objects of generateContent as they come over the wire, read leniently.

https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse. What an answer can't do
without has its type here; all else is `Any` and is looked at where it is used.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from sidecar.providers.formats import faults, lenient
from sidecar.providers.vendor import Target

_JOINED = ("text", "stringValue")
"""Fields whose text comes in pieces: a half character in one may be completed by the next."""


class Candidate(Struct, rename="camel"):
    """`candidates[]`."""

    content: Any = None
    finish_reason: Any = None
    finish_message: Any = None
    safety_ratings: Any = None
    index: Any = None
    citation_metadata: Any = None
    grounding_metadata: Any = None
    url_context_metadata: Any = None
    logprobs_result: Any = None
    continuation_token: Any = None

    @property
    def parts(self) -> list[Any]:
        """What was said; a last event often has none."""
        found = lenient.fields(self.content).get("parts")
        return found if isinstance(found, list) else []


class Answer(Struct, rename="camel"):
    """`GenerateContentResponse`; a stream is made of them, too."""

    candidates: list[Candidate] | None = None
    prompt_feedback: Any = None
    usage_metadata: Any = None
    model_version: Any = None
    response_id: Any = None
    model_status: Any = None
    error: Any = None


_decoder = msgspec.json.Decoder(Answer)


def read(data: bytes, target: Target) -> Answer:
    """Decode one object. Raises `InvalidResponse` for what is none, and the error it may be."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if faults.holds_error(data):
            raise faults.error_in_stream(data, target) from None
        try:
            return msgspec.convert(lenient.read(data, _JOINED), Answer)
        except (ValueError, RecursionError):
            raise faults.unreadable(data, target, str(error)) from None


def read_whole(data: bytes, target: Target) -> list[Answer]:
    """Decode a body: one object, or the array of them that a stream is without `alt=sse`."""
    if not data.lstrip().startswith(b"["):
        return [read(data, target)]
    if faults.holds_error(data):
        raise faults.error_in_stream(data, target)
    try:
        return msgspec.convert(lenient.read(data, _JOINED), list[Answer])
    except (ValueError, RecursionError) as error:
        raise faults.unreadable(data, target, str(error)) from None
