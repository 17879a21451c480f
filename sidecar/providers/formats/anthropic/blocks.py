"""Content blocks as they are streamed, put together.

https://platform.claude.com/docs/en/build-with-claude/streaming. Each block begins, grows by deltas
and ends; the next begins after that. A delta of a block whose beginning is missing begins it.
Blocks that AIResponse has no place for (what the provider's own tools do) are told and left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sidecar.errors import InvalidResponse
from sidecar.keys.redaction import scrub
from sidecar.providers.formats.anthropic import citations, places
from sidecar.providers.formats.anthropic.wire import Block, Delta, as_json
from sidecar.providers.formats.lenient import name_of, text
from sidecar.providers.formats.surrogates import SurrogateJoiner, whole
from sidecar.providers.pieces import Pieces
from sidecar.providers.sink import Facts
from sidecar.values import Citation, Reasoning, StreamChunk, ToolCallDelta

MAX_BLOCKS = 4096
"""Of thinking, of tool calls, and of those that are open at once."""
MAX_HELD = 8 * 1024 * 1024
"""Characters that no chunk has shown: signatures, encrypted thinking, citations of open blocks."""
_MAX_WORD = 200
_BEGINS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "tool_use"}
_NAMELESS = "A tool call came without a name; its arguments are kept."


@dataclass(slots=True)
class _Open:
    """A block that has begun and not ended."""

    kind: str
    start: int
    """Characters of content before it."""
    place: str | None = None
    call: int = 0
    input: object = None
    written: bool = False
    signature: str | None = None
    thought: Pieces = field(default_factory=Pieces)
    joiner: SurrogateJoiner = field(default_factory=SurrogateJoiner)
    citations: dict[Citation, None] = field(default_factory=dict)
    """A set in the order in which they came."""


class Blocks:
    """The blocks of one answer; `origin` is whose its thinking is.

    `prefix` makes the ids of calls that came without one.
    """

    def __init__(self, origin: str, facts: Facts) -> None:
        self.prefix = "response"
        self._origin = origin
        self._facts = facts
        self._open: dict[int | None, _Open] = {}
        self._said = 0
        self._calls = 0
        self._held = 0

    @property
    def calls(self) -> int:
        """How many tools are called."""
        return self._calls

    def begin(self, index: int | None, block: Block) -> list[StreamChunk]:
        """Take a block's beginning, which may hold all of it."""
        kind = text(block.type) or ""
        found = self.end(index) if index in self._open else []
        if len(self._open) >= MAX_BLOCKS:
            raise _too_many("open content blocks")
        opened = _Open(kind, self._said)
        self._open[index] = opened
        if kind == "text":
            for given in block.citations if isinstance(block.citations, list) else ():
                self._cite(opened, given)
            return found + self._text(opened, text(block.text))
        if kind == "thinking":
            opened.place = places.mark(self._said, self._calls)
            self._sign(opened, text(block.signature))
            return found + self._thinking(opened, text(block.thinking))
        if kind == "redacted_thinking":
            self._redacted(block)
        elif kind == "tool_use":
            return [*found, self._call(opened, block)]
        else:
            safe = scrub(kind, _MAX_WORD)
            self._facts.warn(
                f"A content block of type {safe!r} was left out; AIResponse has no place for it."
            )
        return found

    def grow(self, index: int | None, delta: Delta) -> list[StreamChunk]:
        """Take a delta."""
        kind = text(delta.type) or ""
        found: list[StreamChunk] = []
        if index not in self._open and kind in _BEGINS:
            found = self.begin(index, Block(type=_BEGINS[kind]))
        opened = self._open.get(index)
        if opened is None:
            self._unknown(kind)
            return found
        match kind, opened.kind:
            case "text_delta", "text":
                found += self._text(opened, text(delta.text))
            case "thinking_delta", "thinking":
                found += self._thinking(opened, text(delta.thinking))
            case "signature_delta", "thinking":
                self._sign(opened, text(delta.signature))
            case "citations_delta", "text":
                self._cite(opened, delta.citation)
            case "input_json_delta", "tool_use":
                found += self._arguments(opened, text(delta.partial_json))
            case _, "text" | "thinking" | "redacted_thinking" | "tool_use":
                self._unknown(kind)
            case _:
                pass  # of a block that was left out, and told
        return found

    def _unknown(self, kind: str) -> None:
        safe = scrub(kind, _MAX_WORD)
        self._facts.warn(f"A delta of type {safe!r} is unknown here and was left out.")

    def end(self, index: int | None) -> list[StreamChunk]:
        """Take a block's end."""
        opened = self._open.pop(index, None)
        if opened is None:
            return []
        if opened.kind == "text":
            return self._end_text(opened)
        if opened.kind == "thinking":
            return self._end_thinking(opened)
        if opened.kind == "tool_use":
            return self._end_call(opened)
        return []

    def end_all(self) -> list[StreamChunk]:
        """End of the answer: what has not ended by then ends now."""
        return [chunk for index in list(self._open) for chunk in self.end(index)]

    # --- text ---

    def _text(self, opened: _Open, piece: str | None) -> list[StreamChunk]:
        return self._content(opened.joiner.feed(piece)) if piece else []

    def _content(self, piece: str | None) -> list[StreamChunk]:
        if not piece:
            return []
        self._said += len(piece)
        return [StreamChunk(content=piece)]

    def _end_text(self, opened: _Open) -> list[StreamChunk]:
        found = self._content(opened.joiner.flush())
        cited = citations.placed(opened.citations, opened.start, self._said)
        return [*found, StreamChunk(citations=cited)] if cited else found

    def _cite(self, opened: _Open, given: object) -> None:
        citation = citations.read(given)
        if citation is not None and citation not in opened.citations:
            opened.citations[citation] = None
            self._hold(citations.size(citation))

    # --- thinking ---

    def _thinking(self, opened: _Open, piece: str | None) -> list[StreamChunk]:
        return self._thought(opened, opened.joiner.feed(piece)) if piece else []

    def _thought(self, opened: _Open, piece: str | None) -> list[StreamChunk]:
        if not piece:
            return []
        opened.thought.add(piece)
        return [StreamChunk(reasoning=piece)]

    def _sign(self, opened: _Open, signature: str | None) -> None:
        if signature is not None:
            self._hold(len(signature))
            opened.signature = whole(signature)

    def _end_thinking(self, opened: _Open) -> list[StreamChunk]:
        found = self._thought(opened, opened.joiner.flush())
        thought = opened.thought.text() or None
        if thought is not None or opened.signature is not None:
            self._add(
                Reasoning(
                    text=thought, signature=opened.signature, id=opened.place, origin=self._origin
                )
            )
        return found

    def _redacted(self, block: Block) -> None:
        data = whole(text(block.data))
        if data is None:
            return
        self._hold(len(data))
        place = places.mark(self._said, self._calls)
        self._add(Reasoning(data=data, id=place, origin=self._origin))

    def _add(self, reasoning: Reasoning) -> None:
        if len(self._facts.reasoning) >= MAX_BLOCKS:
            raise _too_many("blocks of thinking")
        self._facts.reasoning.append(reasoning)

    def _hold(self, characters: int) -> None:
        self._held += characters
        if self._held > MAX_HELD:
            raise _too_many("characters of citations and of encrypted thinking", MAX_HELD)

    # --- tool calls ---

    def _call(self, opened: _Open, block: Block) -> StreamChunk:
        if self._calls >= MAX_BLOCKS:
            raise _too_many("tool calls")
        opened.call, opened.input = self._calls, block.input
        self._calls += 1
        called = whole(text(block.name)) or ""
        if not called:
            self._facts.warn(_NAMELESS)
        made = f"call_{self.prefix}_{opened.call}"
        call = ToolCallDelta(
            index=opened.call, id=name_of(whole(text(block.id))) or made, name=called, arguments=""
        )
        return StreamChunk(tool_calls=[call])

    def _arguments(self, opened: _Open, piece: str | None) -> list[StreamChunk]:
        return self._written(opened, opened.joiner.feed(piece)) if piece else []

    def _written(self, opened: _Open, piece: str | None) -> list[StreamChunk]:
        if not piece:
            return []
        opened.written = True
        call = ToolCallDelta(index=opened.call, arguments=piece)
        return [StreamChunk(tool_calls=[call])]

    def _end_call(self, opened: _Open) -> list[StreamChunk]:
        found = self._written(opened, opened.joiner.flush())
        if not opened.written:
            # A whole answer has them in one piece; a call without any has none at all.
            given = {} if opened.input is None else opened.input
            found += self._written(opened, given if isinstance(given, str) else as_json(given))
        return found


def _too_many(what: str, most: int = MAX_BLOCKS) -> InvalidResponse:
    return InvalidResponse(f"The answer has more than {most} {what}; it was broken off.")
