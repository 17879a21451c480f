"""What an answer says: its items, as events tell of them piece by piece and again whole."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from sidecar.keys.redaction import scrub
from sidecar.providers.formats.lenient import fields
from sidecar.providers.formats.openai_chat.tool_calls import ToolCalls
from sidecar.providers.formats.openai_chat.wire import CallDelta, Function, as_text
from sidecar.providers.formats.openai_responses import layout
from sidecar.providers.formats.openai_responses.items import Item, Items
from sidecar.providers.formats.openai_responses.keeping import Keeper
from sidecar.providers.formats.openai_responses.layout import Entry
from sidecar.providers.formats.openai_responses.sources import Sources
from sidecar.providers.formats.openai_responses.told import Key, Kind, Told
from sidecar.providers.formats.openai_responses.wire import Event, number, objects, word
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import StreamChunk, ToolCallDelta

_MAX_WORD = 200
_CALLS: dict[str, tuple[layout.Kind, str]] = {
    "function_call": ("function_call", "arguments"),
    "custom_tool_call": ("custom_tool_call", "input"),
}

# Events by what they bring: the kind of their item, of their text, and whether that is whole.
_TEXTS: dict[str, tuple[str, Kind, str]] = {
    "response.output_text": ("message", "text", "text"),
    "response.refusal": ("message", "refusal", "refusal"),
    "response.reasoning_summary_text": ("reasoning", "summary", "text"),
    "response.reasoning_text": ("reasoning", "thought", "text"),
    "response.reasoning": ("reasoning", "thought", "text"),  # some servers' older name
    "response.function_call_arguments": ("function_call", "arguments", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "arguments", "input"),
}
_PARTS: dict[str, tuple[str, Kind, str]] = {
    "output_text": ("message", "text", "text"),
    "text": ("message", "text", "text"),
    "refusal": ("message", "refusal", "refusal"),
    "summary_text": ("reasoning", "summary", "text"),
    "reasoning_text": ("reasoning", "thought", "text"),
}
_ADDED = ("response.content_part.added", "response.reasoning_summary_part.added")
_PART_DONE = ("response.content_part.done", "response.reasoning_summary_part.done")
_ANNOTATION = (
    "response.output_text.annotation.added",
    "response.output_text_annotation.added",  # its name at first
)


class Saying:
    """The items of one answer, and what of them has been told."""

    def __init__(self, target: Target, facts: Facts) -> None:
        self._facts = facts
        self._items = Items()
        self._told = Told(facts)
        self._sources = Sources(facts)
        self._calls = ToolCalls()
        self._call_ids: dict[int, str] = {}
        self._begins: dict[Key, int] = {}
        self._logprobs: dict[Key, int] = {}
        self._length = 0
        """Characters of content so far."""
        self._thinking: Key | None = None
        """The text of reasoning that was told last."""
        self._keeper = Keeper(target.vendor.name, facts)

    def __bool__(self) -> bool:
        """True where the answer has any item."""
        return bool(self._items.all)

    @property
    def calls(self) -> bool:
        """True where it has tool calls."""
        return bool(self._calls)

    @property
    def prefix(self) -> str:
        """What makes the ids of calls that came without one."""
        return self._calls.prefix

    @prefix.setter
    def prefix(self, value: str) -> None:
        self._calls.prefix = value

    def event(self, kind: str, event: Event) -> list[StreamChunk] | None:
        """Take an event; None for one that is unknown."""
        subject, _, what = kind.rpartition(".")
        if what in ("delta", "done") and subject in _TEXTS:
            of, texts, name = _TEXTS[subject]
            item = self._item(of, event)
            given = event.delta if what == "delta" else getattr(event, name)
            key = (item.number, texts, _place(texts, event))
            logprobs = event.logprobs if texts == "text" else None
            return self._text(item, key, as_text(given), whole_text=what == "done") + (
                self._probable(key, logprobs, whole_text=what == "done") if logprobs else []
            )
        if kind in _PART_DONE:
            return self._part(event)
        if kind in _ANNOTATION:
            item = self._item("message", event)
            return self._cite((item.number, "text", _place("text", event)), [event.annotation])
        if kind in ("response.output_item.added", "response.output_item.done"):
            given = fields(event.item)
            where = (_kind(given), number(event.output_index), word(given.get("id")))
            if what == "added":
                return self._announce(self._items.announced(*where), given)
            return self._whole(self._items.find(*where) or self._items.begin(*where), given)
        return [] if kind in _ADDED else None

    def response(self, response: dict[str, Any]) -> list[StreamChunk]:
        """Take the whole response: what has not been told of it."""
        before = list(self._items.all)
        met: Counter[str] = Counter()
        found: list[StreamChunk] = []
        for index, given in enumerate(objects(response.get("output"))):
            where = (_kind(given), index, word(given.get("id")))
            item = self._items.find(*where)
            if item is None:
                # Proxies give it another id, and may have left others out: its place among those
                # of its kind tells which it is.
                like_it = [each for each in before if each.kind == where[0]]
                place = met[where[0]]
                item = like_it[place] if place < len(like_it) else self._items.begin(*where)
            met[where[0]] += 1
            found += self._whole(item, given)
        return found

    def entries(self) -> list[Entry]:
        """The order of the items that are whole."""
        return [item.entry for item in self._items.all if item.entry is not None]

    def flush(self) -> list[StreamChunk]:
        """End of input: half characters, and calls whose name never came."""
        found = []
        for key, rest in self._told.flush():
            found += self._as_chunk(self._items.all[key[0]], key, rest)
        calls = self._calls.flush()
        if any(call.name == "" for call in calls):
            self._facts.warn("A tool call came without a name; its arguments are kept.")
        return [*found, StreamChunk(tool_calls=calls)] if calls else found

    # --- texts ---

    def _item(self, kind: str, event: Event) -> Item:
        index, item_id = number(event.output_index), word(event.item_id)
        item = self._items.find(kind, index, item_id)
        return item or self._items.begin(kind, index, item_id)

    def _text(self, item: Item, key: Key, given: str, *, whole_text: bool) -> list[StreamChunk]:
        take = self._told.rest if whole_text else self._told.piece
        said = take(key, given)
        return self._as_chunk(item, key, said) if said else []

    def _as_chunk(self, item: Item, key: Key, said: str) -> list[StreamChunk]:
        match key[1]:
            case "text":
                self._begins.setdefault(key, self._length)
                self._length += len(said)
                item.length += len(said)
                return [StreamChunk(content=said)]
            case "refusal":
                return [StreamChunk(refusal=said)]
            case "arguments":
                deltas = self._calls.feed([CallDelta(item.number, None, Function(None, said))])
                return self._called(item, deltas)
            case _:
                # Parts of a summary are paragraphs, each with a heading of its own.
                apart = "\n\n" if self._thinking not in (None, key) else ""
                self._thinking = key
                return [StreamChunk(reasoning=apart + said)]

    def _part(self, event: Event) -> list[StreamChunk]:
        part = fields(event.part)
        known = _PARTS.get(as_text(part.get("type")))
        if known is None:
            return []  # its item says it again, and is then told of
        item = self._item(known[0], event)
        return self._whole_part(item, part, known, _place(known[1], event))

    def _whole_part(
        self, item: Item, part: dict[str, Any], known: tuple[str, Kind, str], place: int
    ) -> list[StreamChunk]:
        _, kind, name = known
        key = (item.number, kind, place)
        found = self._text(item, key, as_text(part.get(name)), whole_text=True)
        if kind == "text":
            found += self._cite(key, part.get("annotations"))
            found += self._probable(key, part.get("logprobs"), whole_text=True)
        return found

    def _cite(self, key: Key, annotations: object) -> list[StreamChunk]:
        given = annotations if isinstance(annotations, list) else []
        new = self._sources.of(given, self._begins.get(key, self._length)) if given else None
        return [StreamChunk(citations=new)] if new else []

    def _probable(self, key: Key, logprobs: object, *, whole_text: bool) -> list[StreamChunk]:
        """Tell logprobs; where they come with the whole text, those that did not come before."""
        given = logprobs if isinstance(logprobs, list) else []
        told = self._logprobs.get(key, 0)
        new = given[told:] if whole_text else given
        if not new:
            return []
        try:
            msgspec.json.encode(new)
        except (UnicodeEncodeError, RecursionError):
            self._facts.warn("The provider's logprobs can't be read and were left out.")
            return []
        self._logprobs[key] = told + len(new)
        return [StreamChunk(logprobs={"content": new})]

    # --- items ---

    def _announce(self, item: Item, given: dict[str, Any]) -> list[StreamChunk]:
        """A call is told at once; of all else its texts tell."""
        if item.kind not in _CALLS or item.call is not None:
            return []
        function = Function(given.get("name"), None)
        call_id = word(given.get("call_id")) or word(given.get("id"))
        return self._called(item, self._calls.feed([CallDelta(item.number, call_id, function)]))

    def _called(self, item: Item, deltas: list[ToolCallDelta]) -> list[StreamChunk]:
        for delta in deltas:
            if delta.id is not None:
                item.call = delta.index
                self._call_ids[delta.index] = delta.id
        return [StreamChunk(tool_calls=deltas)] if deltas else []

    def _whole(self, item: Item, given: dict[str, Any]) -> list[StreamChunk]:
        """An item that is whole: whatever of it was not told before, and how it goes back."""
        if item.done:
            return []
        item.done = True
        kind = item.kind
        if (call := _CALLS.get(kind)) is not None:
            found = self._announce(item, given)
            arguments = as_text(given.get(call[1]))
            found += self._text(item, (item.number, "arguments", 0), arguments, whole_text=True)
            if item.call is not None:
                item.entry = Entry(kind=call[0], id=self._call_ids[item.call])
            return found
        if kind == "message":
            found = self._parts(item, given.get("content"))
            phase = whole(word(given.get("phase")))
            item.entry = Entry(kind="message", length=item.length, phase=phase)
            return found
        if kind == "reasoning":
            found = self._parts(item, given.get("summary"))
            found += self._parts(item, given.get("content"))
            item.entry = self._keeper.reasoning(given)
            return found
        item.entry = self._keeper.other(kind, given)
        return []

    def _parts(self, item: Item, content: object) -> list[StreamChunk]:
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        found: list[StreamChunk] = []
        for place, part in enumerate(objects(content)):
            kind = as_text(part.get("type"))
            known = _PARTS.get(kind)
            if known is not None and item.kind == "reasoning" and known[0] == "message":
                known = _PARTS["reasoning_text"]
            if known is None or known[0] != item.kind:
                name = scrub(kind, _MAX_WORD)
                self._facts.warn(f"A content part of type {name!r} is unknown and was left out.")
                continue
            found += self._whole_part(item, part, known, place)
        return found


def _kind(given: dict[str, Any]) -> str:
    return whole(word(given.get("type"))) or "item without a type"


def _place(kind: Kind, event: Event) -> int:
    if kind == "arguments":
        return 0
    return number(event.summary_index if kind == "summary" else event.content_index) or 0
