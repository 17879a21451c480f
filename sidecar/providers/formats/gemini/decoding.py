"""Answers of generateContent, whole or streamed, into chunks.

A stream is made of the same objects as a whole answer, each with the parts that are new, and has no
mark at its end: a finish reason says that it is whole.
"""

from __future__ import annotations

import json
from typing import Any

from sidecar.errors import AIError, InvalidResponse, TruncatedStream
from sidecar.keys.redaction import scrub
from sidecar.providers.formats import faults, lenient
from sidecar.providers.formats.gemini import finish, logprobs, usage, wire
from sidecar.providers.formats.gemini.citations import Citations
from sidecar.providers.formats.gemini.thoughts import Thoughts
from sidecar.providers.formats.gemini.tool_calls import ToolCalls
from sidecar.providers.formats.gemini.wire import Answer, Candidate
from sidecar.providers.formats.lenient import name_of, text
from sidecar.providers.formats.surrogates import SurrogateJoiner
from sidecar.providers.framing import Event
from sidecar.providers.pieces import Pieces
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import FinishReason, StreamChunk, TokenUsage, ToolCallDelta

_NOTHING = StreamChunk()
_MAX_WORD = 200
_MAX_TOLD = 400
_SERVED = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
"""What a tool on the server's side did; an answer may go on behind a finish reason then."""
_ABOUT = ("text", "thought", "thoughtSignature", "functionCall", "partMetadata")


