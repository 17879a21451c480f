"""In which order an answer's items stood, kept in the answer's own message.

AIMessage has reasoning, text and calls apart; this API wants them back as they came, since a
reasoning item belongs to the one that follows it. Where they came in the plain order (reasoning,
one text, calls) nothing has to be kept. Else, and where there are things that AIMessage has no
place for (a message's phase, items of the provider's own tools), the order is one opaque block of
the message's reasoning, with a signature alone, which nobody but this room reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import Struct

from sidecar.errors import InvalidParams
from sidecar.values import Reasoning

Kind = Literal["reasoning", "message", "function_call", "custom_tool_call", "item"]
_PLAIN: tuple[Kind, ...] = ("reasoning", "message", "function_call")
MAX_KEPT = 1024 * 1024
"""Bytes of items that are kept as they are."""


class Entry(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """One item of an answer."""

    kind: Kind
    id: str | None = None
    """A reasoning item's id, or a call's `call_id`."""
    length: int = 0
    """How many characters of the content are a message's own."""
    phase: str | None = None
    item: dict[str, Any] | None = None
    """An item that AIMessage has no place for, whole."""


_decoder = msgspec.json.Decoder(list[Entry])


def block(entries: Sequence[Entry], origin: str) -> Reasoning | None:
    """Return what has to be kept of the order; None where it is the plain one."""
    if _is_plain(entries):
        return None
    return Reasoning(signature=msgspec.json.encode(entries).decode(), origin=origin)


def is_block(reasoning: Reasoning) -> bool:
    """True for what `block` has made, of those blocks that are of this origin."""
    rest = (reasoning.text, reasoning.summary, reasoning.data, reasoning.id)
    return reasoning.signature is not None and not any(rest)


def read(reasoning: Reasoning, path: str) -> list[Entry]:
    """Read what `block` has made. Raises `InvalidParams` where it was changed."""
    try:
        return _decoder.decode(reasoning.signature or "")
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        message = "This signature is not one that the sidecar has given."
        hint = "Send `response.message` back unchanged, or leave its `reasoning` out."
        raise InvalidParams(message, path=f"{path}.signature", hint=hint) from None


def _is_plain(entries: Sequence[Entry]) -> bool:
    if any(entry.kind not in _PLAIN or entry.phase is not None for entry in entries):
        return False
    if sum(entry.kind == "message" for entry in entries) > 1:
        return False
    places = [_PLAIN.index(entry.kind) for entry in entries]
    return places == sorted(places)
