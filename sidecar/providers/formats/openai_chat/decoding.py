"""Answers of Chat Completions, whole or streamed, into chunks.

The whole answer takes the same way as a stream: its `message` is one large delta. So there is one
place that knows what a field means.
"""

from __future__ import annotations

import msgspec

from sidecar.errors import AIError, InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub
from sidecar.providers.formats import faults, filters
from sidecar.providers.formats.lenient import name_of, text
from sidecar.providers.formats.openai_chat import parts, usage, wire
from sidecar.providers.formats.openai_chat.citations import Citations
from sidecar.providers.formats.openai_chat.reasoning_details import Details
from sidecar.providers.formats.openai_chat.tool_calls import ToolCalls
from sidecar.providers.formats.openai_chat.wire import Choice, Chunk, Delta, as_text
from sidecar.providers.formats.surrogates import SurrogateJoiner
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
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
_NATIVE = _FINISH | {"completed": "stop", "max_output_tokens": "length"}
"""The words of the providers behind OpenRouter, too."""
_NOTHING = StreamChunk()
_SEVERAL = "The provider sent several choices; only the first is kept."


class ChatDecoder:
    """Decodes the events of one stream."""

    def __init__(self, target: Target, facts: Facts, *, whole: bool = False) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._is_whole = whole
        self._number: int | None = None
        """The choice that is kept."""
        self._chosen = False
        self._deltas_speak = False
        self._finish_reason: FinishReason | None = None
        self._anything = False
        self._failure: AIError | None = None
        self._calls = ToolCalls(facts.signatures)
        self._citations = Citations(facts)
        self._details = Details()
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
        except InvalidResponse as error:
            return self._unreadable(event.event, data, error)
        if chunk.choices and chunk.error is None and chunk.x_groq is None:
            return self.take(chunk)  # as nearly all are
        return self._told_failure(chunk, data) if chunk.is_error else self.take(chunk)

    def _told_failure(self, chunk: Chunk, data: bytes) -> list[StreamChunk]:
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
        if blocks := self._details.blocks():
            self._facts.reasoning = blocks
        rest = StreamChunk(
            content=self._content.flush() or None,
            reasoning=self._reasoning.flush() or None,
            refusal=self._refusal.flush() or None,
            tool_calls=self._rest_of_calls(),
            citations=self._citations.flush() or None,
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
            facts.model = name_of(chunk.model)
        if facts.response_id is None and (found_id := name_of(chunk.id)):
            facts.response_id = self._calls.prefix = found_id
        found = []
        counted = chunk.usage
        for choice in self._ours(chunk.choices) if chunk.choices else ():
            if said := self._choice(choice):
                self._chosen = True
                found.append(said)
            counted = counted or choice.usage
        if chunk.citations or chunk.search_results:
            citations = self._citations.of_answer(chunk.citations, chunk.search_results)
            if citations:
                found.append(StreamChunk(citations=citations))
        if chunk.prompt_filter_results or chunk.images or chunk.related_questions:
            parts.tell_of_answer(chunk, facts)
        if chunk.x_groq is not None:
            counted = counted or chunk.groq.get("usage")
        if counted is not None and (count := usage.read(counted, facts)):
            found.append(StreamChunk(usage=count))
        self._anything = self._anything or bool(found)
        return found

    def _unreadable(self, name: str, data: bytes, error: InvalidResponse) -> list[StreamChunk]:
        first, *others = data.split(b"\n")
        if others and first.startswith(b"{") and first.endswith(b"}"):
            # Data lines without empty lines between them, which the framing took for one event.
            return [said for line in (first, *others) for said in self.feed(Event(name, line))]
        if name not in ("", "message") and not data.startswith(b"{"):
            return []  # a heartbeat with a name, and no object that is broken
        if self._finish_reason is None:
            raise error
        self._facts.warn("What the provider sent after its answer's end can't be read.")
        return []

    def _ours(self, choices: list[Choice]) -> list[Choice]:
        """Return the pieces of one choice: of number 0, or of the first where no 0 came in time.

        What has been told can't be taken back: once another choice has spoken, it is kept.
        """
        if len(choices) == 1 and choices[0].index == self._number:
            return choices  # as nearly always
        numbers = [_number(choice, at) for at, choice in enumerate(choices)]
        if self._number is None or (not self._chosen and 0 in numbers):
            self._number = 0 if 0 in numbers else numbers[0]
        kept = [
            choice
            for choice, number in zip(choices, numbers, strict=True)
            if number == self._number
        ]
        if len(kept) < len(choices):
            self._facts.warn(_SEVERAL)
        return kept

    def _choice(self, choice: Choice) -> StreamChunk | None:
        delta = choice.delta
        if delta is None:
            delta = self._without_delta(choice)
        if choice.error and self._failure is None:
            self.done = True
            self._failure = faults.error_in_stream(
                msgspec.json.encode({"error": choice.error}), self._target
            )
        content, reasoning = delta.content, ""
        if not isinstance(content, str):
            content, reasoning = parts.split(content, self._facts)
        if delta.audio or delta.images or delta.reasoning_steps or delta.executed_tools:
            heard = parts.heard(delta, self._facts)
            content = content or heard
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            reasoning = parts.reasoning(delta) or reasoning
            self._details.add(delta.reasoning_details, self._facts)
        if delta.annotations:
            parts.leave_out_of_annotations(delta.annotations, self._facts)
        if choice.content_filter_results:
            filters.tell("the answer", choice.content_filter_results, self._facts)
        said = StreamChunk(
            content=self._content.feed(content) if content else None,
            reasoning=self._reasoning.feed(reasoning) if reasoning else None,
            tool_calls=self._tool_calls(delta),
            citations=self._citations.of_annotations(delta.annotations),
            refusal=self._refusal.feed(as_text(delta.refusal)) if delta.refusal else None,
            logprobs=parts.logprobs(choice.logprobs, self._facts) if choice.logprobs else None,
            finish_reason=self._finish(
                text(choice.finish_reason), text(choice.native_finish_reason)
            ),
        )
        if choice.delta is not None and not self._deltas_speak:
            self._deltas_speak = bool(content or reasoning or delta.refusal or self._calls)
        return None if said == _NOTHING else said

    def _without_delta(self, choice: Choice) -> Delta:
        """What stands in place of a delta: a whole `message`, or the `text` of older APIs.

        Some servers end a stream with a message of everything that its deltas said before.
        """
        if self._deltas_speak:
            return Delta()
        return choice.message or Delta(content=choice.text)

    def _finish(self, word: str | None, native: str | None) -> FinishReason | None:
        if word is None:
            return None
        safe = self._safe(word)
        self._facts.provider_finish_reason = safe
        known = _FINISH.get(word.lower())
        if known is None:
            self._facts.warn(f"The provider's finish reason {safe!r} is unknown; taken as `stop`.")
        reason = known or "stop"
        if native is not None and _NATIVE.get(native.lower(), "content_filter") == "content_filter":
            self._facts.warn(f"The model's own finish reason is {self._safe(native)!r}.")
        if reason == self._finish_reason:
            return None  # OpenRouter tells it again beside the usage
        self._finish_reason = reason
        return reason

    def _tool_calls(self, delta: Delta) -> list[ToolCallDelta] | None:
        deltas = delta.tool_calls
        if not deltas and isinstance(delta.function_call, dict):  # the form before tools were
            older = delta.function_call
            function = wire.Function(older.get("name"), older.get("arguments"))
            deltas = [wire.CallDelta(index=0, function=function)]
        return (self._calls.feed(deltas, are_whole=self._is_whole) or None) if deltas else None

    def _rest_of_calls(self) -> list[ToolCallDelta] | None:
        rest = self._calls.flush()
        if any(call.name == "" for call in rest):
            self._facts.warn("A tool call came without a name; its arguments are kept.")
        return rest or None

    def _safe(self, word: str) -> str:
        return scrub(word, parts.MAX_WORD)


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a `chat.completion` object. Raises its error where it holds one."""
    if not body.strip():
        message = f"{target.vendor.display_name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    chunk = wire.read(body, target)
    if chunk.is_error:
        raise faults.error_in_stream(body, target)
    if not chunk.choices:
        raise faults.unreadable(body, target, "it has no `choices`")
    numbered = enumerate(chunk.choices)
    first = next((choice for at, choice in numbered if _number(choice, at) == 0), chunk.choices[0])
    if len(chunk.choices) > 1:
        facts.warn(_SEVERAL)
    # A whole answer keeps `message` where a stream has `delta`; Perplexity sends an empty `delta`.
    first.delta = first.message or first.delta
    chunk.choices = [first]
    decoder = ChatDecoder(target, facts, whole=True)
    chunks = decoder.take(chunk)
    decoder.done = True
    return chunks + decoder.flush()


def _number(choice: Choice, at: int) -> int:
    """A choice's number; where it has none, its place."""
    return choice.index if isinstance(choice.index, int) else at
