"""Answers of /api/chat, whole or streamed, into chunks.

Every line is an object with a piece of the message; the last one is `done` and has the counts. The
whole answer is such a last line. Tool calls come whole, several of them under the same index or
none and, from older servers, without ids: each is a call, numbered as it came, and an id is made of
the answer's time and that number, the same at every decoding.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import AIError, InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub, without_secrets
from sidecar.providers.formats import faults
from sidecar.providers.formats.lenient import count, read, text
from sidecar.providers.formats.ollama import wire
from sidecar.providers.formats.ollama.wire import Answer, Call, as_text
from sidecar.providers.formats.surrogates import SurrogateJoiner, whole
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import FinishReason, StreamChunk, TokenUsage, ToolCallDelta

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length"}
_NOTHING = StreamChunk()
_MAX_WORD = 200
_MAX_ID = 1000
MAX_CALLS = 4096
_NO_ARGUMENTS = (b"", b"null")
_NO_IMAGES = "What the provider sent as `images` was left out; AIResponse has no place for it."


class OllamaDecoder:
    """Decodes the lines of one stream."""

    def __init__(self, target: Target, facts: Facts) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._finish_reason: FinishReason | None = None
        self._failure: AIError | None = None
        self._calls = 0
        self._ids: set[str] = set()
        self._prefix: str | None = None
        self._content = SurrogateJoiner()
        self._thinking = SurrogateJoiner()

    @property
    def finished(self) -> bool:
        """True once a line was `done`."""
        return self.done and self._failure is None

    def feed(self, event: Event) -> list[StreamChunk]:
        """Decode one line. Raises the provider's error where it reports one inside the stream."""
        data = event.data.strip()
        if self.done or not data:
            return []
        answer = wire.read(data, self._target)
        if not answer.error and answer.message is None and answer.done is not True:
            if wire.holds_error(data):  # of a proxy: `{"message": …}`, `{"detail": …}`
                raise faults.error_in_stream(data, self._target)
            raise faults.unreadable(data, self._target, "it has neither `message` nor `done`")
        failure = faults.error_in_stream(data, self._target) if answer.error else None
        said = self._take(answer)
        if failure is not None:
            if not said:
                raise failure
            # The words that came with the error go first; `flush` tells the error.
            self._failure, self.done = failure, True
        return said

    def flush(self) -> list[StreamChunk]:
        """End of input. Raises `TruncatedStream` where no line was `done`."""
        if self._failure is not None:
            raise self._failure
        if not self.done:
            message = f"{self._target.vendor.display_name} ended the stream before it was done."
            raise TruncatedStream(message, provider=self._target.vendor.name)
        rest = StreamChunk(
            content=self._content.flush() or None, reasoning=self._thinking.flush() or None
        )
        chunks = [] if rest == _NOTHING else [rest]
        if self._finish_reason is None:
            assumed: FinishReason = "tool_calls" if self._calls else "stop"
            self._facts.warn(f"The provider gave no finish reason; `{assumed}` is assumed.")
            chunks.append(StreamChunk(finish_reason=assumed))
        return chunks

    def _take(self, answer: Answer) -> list[StreamChunk]:
        facts = self._facts
        if facts.model is None and (model := text(answer.model)):
            facts.model = without_secrets(model)[:_MAX_ID]
        if self._prefix is None:
            self._prefix = _digits(answer.created_at)
        self.done = answer.done is True
        message = answer.message or wire.Message()
        if message.images:
            facts.warn(_NO_IMAGES)
        said = StreamChunk(
            content=self._content.feed(as_text(message.content)),
            reasoning=self._thinking.feed(as_text(message.thinking)),
            tool_calls=self._tool_calls(message.tool_calls) if message.tool_calls else None,
            logprobs=self._logprobs(answer.logprobs) if answer.logprobs else None,
            finish_reason=self._finish(answer.done_reason) if self.done else None,
            usage=self._usage(answer) if self.done else None,
        )
        return [] if said == _NOTHING else [said]

    def _tool_calls(self, given: list[Call]) -> list[ToolCallDelta]:
        return [self._call(call) for call in given]

    def _call(self, call: Call) -> ToolCallDelta:
        index = self._calls
        if index >= MAX_CALLS:
            message = f"The answer has more than {MAX_CALLS} tool calls; it was broken off."
            raise InvalidResponse(message, provider=self._target.vendor.name)
        self._calls += 1
        function = call.function or wire.Function()
        name = whole(text(function.name)) or ""
        if not name:
            self._facts.warn("A tool call came without a name; its arguments are kept.")
        given = whole(text(call.id))
        if given is None or given in self._ids:
            given = f"call_{self._prefix or 'response'}_{index}"
        self._ids.add(given)
        arguments = _arguments(bytes(function.arguments))
        return ToolCallDelta(index=index, id=given, name=name, arguments=arguments)

    def _finish(self, given: object) -> FinishReason | None:
        word = text(given)
        if word is None:
            return None  # older servers; `flush` says what is assumed
        safe = scrub(word, _MAX_WORD)
        self._facts.provider_finish_reason = safe
        known = _FINISH.get(word.lower())
        if known is None:
            self._facts.warn(f"The provider's finish reason {safe!r} is unknown; taken as `stop`.")
        self._finish_reason = known or "stop"
        return self._finish_reason

    def _usage(self, answer: Answer) -> TokenUsage | None:
        """The counts; Ollama leaves out one that is 0."""
        for name in ("prompt_eval_count", "eval_count"):
            given = getattr(answer, name)
            if given is not None and count(given) is None:
                self._facts.warn(f"The provider's usage can't be read: its `{name}` is no count.")
        prompt, completion = count(answer.prompt_eval_count), count(answer.eval_count)
        if prompt is None and completion is None:
            return None
        total = (prompt or 0) + (completion or 0)
        return TokenUsage(
            prompt_tokens=prompt or 0, completion_tokens=completion or 0, total_tokens=total
        )

    def _logprobs(self, given: object) -> dict[str, list[Any]] | None:
        if isinstance(given, list):
            try:
                msgspec.json.encode(given)
            except (UnicodeEncodeError, RecursionError):
                pass
            else:
                return {"content": given}
        self._facts.warn("The provider's logprobs can't be read and were left out.")
        return None


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a whole answer. Raises its error where it holds one."""
    if not body.strip():
        message = f"{target.vendor.display_name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    decoder = OllamaDecoder(target, facts)
    chunks = decoder.feed(Event("", body))
    if not decoder.done:
        raise faults.unreadable(body, target, "it is not `done`")
    return chunks + decoder.flush()


def _arguments(given: bytes) -> str:
    """The JSON text; where a server gives it as text already, that text."""
    if given.strip() in _NO_ARGUMENTS:
        return "{}"
    if given.startswith(b'"'):
        return str(read(given))
    return given.decode("utf-8", "replace")


def _digits(given: object) -> str | None:
    """The digits of `2026-08-17T15:57:12.772341Z`."""
    digits = "".join(each for each in text(given) or "" if each in "0123456789")
    return digits[:40] or None
