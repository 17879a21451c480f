"""Answers of the Messages API, whole or streamed, into chunks.

https://platform.claude.com/docs/en/api/messages. The whole answer takes the way of a stream: each
of its blocks begins and ends. So there is one place that knows what a field means.
"""

from __future__ import annotations

import msgspec

from sidecar.errors import InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.anthropic import wire
from sidecar.providers.formats.anthropic.blocks import Blocks
from sidecar.providers.formats.anthropic.conversation import origin_of
from sidecar.providers.formats.anthropic.usage import Usage
from sidecar.providers.formats.anthropic.wire import Delta
from sidecar.providers.formats.lenient import text
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import FinishReason, StreamChunk

# https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_MAX_WORD = 200
_MAX_SAID = 2000


class MessagesDecoder:
    """Decodes the events of one stream."""

    def __init__(self, target: Target, facts: Facts) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._blocks = Blocks(origin_of(target), facts)
        self._usage = Usage(facts)
        self._finish_reason: FinishReason | None = None
        self._anything = False

    def feed(self, event: Event) -> list[StreamChunk]:
        """Decode one event. Raises the provider's error where it reports one inside the stream."""
        data = event.data.strip()
        if self.done or not data or event.event == "ping":
            return []
        if event.event == "error":
            raise faults.error_in_stream(data, self._target)
        try:
            read = wire.read_event(data, self._target)
        except InvalidResponse as error:
            return self._unreadable(event.event, data, error)
        if read.type == "error" or (read.type is None and faults.holds_error(data)):
            raise faults.error_in_stream(data, self._target)
        return self._take(read)

    def flush(self) -> list[StreamChunk]:
        """End of input. Raises `TruncatedStream` where no end was announced."""
        name = self._target.vendor.display_name
        if self._finish_reason is None and not self.done:
            message = f"{name} ended the stream before it was done."
            raise TruncatedStream(message, provider=self._target.vendor.name)
        if self._finish_reason is None and not self._anything:
            message = f"{name} sent an empty stream."
            raise InvalidResponse(message, provider=self._target.vendor.name)
        chunks = self._blocks.end_all()
        if self._finish_reason is None:
            assumed: FinishReason = "tool_calls" if self._blocks.calls else "stop"
            self._facts.warn(f"The provider gave no finish reason; `{assumed}` is assumed.")
            chunks.append(StreamChunk(finish_reason=assumed))
        return chunks

    @property
    def finished(self) -> bool:
        """True once a stop reason came."""
        return self._finish_reason is not None

    def begin(self, message: wire.Message) -> list[StreamChunk]:
        """Take a message's beginning, or all of it."""
        facts = self._facts
        facts.model = facts.model or lenient.name_of(message.model)
        if facts.response_id is None and (found := lenient.name_of(message.id)):
            facts.response_id = self._blocks.prefix = found
        self._usage.add(message.usage)
        chunks: list[StreamChunk] = []
        for at, block in enumerate(message.content or ()):
            chunks += self._blocks.begin(at, block) + self._blocks.end(at)
        if message.stop_reason is not None:
            ended = Delta(stop_reason=message.stop_reason, stop_details=message.stop_details)
            chunks += self._end(ended)
        self._anything = self._anything or bool(chunks)
        return chunks

    def _take(self, event: wire.Event) -> list[StreamChunk]:
        index = event.index if isinstance(event.index, int) else None
        match event.type:
            case "content_block_delta":
                chunks = self._blocks.grow(index, event.delta or Delta())
            case "content_block_start":
                chunks = self._blocks.begin(index, event.content_block or wire.Block())
            case "content_block_stop":
                chunks = self._blocks.end(index)
            case "message_start":
                return self.begin(self._message(event.message))
            case "message_delta":
                self._usage.add(event.usage)
                chunks = self._end(event.delta or Delta())
            case "message_stop":
                self.done = True
                return []
            case _:
                self._unknown(event.type)
                return []
        self._anything = self._anything or bool(chunks)
        return chunks

    def _message(self, given: object) -> wire.Message:
        try:
            return msgspec.convert(lenient.fields(given), wire.Message)
        except msgspec.ValidationError as error:
            raise faults.unreadable(
                wire.as_json(given).encode(), self._target, str(error)
            ) from None

    def _end(self, delta: Delta) -> list[StreamChunk]:
        """Take why the answer ended, and what it took."""
        chunks = self._blocks.end_all()
        word = text(delta.stop_reason)
        said = StreamChunk(
            refusal=self._refusal(delta.stop_details) if word == "refusal" else None,
            finish_reason=self._finish(word),
            usage=self._usage.told(),
        )
        return chunks if said == StreamChunk() else [*chunks, said]

    def _finish(self, word: str | None) -> FinishReason | None:
        if word is None:
            return None
        safe = scrub(word, _MAX_WORD)
        self._facts.provider_finish_reason = safe
        known = _FINISH.get(word)
        if known is None:
            self._facts.warn(f"The provider's finish reason {safe!r} is unknown; taken as `stop`.")
        if word == "pause_turn":
            self._facts.warn(
                "The provider paused a long turn of its own tools, which `response.message` does "
                "not hold; ask it to go on."
            )
        reason = known or "stop"
        if reason == self._finish_reason:
            return None
        self._finish_reason = reason
        return reason

    def _refusal(self, given: object) -> str | None:
        """Why the provider's filter stepped in, in its words or by its category."""
        details = lenient.fields(given)
        said = whole(text(details.get("explanation")) or text(details.get("category")))
        return scrub(said, _MAX_SAID) if said else None

    def _unknown(self, kind: object) -> None:
        """New kinds of events may come at any time; the API's versioning page says so."""
        if kind not in (None, "ping"):
            safe = scrub(str(kind), _MAX_WORD)
            self._facts.warn(f"An event of type {safe!r} is unknown and was left out.")

    def _unreadable(self, name: str, data: bytes, error: InvalidResponse) -> list[StreamChunk]:
        if data == b"[DONE]":  # of proxies that speak OpenAI's API, too
            self.done = True
            return []
        first, *others = data.split(b"\n")
        if others and first.startswith(b"{") and first.endswith(b"}"):
            # Data lines without empty lines between them, which the framing took for one event.
            return [said for line in (first, *others) for said in self.feed(Event(name, line))]
        if self._finish_reason is None:
            raise error
        self._facts.warn("What the provider sent after its answer's end can't be read.")
        return []


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a whole message. Raises its error where it holds one."""
    if not body.strip():
        message = f"{target.vendor.display_name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    try:
        answer = wire.read_answer(body, target)
    except InvalidResponse:
        if faults.holds_error(body):
            raise faults.error_in_stream(body, target) from None
        raise
    is_bare = answer.content is None and faults.holds_error(body)
    if answer.error or answer.type == "error" or is_bare:
        raise faults.error_in_stream(body, target)
    if answer.content is None:
        raise faults.unreadable(body, target, "it has no `content`")
    decoder = MessagesDecoder(target, facts)
    chunks = decoder.begin(answer)
    decoder.done = True
    return chunks + decoder.flush()
