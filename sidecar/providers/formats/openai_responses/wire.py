"""The events of a Responses stream as they come over the wire, read leniently.

All but the kind of an event is looked at where it is used: what is odd in one field must not cost
the answer. Items and whole responses stay the dictionaries that they are.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from sidecar.providers.formats import lenient
from sidecar.providers.formats.faults import unreadable
from sidecar.providers.formats.lenient import text
from sidecar.providers.vendor import Target

_JOINED = ("delta",)
"""The field whose text comes in pieces: a half character in one may be completed by the next."""


class Event(Struct):
    """One event of a stream."""

    type: Any = None
    response: Any = None
    item: Any = None
    part: Any = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    annotation: Any = None
    logprobs: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    item_id: Any = None
    error: Any = None
    message: Any = None
    detail: Any = None

    @property
    def is_error(self) -> bool:
        """True for each of the shapes in which an error comes inside a 200 answer."""
        bare = self.type is None and (self.message or self.detail)
        return self.type == "error" or bool(self.error or bare)


_decoder = msgspec.json.Decoder(Event)


def read(data: bytes, target: Target) -> Event:
    """Decode one event. Raises `InvalidResponse` for what is none."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            return msgspec.convert(lenient.read(data, _JOINED), Event)
        except (ValueError, RecursionError):
            raise unreadable(data, target, str(error)) from None


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; what is something else in it is skipped."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(value: object) -> int | None:
    """A place in a list."""
    return lenient.count(value)


def word(value: object) -> str | None:
    """An id or another word; None where there is none (`"null"` is what some servers write)."""
    return None if value == "null" else text(value)
