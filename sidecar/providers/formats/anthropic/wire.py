"""The objects of the Messages API as they come over the wire, read leniently.

What an event can't do without has its type here; all else is `Any` and is looked at where it is
used: a server's odd `usage` must not cost the answer.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from sidecar.errors import InvalidResponse
from sidecar.providers.formats import faults, lenient
from sidecar.providers.vendor import Target

_Read = TypeVar("_Read")

_JOINED = ("text", "thinking", "partial_json")
"""Fields whose text comes in pieces: a half character in one may be completed by the next."""


class Delta(Struct):
    """`delta` of `content_block_delta` and of `message_delta`."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    signature: Any = None
    partial_json: Any = None
    citation: Any = None
    stop_reason: Any = None
    stop_details: Any = None


class Block(Struct):
    """`content_block`, and each of a whole message's `content`."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    signature: Any = None
    data: Any = None
    id: Any = None
    name: Any = None
    input: Any = None
    citations: Any = None


class Message(Struct):
    """A message: whole, or empty as `message_start` has it."""

    id: Any = None
    model: Any = None
    content: list[Block] | None = None
    stop_reason: Any = None
    stop_details: Any = None
    usage: Any = None


class Event(Struct):
    """One event of a stream."""

    type: Any = None
    index: Any = None
    message: Any = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: Any = None
    error: Any = None


class Whole(Message):
    """A whole answer, which may be an error all the same."""

    type: Any = None
    error: Any = None


_events = msgspec.json.Decoder(Event)
_answers = msgspec.json.Decoder(Whole)


def read_event(data: bytes, target: Target) -> Event:
    """Decode one event. Raises `InvalidResponse` for what is none."""
    try:
        return _events.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _leniently(data, Event, target, str(error))


def read_answer(data: bytes, target: Target) -> Whole:
    """Decode a whole answer. Raises `InvalidResponse` for what is none."""
    try:
        return _answers.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _leniently(data, Whole, target, str(error))


def _leniently(data: bytes, kind: type[_Read], target: Target, reason: str) -> _Read:
    try:
        return msgspec.convert(lenient.read(data, _JOINED), kind)
    except (ValueError, RecursionError):
        raise faults.unreadable(data, target, reason) from None


def as_json(value: object) -> str:
    """Return an object as JSON text."""
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, UnicodeEncodeError):
        return json.dumps(value)
    except RecursionError:
        message = "The provider sent a tool call whose input is nested too deeply."
        raise InvalidResponse(message) from None
