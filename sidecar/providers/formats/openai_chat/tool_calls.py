"""Tool calls as they are streamed, with their indexes, ids and names put in order.

The plain form: the first delta of an `index` has `id` and `name`, later ones append to
`arguments`. What servers really send, and what becomes of it:

* the same index for calls with different ids: each id gets an index of its own;
* the same index, no ids: a name after whole arguments, another name, or a name again in the same
  chunk, starts a call;
* no index: a new id starts a call, anything else continues the last one;
* the same id at different indexes, each with a name: each is a call; the later ones get new ids;
* the id, or the name, again in every delta: taken once;
* no id: one is made from the response's id and the index, the same at every decoding;
* the arguments as an object instead of text: written as JSON text;
* the id first and the name later: held back until the name is there.

In a whole answer each entry is a call, whatever its index and id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.openai_chat.surrogates import SurrogateJoiner, whole
from sidecar.providers.formats.openai_chat.wire import CallDelta, Custom, Function, as_text, text
from sidecar.providers.pieces import Pieces
from sidecar.values import ToolCallDelta

MAX_CALLS = 4096
MAX_HELD = 8 * 1024 * 1024
"""Characters of arguments that wait for their call's name."""


@dataclass(slots=True)
class _Call:
    index: int
    wire_index: int | None
    wire_id: str | None
    id: str | None = None
    name: str | None = None
    held: list[str] = field(default_factory=list)
    told: Pieces = field(default_factory=Pieces)
    joiner: SurrogateJoiner = field(default_factory=SurrogateJoiner)
    begun: bool = False


class ToolCalls:
    """The calls of one answer. `prefix` makes the ids of calls that came without one."""

    def __init__(self) -> None:
        self.prefix = "response"
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._in_this_chunk: set[int] = set()
        self._waiting = 0

    def __bool__(self) -> bool:
        """True where there are any."""
        return bool(self._calls)

    def feed(self, deltas: list[CallDelta], *, are_whole: bool = False) -> list[ToolCallDelta]:
        """Take the deltas of one chunk. Raises `InvalidResponse` for more than can be meant."""
        found = []
        self._in_this_chunk.clear()
        for delta in deltas:
            function = _function(delta)
            given, index, name = text(delta.id), _index(delta), text(function.name)
            call = None if are_whole else self._known(given, index, name)
            if call is None:
                call = self._begin(given, index)
            self._in_this_chunk.add(call.index)
            self._identify(call, given)
            call.name = call.name or name
            arguments = call.joiner.feed(as_text(function.arguments))
            if arguments:
                call.held.append(arguments)
            if call.name and (not call.begun or call.held):
                found.append(self._told(call))
            elif arguments:
                self._wait(arguments)
        return found

    def flush(self) -> list[ToolCallDelta]:
        """End of input: calls whose name never came, and half characters."""
        found = []
        for call in self._calls:
            if rest := call.joiner.flush():
                call.held.append(rest)
            if call.held or not call.begun:
                found.append(self._told(call))
        return found

    def _begin(self, given: str | None, index: int | None) -> _Call:
        if len(self._calls) >= MAX_CALLS:
            message = f"The answer has more than {MAX_CALLS} tool calls; it was broken off."
            raise InvalidResponse(message)
        call = _Call(len(self._calls), index, given)
        self._calls.append(call)
        if index is not None:
            self._at[index] = call
        return call

    def _identify(self, call: _Call, given: str | None) -> None:
        if call.id is None and given is not None and given not in self._by_id:
            call.id = call.wire_id = given
            self._by_id[given] = call

    def _known(self, given: str | None, index: int | None, name: str | None) -> _Call | None:
        """The call that a delta continues; None where it starts one."""
        at_index = None if index is None else self._at.get(index)
        if at_index is not None and given is not None and at_index.wire_id == given:
            return at_index
        same_id = None if given is None else self._by_id.get(given)
        if same_id is not None:
            # Another call may begin under the same id, but only when the first is whole.
            elsewhere = name and index is not None and index != same_id.wire_index
            return None if elsewhere and _is_whole(same_id.told.text()) else same_id
        if index is None:
            return None if given or name or not self._calls else self._calls[-1]
        if at_index is None or (given and at_index.id):
            return None  # another id at the same index: another call
        return None if name and not given and self._starts_anew(name, at_index) else at_index

    def _starts_anew(self, name: str, call: _Call) -> bool:
        if not call.begun:
            return False
        if name != call.name or call.index in self._in_this_chunk:
            return True
        return _is_whole(call.told.text())

    def _wait(self, arguments: str) -> None:
        self._waiting += len(arguments)
        if self._waiting > MAX_HELD:
            message = f"A tool call of more than {MAX_HELD} characters has no name."
            raise InvalidResponse(message)

    def _told(self, call: _Call) -> ToolCallDelta:
        arguments = "".join(call.held) or None
        call.held.clear()
        call.told.add(arguments or "")
        if call.begun:
            return ToolCallDelta(index=call.index, arguments=arguments)
        call.begun = True
        call.id = whole(call.id) or f"call_{self.prefix}_{call.index}"
        return ToolCallDelta(
            index=call.index, id=call.id, name=whole(call.name) or "", arguments=arguments or ""
        )


def _function(delta: CallDelta) -> Function:
    if delta.function is None and delta.custom is not None:
        custom: Custom = delta.custom
        return Function(custom.name, custom.input)
    return delta.function or Function()


def _index(delta: CallDelta) -> int | None:
    return delta.index if isinstance(delta.index, int) else None


def _is_whole(arguments: str) -> bool:
    """True where the arguments so far are JSON: nothing can be appended to them."""
    if not arguments.rstrip().endswith("}"):
        return False
    try:
        msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
