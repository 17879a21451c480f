"""Answers of Chat Completions, whole or streamed, into chunks.

The whole answer takes the same way as a stream: its `message` is one large delta. So there is one
place that knows what a field means.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import AIError, InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub
from sidecar.providers.base import Facts, Target
from sidecar.providers.formats.openai_chat import faults, usage, wire
from sidecar.providers.formats.openai_chat.citations import Citations
from sidecar.providers.formats.openai_chat.surrogates import SurrogateJoiner
from sidecar.providers.formats.openai_chat.tool_calls import ToolCalls
from sidecar.providers.formats.openai_chat.wire import Choice, Chunk, Delta, as_text, text
from sidecar.providers.framing import Event
from sidecar.values import FinishReason, StreamChunk, ToolCallDelta

# What vendors call the ends that this contract has one word for. Sources: the API references of
# OpenAI, Mistral (`model_length`, `error`), DeepSeek (`insufficient_system_resource`),
# Together (`eos`), Cohere- and Anthropic-like proxies.
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "error": "error",
    "insufficient_system_resource": "error",
}
_NOTHING = StreamChunk()
_MAX_WORD = 200
_MAX_ID = 1000


class ChatDecoder:
    """Decodes the events of one stream."""

    def __init__(self, target: Target, facts: Facts, *, whole: bool = False) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._is_whole = whole
        self._choice_index: object = None
        self._finish_reason: FinishReason | None = None
        self._anything = False
        self._failure: AIError | None = None
        self._calls = ToolCalls()
        self._citations = Citations()
        self._content = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()
        self._refusal = SurrogateJoiner()

    def feed(self, event: Event) -> list[StreamChunk]:
        """Decode one event. Raises the provider's error where it reports one inside the stream."""
        data = event.data.strip()
        if self.done or not data:  # some servers keep the line open with empty data
            return []
        if data == b"[DONE]":
            self.done = True
            return []
        if event.event == "error":
            raise faults.error_in_stream(data, self._target)
        try:
            chunk = wire.read(data, self._target)
        except InvalidResponse:
            if self._finish_reason is None:
                raise
            self._facts.warn("What the provider sent after its answer's end can't be read.")
            return []
        if chunk.choices and chunk.error is None and chunk.x_groq is None:
            return self.take(chunk)  # as nearly all are
        if not chunk.is_error:
            return self.take(chunk)
        failure = faults.error_in_stream(data, self._target)
        said = self.take(chunk)
        if not said:
            raise failure
        # The words that came with the error go first; `flush` tells the error.
        self._failure, self.done = failure, True
        return said

    def flush(self) -> list[StreamChunk]:
        """End of input. Raises `TruncatedStream` where no end was announced."""
        name = self._target.vendor.name
        if self._failure is not None:
            raise self._failure
        if self._finish_reason is None and not self.done:
            message = f"{self._target.vendor.display_name} ended the stream before it was done."
            raise TruncatedStream(message, provider=name)
        if self._finish_reason is None and not self._anything:
            message = f"{self._target.vendor.display_name} sent an empty stream."
            raise InvalidResponse(message, provider=name)
        rest = StreamChunk(
            content=self._content.flush() or None,
            reasoning=self._reasoning.flush() or None,
            refusal=self._refusal.flush() or None,
            tool_calls=self._calls.flush() or None,
        )
        chunks = [] if rest == _NOTHING else [rest]
        if self._finish_reason is None:
            assumed: FinishReason = "tool_calls" if self._calls else "stop"
            self._facts.warn(f"The provider gave no finish reason; `{assumed}` is assumed.")
            chunks.append(StreamChunk(finish_reason=assumed))
        return chunks

    @property
    def finished(self) -> bool:
        """True once a finish reason came."""
        return self._finish_reason is not None

    def take(self, chunk: Chunk) -> list[StreamChunk]:
        """Turn one decoded object into the chunks it means."""
        facts = self._facts
        if facts.model is None:
            facts.model = (text(chunk.model) or "")[:_MAX_ID] or None
        if facts.response_id is None and (found_id := text(chunk.id)):
            facts.response_id = self._calls.prefix = found_id[:_MAX_ID]
        found = []
        for choice in chunk.choices or ():
            if not self._is_ours(choice):
                facts.warn("The provider sent several choices; only the first is kept.")
            elif said := self._choice(choice):
                found.append(said)
        citations = self._citations.of_answer(chunk.citations, chunk.search_results)
        if citations:
            found.append(StreamChunk(citations=citations))
        counted = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if counted is not None and (count := usage.read(counted, facts)):
            found.append(StreamChunk(usage=count))
        self._anything = self._anything or bool(found)
        return found

    def _is_ours(self, choice: Choice) -> bool:
        index = choice.index or 0
        if self._choice_index is None:
            self._choice_index = index
        return index == self._choice_index

    def _choice(self, choice: Choice) -> StreamChunk | None:
        # Perplexity streams both; its `message` is everything so far and would say it all again.
        delta = choice.delta or choice.message or Delta()
        if choice.error and self._failure is None:
            self.done = True
            self._failure = faults.error_in_stream(
                msgspec.json.encode({"error": choice.error}), self._target
            )
        content, thinking = delta.content, ""
        if not isinstance(content, str):
            content, thinking = self._parts(content)
        if delta.audio or delta.images:
            heard = self._media(delta)
            content = content or heard
        reasoning = thinking
        if told := delta.reasoning_content or delta.reasoning:
            reasoning = as_text(told)
        said = StreamChunk(
            content=self._content.feed(content) if content else None,
            reasoning=self._reasoning.feed(reasoning) if reasoning else None,
            tool_calls=self._tool_calls(delta),
            citations=self._citations.of_annotations(delta.annotations),
            refusal=self._refusal.feed(as_text(delta.refusal)) if delta.refusal else None,
            logprobs=self._logprobs(choice.logprobs) if choice.logprobs else None,
            finish_reason=self._finish(text(choice.finish_reason)),
        )
        return None if said == _NOTHING else said

    def _finish(self, word: str | None) -> FinishReason | None:
        if word is None:
            return None
        safe = self._safe(word)
        self._facts.provider_finish_reason = safe
        known = _FINISH.get(word.lower())
        if known is None:
            self._facts.warn(f"The provider's finish reason {safe!r} is unknown; taken as `stop`.")
        reason = known or "stop"
        if reason == self._finish_reason:
            return None  # OpenRouter tells it again beside the usage
        self._finish_reason = reason
        return reason

    def _media(self, delta: Delta) -> str | None:
        """Tell what AIResponse has no place for; of sound, return its transcript."""
        if delta.images:
            self._facts.warn("The answer's images were left out.")
        if not isinstance(delta.audio, dict):
            return None
        self._facts.warn("The answer's sound was left out; its content is the transcript.")
        return text(delta.audio.get("transcript"))

    def _parts(self, content: object) -> tuple[str, str]:
        """Split content into text and reasoning; Mistral's reasoning models send parts."""
        if not isinstance(content, list):
            return as_text(content), ""
        said, thinking = [], []
        for part in content:
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(part, str):
                said.append(part)
            elif kind == "thinking":
                thinking.append(as_text(part.get("thinking")))
            elif kind == "text":
                said.append(as_text(part.get("text")))
            elif kind != "reference":
                kind = self._safe(as_text(kind))
                self._facts.warn(f"A content part of type {kind!r} is unknown and was left out.")
        return "".join(said), "".join(thinking)

    def _tool_calls(self, delta: Delta) -> list[ToolCallDelta] | None:
        deltas = delta.tool_calls
        if not deltas and delta.function_call is not None:  # the form before tools were
            deltas = [wire.CallDelta(index=0, function=delta.function_call)]
        return (self._calls.feed(deltas, are_whole=self._is_whole) or None) if deltas else None

    def _logprobs(self, given: object) -> dict[str, list[Any]] | None:
        """Keep the lists of it, whichever names they have."""
        if not isinstance(given, dict):
            return None
        kept = {name: value for name, value in given.items() if isinstance(value, list) and value}
        try:
            msgspec.json.encode(kept)
        except (UnicodeEncodeError, RecursionError):
            self._facts.warn("The provider's logprobs can't be read and were left out.")
            return None
        return kept or None

    def _safe(self, word: str) -> str:
        return scrub(word, self._target.secrets, _MAX_WORD)


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a `chat.completion` object. Raises its error where it holds one."""
    if not body.strip():
        message = f"{target.vendor.display_name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    chunk = wire.read(body, target)
    if chunk.is_error:
        raise faults.error_in_stream(body, target)
    if not chunk.choices:
        raise wire.unreadable(body, target, "it has no `choices`")
    # A whole answer keeps `message` where a stream has `delta`; Perplexity sends an empty `delta`.
    for choice in chunk.choices:
        choice.delta = choice.message or choice.delta
    decoder = ChatDecoder(target, facts, whole=True)
    chunks = decoder.take(chunk)
    decoder.done = True
    return chunks + decoder.flush()
