"""Tool calls as they are streamed, with their indexes, ids and names put in order.

The plain form: the first delta of an `index` has `id` and `name`, later ones append to
`arguments`. What servers really send, and what becomes of it:

* the same index for calls with different ids, each with a name: each id gets an index of its own;
* the same index, no ids: a name after whole arguments, another name, or a name again in the same
  chunk, starts a call;
* no index: a name starts a call, unless it comes with the last call's id or is the one that the
  last call waits for; anything else continues the last call;
* another id without a name (there are servers that make up one for each delta): continues the call
  at its index, or the last one, until that one's arguments are whole;
* the same id at different indexes, each with a name: each is a call; the later ones get new ids;
* the id, or the name, again in every delta: taken once;
* no id, an empty one or `"null"` (Mistral): one is made from the response's id and the index, the
  same at every decoding. A call that has been told under it keeps it when its id comes later;
* the arguments as an object instead of text: written as JSON text;
* the id first and the name later: held back until the name is there.

A name is told at once, with the first delta that has one. Names in pieces are not joined: no vendor
is known to send them, and to wait for more would hold up every call.

In a whole answer each entry is a call, whatever its index and id.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.lenient import fields, text
from sidecar.providers.formats.openai_chat.wire import CallDelta, Function, as_text
from sidecar.providers.formats.surrogates import SurrogateJoiner, whole
from sidecar.providers.pieces import Pieces
from sidecar.values import ToolCallDelta

MAX_CALLS = 4096
MAX_HELD = 8 * 1024 * 1024
"""Characters of arguments that wait for their call's name."""
_MAYBE_AN_END = ("}", " ", "\n", "\r", "\t")
"""The last characters of arguments that are worth to be read whether they are whole."""


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
    last: str = ""
    """The last piece of the arguments."""

    def is_whole(self) -> bool:
        """True where the arguments so far are JSON: nothing can be appended to them."""
        if self.last[-1:] not in _MAYBE_AN_END:
            return False
        try:
            msgspec.json.decode(self.told.text() + "".join(self.held))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return False
        return True


class ToolCalls:
    """The calls of one answer. `prefix` makes the ids of calls that came without one."""

    def __init__(self, signatures: dict[int, str] | None = None) -> None:
        self.prefix = "response"
        self._signatures = {} if signatures is None else signatures
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._in_this_chunk: set[int] = set()
        self._waiting = 0
        self._signed = 0

    def __bool__(self) -> bool:
        """True where there are any."""
        return bool(self._calls)

    def feed(self, deltas: list[CallDelta], *, are_whole: bool = False) -> list[ToolCallDelta]:
        """Take the deltas of one chunk. Raises `InvalidResponse` for more than can be meant."""
        found = []
        self._in_this_chunk.clear()
        for delta in deltas:
            function = _function(delta)
            given, index, name = _id(delta), _index(delta), text(function.name)
            written = as_text(function.arguments)
            call = None if are_whole else self._known(given, index, name, written)
            if call is None:
                call = self._begin(given, index)
            self._in_this_chunk.add(call.index)
            self._identify(call, given)
            call.name = call.name or name
            if delta.extra_content:
                self._sign(call, delta.extra_content)
            arguments = call.joiner.feed(written)
            if arguments:
                call.held.append(arguments)
                call.last = arguments
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
        if given is None or given in self._by_id:
            return
        if call.wire_id is None or call.wire_id == given:
            call.wire_id = given
            call.id = call.id or given
            self._by_id[given] = call

    def _sign(self, call: _Call, extra: object) -> None:
        """Keep `{"google": {"thought_signature"}}`, which the call has to go back with."""
        if signature := text(fields(fields(extra).get("google")).get("thought_signature")):
            self._signed += len(signature)
            if self._signed > MAX_HELD:
                message = f"Tool calls have more than {MAX_HELD} characters of signatures."
                raise InvalidResponse(message)
            self._signatures[call.index] = signature

    def _known(
        self, given: str | None, index: int | None, name: str | None, arguments: str
    ) -> _Call | None:
        """The call that a delta continues; None where it starts one."""
        if index is None:
            at_hand = self._calls[-1] if self._calls else None
        else:
            at_hand = self._at.get(index)
        if given is not None:
            if at_hand is not None and at_hand.wire_id == given:
                return at_hand
            if (same_id := self._by_id.get(given)) is not None:
                elsewhere = name and index is not None and index != same_id.wire_index
                return None if elsewhere and self._starts_anew(name, same_id) else same_id
        if at_hand is None:
            return None
        if name:
            another = given is not None and at_hand.wire_id is not None
            another = another or (index is None and at_hand.begun)
            return None if another or self._starts_anew(name, at_hand) else at_hand
        # An id alone starts no call: some servers make up another one for each delta.
        return None if given and arguments.strip() and at_hand.is_whole() else at_hand

    def _starts_anew(self, name: str | None, call: _Call) -> bool:
        if not call.begun:
            return False
        return name != call.name or call.index in self._in_this_chunk or call.is_whole()

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
    if delta.function is None and isinstance(delta.custom, dict):
        return Function(delta.custom.get("name"), delta.custom.get("input"))
    return delta.function or Function()


def _id(delta: CallDelta) -> str | None:
    return None if delta.id == "null" else text(delta.id)


def _index(delta: CallDelta) -> int | None:
    return delta.index if isinstance(delta.index, int) else None
