"""The objects of /api/chat as they come over the wire, read leniently.

What an answer can't do without has its type here; all else is `Any` and is looked at where it is
used. Arguments stay the JSON text that they came as.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Raw, Struct

from sidecar.errors import InvalidResponse
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.vendor import Target

_JOINED = ("content", "thinking")
"""Fields whose text comes in pieces: a half character in one may be completed by the next."""


class Function(Struct):
    """`message.tool_calls[].function`."""

    name: Any = None
    arguments: Raw = Raw(b"")


class Call(Struct):
    """`message.tool_calls[]`."""

    id: Any = None
    function: Function | None = None


class Message(Struct):
    """`message`."""

    content: Any = None
    thinking: Any = None
    tool_calls: list[Call] | None = None
    images: Any = None


class Answer(Struct):
    """One line of a stream, or the whole of an answer."""

    model: Any = None
    created_at: Any = None
    message: Message | None = None
    done: Any = None
    done_reason: Any = None
    prompt_eval_count: Any = None
    eval_count: Any = None
    logprobs: Any = None
    error: Any = None


_decoder = msgspec.json.Decoder(Answer)


def read(data: bytes, target: Target) -> Answer:
    """Decode one object. Raises `InvalidResponse` for what is none, and the error it may be."""
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError as error:
        if holds_error(data):
            raise faults.error_in_stream(data, target) from None
        reason = str(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error)
    try:
        return msgspec.convert(_with_texts(lenient.read(data, _JOINED)), Answer)
    except (ValueError, RecursionError):
        raise faults.unreadable(data, target, reason) from None


def holds_error(data: bytes) -> bool:
    """True for Ollama's error, and for those of proxies: a `message` of its own is an object."""
    try:
        found = lenient.fields(lenient.read(data))
    except (ValueError, RecursionError):
        return False
    texts = (found.get("message"), found.get("detail"))
    return bool(found.get("error")) or any(lenient.text(each) for each in texts)


def as_text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Text; another value as JSON text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        message = "The provider sent an object where text belongs, and it can't be written as text."
        raise InvalidResponse(message) from None


def _with_texts(answer: Any) -> Any:  # noqa: ANN401 - any JSON
    """Put arguments that were read, mended, back into text."""
    calls = lenient.fields(lenient.fields(answer).get("message")).get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = lenient.fields(lenient.fields(call).get("function"))
        if "arguments" in function:
            written = json.dumps(function["arguments"], ensure_ascii=False)
            function["arguments"] = Raw((whole(written) or "").encode())
    return answer
