"""Tool calls as they are streamed, with their indexes, ids and names put in order.

The plain form: the first delta of an `index` has `id` and `name`, later ones append to
`arguments`. What servers really send, and what becomes of it:

* the same index for calls with different ids: each id gets an index of its own;
* the same index, no ids: a name after whole arguments, or another name, starts a call;
* no index: a new id starts a call, anything else continues the last one;
* the id, or the name, again in every delta: taken once;
* no id: one is made from the response's id and the index, the same at every decoding;
* the arguments as an object instead of text: written as JSON text;
* the id first and the name later: held back until the name is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Struct

from sidecar.values import ToolCallDelta


class _Function(Struct):
    name: str | None = None
    arguments: str | dict[str, Any] | list[Any] | None = None


class CallDelta(Struct):
    """`choices[].delta.tool_calls[]` on the wire."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None


@dataclass(slots=True)
class _Call:
    index: int
    id: str | None
    name: str | None = None
    held: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    begun: bool = False


class ToolCalls:
    """The calls of one answer. `prefix` makes the ids of calls that came without one."""

    def __init__(self) -> None:
        self.prefix = "response"
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}

    def feed(self, deltas: list[CallDelta]) -> list[ToolCallDelta] | None:
        """Take the deltas of one chunk."""
        found = []
        for delta in deltas:
            call = self._call_of(delta)
            function = delta.function or _Function()
            call.name = call.name or function.name
            arguments = _as_text(function.arguments)
            if arguments:
                call.held.append(arguments)
            if call.name and (not call.begun or call.held):
                found.append(self._told(call))
        return found or None

    def flush(self) -> list[ToolCallDelta]:
        """End of input: calls whose name never came."""
        return [self._told(call) for call in self._calls if not call.begun]

    def _call_of(self, delta: CallDelta) -> _Call:
        known = self._known(delta)
        if known is not None:
            known.id = known.id or delta.id or None
            return known
        call = _Call(len(self._calls), delta.id or None)
        self._calls.append(call)
        if delta.index is not None:
            self._at[delta.index] = call
        return call

    def _known(self, delta: CallDelta) -> _Call | None:
        """The call that this delta continues; None where it starts one."""
        same_id = next((call for call in self._calls if delta.id and call.id == delta.id), None)
        if same_id is not None:
            return same_id
        if delta.index is None:
            last = self._calls[-1] if self._calls else None
            starts = delta.id or (delta.function and delta.function.name)
            return None if starts else last
        at_index = self._at.get(delta.index)
        if at_index is None or (delta.id and at_index.id):
            return None  # another id at the same index: another call
        return None if _starts_anew(delta, at_index) else at_index

    def _told(self, call: _Call) -> ToolCallDelta:
        arguments = "".join(call.held) or None
        call.told += call.held
        call.held.clear()
        if call.begun:
            return ToolCallDelta(index=call.index, arguments=arguments)
        call.begun = True
        call.id = call.id or f"call_{self.prefix}_{call.index}"
        return ToolCallDelta(
            index=call.index, id=call.id, name=call.name or "", arguments=arguments or ""
        )


def _starts_anew(delta: CallDelta, call: _Call) -> bool:
    name = delta.function.name if delta.function else None
    if delta.id or not name or not call.begun:
        return False
    return name != call.name or _is_json("".join(call.told))


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return True


def _as_text(arguments: str | dict[str, Any] | list[Any] | None) -> str | None:
    if arguments is None or isinstance(arguments, str):
        return arguments
    return msgspec.json.encode(arguments).decode()
