"""Function calls, whole or in pieces, as tool calls with ids and indexes.

https://ai.google.dev/gemini-api/docs/function-calling. What comes, and what becomes of it:

* `{name, args}`: a call, whole. Parallel ones are parts of their own, without an index: each gets
  the next one;
* `{name, willContinue: true}`, then `{partialArgs, willContinue: true}`, …, then `{}`: one call,
  its arguments in pieces. It ends at the first piece that does not say `willContinue`; where none
  does, at whatever else comes next;
* an `id`, which models before Gemini 3 do not give: where there is none, or one that another call
  had, it is made from the response's id and the index, the same at every decoding;
* a call whose end never came: closed where the answer came to its end all the same; left as it is,
  and told, where the answer was cut off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.gemini.arguments import ArgumentsText
from sidecar.providers.formats.lenient import text
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.sink import Facts
from sidecar.values import ToolCallDelta

MAX_CALLS = 4096


@dataclass(slots=True)
class _Call:
    index: int
    name: str | None
    wire_id: str | None
    arguments: ArgumentsText = field(default_factory=ArgumentsText)
    in_pieces: bool = False
    is_written: bool = False
    """True once its arguments came whole."""

    def close(self) -> str:
        return "" if self.is_written else self.arguments.close()


class ToolCalls:
    """The calls of one answer. `prefix` makes the ids of calls that came without one."""

    def __init__(self, facts: Facts) -> None:
        self.prefix = "response"
        self._facts = facts
        self._count = 0
        self._ids: set[str] = set()
        self._open: _Call | None = None

    def feed(self, given: dict[str, Any]) -> list[ToolCallDelta]:
        """Take one part's call. Raises `InvalidResponse` for more than can be meant."""
        name, pieces = text(given.get("name")), given.get("partialArgs")
        call, found = self._open, []
        if call is None or _starts_anew(call, given):
            found = self.end()
            if not (name or given.get("id") or given.get("args") or pieces):
                return found  # the end of a call that had ended
            call = self._open = self._begin(name, text(given.get("id")))
            began = True
        else:
            began = False
        told = self._arguments(call, given.get("args"), pieces)
        if given.get("willContinue") is not True:
            told += call.close()
            self._open = None
        if began:
            call_id = self._id_of(call)
            first = ToolCallDelta(index=call.index, id=call_id, name=name or "", arguments=told)
            return [*found, first]
        return [*found, ToolCallDelta(index=call.index, arguments=told)] if told else found

    def sign(self, signature: str) -> None:
        """Keep the signature of the part that was fed last."""
        if self._count:
            self._facts.signatures[self._count - 1] = signature

    def end(self) -> list[ToolCallDelta]:
        """Something else follows: the call that is open, if one is, has all its arguments."""
        call, self._open = self._open, None
        rest = call.close() if call is not None else ""
        return [ToolCallDelta(index=call.index, arguments=rest)] if call and rest else []

    def flush(self, *, cut_off: bool) -> list[ToolCallDelta]:
        """End of input."""
        if self._open is not None and cut_off:
            self._facts.warn("The answer ended within a tool call; its arguments are not whole.")
            self._open = None
        return self.end()

    def _begin(self, name: str | None, wire_id: str | None) -> _Call:
        if self._count >= MAX_CALLS:
            message = f"The answer has more than {MAX_CALLS} tool calls; it was broken off."
            raise InvalidResponse(message)
        if name is None:
            self._facts.warn("A tool call came without a name; its arguments are kept.")
        call = _Call(self._count, name, wire_id)
        self._count += 1
        return call

    def _arguments(self, call: _Call, args: object, pieces: object) -> str:
        if pieces:
            call.in_pieces = True
            return call.arguments.feed(pieces, self._facts)
        if not args:
            return ""
        if call.in_pieces or call.is_written:
            self._facts.warn("A tool call's arguments came twice; the first are kept.")
            return ""
        call.is_written = True
        return _written(args)

    def _id_of(self, call: _Call) -> str:
        found = whole(call.wire_id)
        if not found or found in self._ids:
            found = f"call_{self.prefix}_{call.index}"
        self._ids.add(found)
        return found


def _starts_anew(call: _Call, given: dict[str, Any]) -> bool:
    """Whether this is another call than the open one, whose name each piece may repeat."""
    name, call_id = text(given.get("name")), text(given.get("id"))
    if call_id is not None and call.wire_id is not None:
        return call_id != call.wire_id
    return name is not None and not (name == call.name and given.get("partialArgs"))


def _written(args: object) -> str:
    if isinstance(args, str):
        return whole(args) or ""
    try:
        return msgspec.json.encode(args).decode()
    except UnicodeEncodeError:  # half a character, in a field whose text may come in pieces
        return whole(json.dumps(args, ensure_ascii=False)) or ""
    except RecursionError:
        message = "The provider sent a tool call's arguments, and they can't be written as text."
        raise InvalidResponse(message) from None
