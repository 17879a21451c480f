"""The objects of Chat Completions as they come over the wire, read leniently.

What an answer can't do without (`choices`, `delta`, `tool_calls`) has its type here; all else is
`Any` and is looked at where it is used: a vendor's odd `usage` must not cost the answer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from sidecar.errors import InvalidResponse
from sidecar.providers.formats import faults, lenient
from sidecar.providers.vendor import Target

_JOINED = (
    "content",
    "reasoning_content",
    "reasoning",
    "refusal",
    "text",
    "thinking",
    "summary",
    "arguments",
)
"""Fields whose text comes in pieces: a half character in one may be completed by the next."""


class Function(Struct):
    """`function` of a tool call, and the deprecated `function_call`."""

    name: Any = None
    arguments: Any = None


class CallDelta(Struct):
    """`choices[].delta.tool_calls[]`."""

    index: Any = None
    id: Any = None
    function: Function | None = None
    custom: Any = None  # a tool whose input is free text
    extra_content: Any = None  # Google


class Delta(Struct):
    """`choices[].delta`, or the `message` of a whole answer."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: list[CallDelta] | None = None
    function_call: Any = None
    annotations: Any = None
    audio: Any = None
    images: Any = None
    reasoning_details: Any = None  # OpenRouter
    reasoning_steps: Any = None  # Perplexity
    executed_tools: Any = None  # Groq


class Choice(Struct):
    """`choices[]`."""

    index: Any = None
    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: Any = None
    native_finish_reason: Any = None  # OpenRouter: the word of the provider behind it
    logprobs: Any = None
    error: Any = None
    usage: Any = None  # Moonshot
    text: Any = None  # the API before chat
    content_filter_results: Any = None  # Azure


class Chunk(Struct):
    """`chat.completion.chunk` and `chat.completion`."""

    id: Any = None
    model: Any = None
    object: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None
    message: Any = None
    detail: Any = None
    citations: Any = None
    search_results: Any = None
    images: Any = None  # Perplexity
    related_questions: Any = None  # Perplexity
    x_groq: Any = None
    prompt_filter_results: Any = None  # Azure

    @property
    def groq(self) -> dict[str, Any]:
        """What Groq adds: `usage` and `error`."""
        return lenient.fields(self.x_groq)

    @property
    def is_error(self) -> bool:
        """True for each of the shapes in which an error comes inside a 200 answer."""
        if self.error or self.groq.get("error"):
            return True
        return not self.choices and bool(self.object == "error" or self.message or self.detail)


_decoder = msgspec.json.Decoder(Chunk)


def read(data: bytes, target: Target) -> Chunk:
    """Decode one object. Raises `InvalidResponse` for what is none, and the error it may be."""
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        if faults.holds_error(data):
            raise faults.error_in_stream(data, target) from None
        return _read_leniently(data, target, str(error))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _read_leniently(data, target, str(error))


def as_text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Text, however it comes: a string, parts of text, or another value as JSON text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(_is_text(item) for item in value):
        return "".join(as_text(item["text"] if isinstance(item, dict) else item) for item in value)
    try:
        return msgspec.json.encode(value).decode()
    except (RecursionError, UnicodeEncodeError):
        message = "The provider sent an object where text belongs, and it can't be written as text."
        raise InvalidResponse(message) from None


def _is_text(item: object) -> bool:
    return isinstance(item, str) or (isinstance(item, dict) and isinstance(item.get("text"), str))


def _read_leniently(data: bytes, target: Target, reason: str) -> Chunk:
    try:
        return msgspec.convert(lenient.read(data, _JOINED), Chunk)
    except (ValueError, RecursionError):
        raise faults.unreadable(data, target, reason) from None