class GeminiDecoder:
    """Decodes the events of one stream."""

    def __init__(self, target: Target, facts: Facts, *, whole: bool = False) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._is_whole = whole
        self._number: int | None = None
        """The candidate that is kept."""
        self._chosen = False
        self._finish_reason: FinishReason | None = None
        self._is_served = False
        self._failure: AIError | None = None
        self._counted: TokenUsage | None = None
        self._calls = ToolCalls(facts)
        self._thoughts = Thoughts(facts)
        self._citations = Citations(facts)
        self._said = Pieces()
        self._content = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()

    @property
    def finished(self) -> bool:
        """True once a finish reason came and nothing is known to follow it.

        With code execution an answer may end twice: its code is run behind the first end.
        """
        return self._finish_reason is not None and not self._is_served

    def feed(self, event: Event) -> list[StreamChunk]:
        """Decode one event. Raises the provider's error where it reports one inside the stream."""
        data = event.data.strip()
        if self.done or not data:
            return []
        if data == b"[DONE]":  # Google sends none; proxies do
            self.done = True
            return []
        if event.event == "error":
            raise faults.error_in_stream(data, self._target)
        try:
            answer = wire.read(data, self._target)
        except InvalidResponse:
            if event.event not in ("", "message") and not data.startswith(b"{"):
                return []  # a heartbeat with a name
            if self._finish_reason is None:
                raise
            self._facts.warn("What the provider sent after its answer's end can't be read.")
            return []
        is_bare = answer.candidates is None and faults.holds_error(data)  # `{"message": …}`
        if not answer.error and not is_bare:
            return self.take(answer)
        failure = faults.error_in_stream(data, self._target)
        said = self.take(answer)
        if not said:
            raise failure
        # The words that came with the error go first; `flush` tells the error.
        self._failure, self.done = failure, True
        return said

    def flush(self) -> list[StreamChunk]:
        """End of input. Raises `TruncatedStream` where no end was announced."""
        if self._failure is not None:
            raise self._failure
        if self._finish_reason is None and not (self.done or self._is_whole):
            message = f"{self._target.vendor.display_name} ended the stream before it was done."
            raise TruncatedStream(message, provider=self._target.vendor.name)
        if self._finish_reason is None and not self._chosen and not self._is_whole:
            message = f"{self._target.vendor.display_name} sent an empty stream."
            raise InvalidResponse(message, provider=self._target.vendor.name)
        calls = self._calls.flush(cut_off=self._finish_reason not in (None, "stop"))
        rest = self._content.flush()
        self._said.add(rest)
        thought = self._reasoning.flush()
        if thought:
            self._thoughts.add(thought)
        self._thoughts.flush()
        last = StreamChunk(
            content=rest or None,
            reasoning=thought or None,
            tool_calls=calls or None,
            citations=self._citations.flush(self._said.text()) or None,
        )
        chunks = [] if last == _NOTHING else [last]
        if self._finish_reason is None:
            self._facts.warn("The provider gave no finish reason; `stop` is assumed.")
            chunks.append(StreamChunk(finish_reason="stop"))
        return chunks

    def take(self, answer: Answer) -> list[StreamChunk]:
        """Turn one decoded object into the chunks it means."""
        facts = self._facts
        if facts.model is None:
            facts.model = name_of(answer.model_version)
        if facts.response_id is None and (found_id := name_of(answer.response_id)):
            facts.response_id = self._calls.prefix = found_id
        found = [said for each in self._ours(answer.candidates or []) if (said := self._one(each))]
        self._chosen = self._chosen or bool(found)
        if not answer.candidates and answer.prompt_feedback:
            reason = finish.of_prompt(lenient.fields(answer.prompt_feedback), facts)
            if reason is not None and reason != self._finish_reason:
                self._finish_reason = reason
                found.append(StreamChunk(finish_reason=reason))
        if told := text(lenient.fields(answer.model_status).get("message")):
            facts.warn(f"The provider says of the model: {scrub(told, _MAX_TOLD)}")
        counted = usage.read(answer.usage_metadata, facts) if answer.usage_metadata else None
        if counted is not None and counted != self._counted:
            self._counted = counted
            found.append(StreamChunk(usage=counted))
        return found

    def _ours(self, candidates: list[Candidate]) -> list[Candidate]:
        """Return the pieces of one candidate: of number 0, or of the first until a 0 comes."""
        numbers = [_number(each, at) for at, each in enumerate(candidates)]
        if numbers and (self._number is None or (not self._chosen and 0 in numbers)):
            self._number = 0 if 0 in numbers else numbers[0]
        kept = [each for each, at in zip(candidates, numbers, strict=True) if at == self._number]
        if len(kept) < len(candidates):
            self._facts.warn("The provider sent several candidates; only the first is kept.")
        return kept

    def _one(self, candidate: Candidate) -> StreamChunk | None:
        content, reasoning = "", ""
        calls: list[ToolCallDelta] = []
        for part in candidate.parts:
            if not isinstance(part, dict):
                self._facts.warn("A part of the answer that is no object was left out.")
                continue
            said, call = self._text_of(part), part.get("functionCall")
            if part.get("thought") is True and call is None:
                reasoning += self._thought(said, part)
                continue
            if isinstance(call, dict):
                calls += self._calls.feed(call)
            elif said or not part.keys() <= {"text", "thoughtSignature", "thought"}:
                calls += self._calls.end()
            content += self._content.feed(said) or ""
            self._sign(part, said)
            self._tell_rest(part)
        self._said.add(content)
        self._note(candidate)
        chunk = StreamChunk(
            content=content or None,
            reasoning=reasoning or None,
            tool_calls=calls or None,
            logprobs=logprobs.read(candidate.logprobs_result),
            finish_reason=self._finish(candidate),
        )
        return None if chunk == _NOTHING else chunk

    def _text_of(self, part: dict[str, Any]) -> str:
        given = part.get("text")
        if given is None or isinstance(given, str):
            return given or ""
        self._facts.warn("A part's text that is none was left out.")
        return ""

    def _thought(self, said: str, part: dict[str, Any]) -> str:
        found = self._reasoning.feed(said) or ""
        if found:
            self._thoughts.add(found)
        if signature := text(part.get("thoughtSignature")):
            self._thoughts.sign_thought(signature)
        self._tell_rest(part)
        return found

    def _sign(self, part: dict[str, Any], said: str) -> None:
        signature = text(part.get("thoughtSignature"))
        if signature is None:
            return
        if isinstance(part.get("functionCall"), dict):
            self._thoughts.measure(signature)
            self._calls.sign(signature)
        elif part.keys() <= set(_ABOUT):
            self._thoughts.sign_text(signature, on_its_own=not said)
        else:
            self._facts.warn("A signature on a part that was left out is lost with it.")

    def _tell_rest(self, part: dict[str, Any]) -> None:
        for name, value in part.items():
            known = name in _ABOUT and (name != "functionCall" or isinstance(value, dict))
            if known or value is None:
                continue
            self._is_served = self._is_served or name in _SERVED
            kind = lenient.fields(value).get("mimeType")
            shown = scrub(f"{name}` ({kind})" if isinstance(kind, str) else f"{name}`", _MAX_WORD)
            self._facts.warn(
                f"What the provider sent as `{shown} was left out; AIResponse has no place for it."
            )

    def _note(self, candidate: Candidate) -> None:
        if candidate.grounding_metadata:
            self._citations.of_grounding(candidate.grounding_metadata)
        if candidate.citation_metadata:
            self._citations.of_citations(candidate.citation_metadata)
        for name in ("url_context_metadata", "continuation_token"):
            if getattr(candidate, name):
                self._facts.warn(
                    f"What the provider sent as `{_camel(name)}` was left out; "
                    "AIResponse has no place for it."
                )

    def _finish(self, candidate: Candidate) -> FinishReason | None:
        word = candidate.finish_reason
        why = (candidate.finish_message, candidate.safety_ratings)
        reason = finish.of_candidate(word, *why, self._facts) if word else None
        if reason is None or reason == self._finish_reason:
            return None
        self._finish_reason = reason
        return reason


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a whole answer. Raises its error where it holds one."""
    if not body.strip():
        message = f"{target.vendor.display_name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    answers = wire.read_whole(body, target)
    if error := next((answer.error for answer in answers if answer.error), None):
        # Of an array only the first object would be looked at.
        told = body if len(answers) == 1 else json.dumps({"error": error}).encode()
        raise faults.error_in_stream(told, target)
    decoder = GeminiDecoder(target, facts, whole=True)
    chunks = [chunk for answer in answers for chunk in decoder.take(answer)]
    if not any(answer.candidates for answer in answers) and not decoder.finished:
        if faults.holds_error(body):
            raise faults.error_in_stream(body, target)
        raise faults.unreadable(body, target, "it has no `candidates`")
    return chunks + decoder.flush()


def _number(candidate: Candidate, at: int) -> int:
    """A candidate's number; where it has none, its place."""
    return candidate.index if isinstance(candidate.index, int) else at


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)
