"""Answers of Chat Completions, whole or streamed, into chunks.

The whole answer takes the same way as a stream: its `message` is one large delta. So there is one
place that knows what a field means.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from msgspec import Struct

from sidecar.errors import InvalidResponse, TruncatedStream
from sidecar.providers.base import Facts, Target
from sidecar.providers.formats.openai_chat import faults
from sidecar.providers.formats.openai_chat.citations import Citations
from sidecar.providers.formats.openai_chat.surrogates import SurrogateJoiner, whole
from sidecar.providers.formats.openai_chat.tool_calls import CallDelta, ToolCalls
from sidecar.providers.framing import Event
from sidecar.values import Cost, FinishReason, StreamChunk, TokenUsage

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


class _Details(Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost: Any = None


class _Delta(Struct):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None
    annotations: list[Any] | None = None


class _Choice(Struct):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None
    logprobs: dict[str, Any] | None = None


class _Groq(Struct):
    usage: _Usage | None = None
    error: Any = None


class _Chunk(Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None
    citations: list[Any] | None = None
    search_results: list[Any] | None = None
    x_groq: _Groq | None = None


_chunk = msgspec.json.Decoder(_Chunk)


class ChatDecoder:
    """Decodes the events of one stream."""

    def __init__(self, target: Target, facts: Facts) -> None:
        self.done = False
        self._target = target
        self._facts = facts
        self._finished = False
        self._anything = False
        self._calls = ToolCalls()
        self._citations = Citations()
        self._content = SurrogateJoiner()
        self._reasoning = SurrogateJoiner()

    def feed(self, event: Event) -> list[StreamChunk]:
        """Decode one event. Raises the provider's error where it reports one inside the stream."""
        if self.done:
            return []
        data = event.data
        if data == b"[DONE]" or data.strip() == b"[DONE]":
            self.done = True
            return []
        if event.event == "error":
            raise faults.error_in_stream(data, self._target)
        chunk = _decode(data, self._target)
        if chunk.error or (chunk.x_groq is not None and chunk.x_groq.error):
            raise faults.error_in_stream(data, self._target)
        return self.take(chunk)

    def flush(self) -> list[StreamChunk]:
        """End of input. Raises `TruncatedStream` where no end was announced."""
        if not self._finished and not self.done:
            message = f"{self._target.vendor.display_name} ended the stream before it was done."
            raise TruncatedStream(message, provider=self._target.vendor.name)
        if not self._finished and not self._anything:
            message = f"{self._target.vendor.display_name} sent an empty stream."
            raise InvalidResponse(message, provider=self._target.vendor.name)
        chunks = []
        if rest := self._calls.flush():
            chunks.append(StreamChunk(tool_calls=rest))
        content, reasoning = self._content.flush(), self._reasoning.flush()
        if content or reasoning:
            chunks.append(StreamChunk(content=content or None, reasoning=reasoning or None))
        if not self._finished:
            self._facts.warn("The provider gave no finish reason; `stop` is assumed.")
            chunks.append(StreamChunk(finish_reason="stop"))
        return chunks

    def take(self, chunk: _Chunk) -> list[StreamChunk]:
        """Turn one decoded object into the chunks it means."""
        facts = self._facts
        if chunk.model and facts.model is None:
            facts.model = chunk.model
        if chunk.id and facts.response_id is None:
            facts.response_id = chunk.id
            self._calls.prefix = chunk.id
        found = []
        for choice in chunk.choices or ():
            if choice.index:
                facts.warn("The provider sent several choices; only the first is kept.")
            elif said := self._choice(choice):
                found.append(said)
        citations = self._citations.of_answer(chunk.citations, chunk.search_results)
        if citations:
            found.append(StreamChunk(citations=citations))
        usage = chunk.usage or (chunk.x_groq.usage if chunk.x_groq else None)
        if usage is not None and (count := self._usage(usage)):
            found.append(StreamChunk(usage=count))
        self._anything = self._anything or bool(found)
        return found

    def _choice(self, choice: _Choice) -> StreamChunk | None:
        # Perplexity streams both; its `message` is everything so far and would say it all again.
        delta = choice.delta or choice.message or _Delta()
        content, thinking = self._text(delta.content)
        reasoning = delta.reasoning_content or delta.reasoning or thinking
        finish = choice.finish_reason
        if finish is not None:
            self._finished = True
            self._facts.provider_finish_reason = finish
        said = StreamChunk(
            content=self._content.feed(content) if content else None,
            reasoning=self._reasoning.feed(reasoning) if reasoning else None,
            tool_calls=self._calls.feed(delta.tool_calls) if delta.tool_calls else None,
            citations=self._citations.of_annotations(delta.annotations),
            refusal=delta.refusal or None,
            logprobs=_logprobs(choice.logprobs),
            finish_reason=self._finish(finish),
        )
        return None if said == _NOTHING else said

    def _finish(self, word: str | None) -> FinishReason | None:
        if word is None:
            return None
        known = _FINISH.get(word.lower())
        if known is None:
            self._facts.warn(f"The provider's finish reason {word!r} is unknown; taken as `stop`.")
        return known or "stop"

    def _text(self, content: str | list[Any] | None) -> tuple[str, str]:
        """Split content into text and reasoning; Mistral's reasoning models send parts."""
        if content is None or isinstance(content, str):
            return content or "", ""
        text, thinking = [], []
        for part in content:
            kind = part.get("type") if isinstance(part, dict) else None
            if isinstance(part, str):
                text.append(part)
            elif kind == "thinking":
                thinking.append(_joined(part.get("thinking")))
            elif kind == "text":
                text.append(_joined(part.get("text")))
            elif kind != "reference":
                self._facts.warn(f"A content part of type {kind!r} is unknown and was left out.")
        return "".join(text), "".join(thinking)

    def _usage(self, usage: _Usage) -> TokenUsage | None:
        prompt, completion = usage.prompt_tokens, usage.completion_tokens
        if prompt is None and completion is None:
            return None
        inward = usage.prompt_tokens_details or _Details()
        outward = usage.completion_tokens_details or _Details()
        audio = [n for n in (inward.audio_tokens, outward.audio_tokens) if n is not None]
        cached = inward.cached_tokens
        reasoning = outward.reasoning_tokens
        self._facts.cost = _cost(usage.cost) or self._facts.cost
        return TokenUsage(
            prompt_tokens=prompt or 0,
            completion_tokens=completion or 0,
            total_tokens=usage.total_tokens or (prompt or 0) + (completion or 0),
            cached_tokens=usage.prompt_cache_hit_tokens if cached is None else cached,
            cache_write_tokens=inward.cache_write_tokens,
            reasoning_tokens=usage.reasoning_tokens if reasoning is None else reasoning,
            audio_tokens=sum(audio) if audio else None,
        )


_NOTHING = StreamChunk()


def parse_response(body: bytes, target: Target, facts: Facts) -> list[StreamChunk]:
    """Decode a `chat.completion` object. Raises its error where it holds one."""
    if not body.strip():
        message = f"{target.vendor.display_name} sent an empty answer."
        raise InvalidResponse(message, provider=target.vendor.name)
    chunk = _decode(body, target)
    if chunk.error:
        raise faults.error_in_stream(body, target)
    if not chunk.choices:
        message = f"{target.vendor.display_name}'s answer has no `choices`."
        raise InvalidResponse(message, provider=target.vendor.name)
    # A whole answer keeps `message` where a stream has `delta`; Perplexity sends an empty `delta`.
    for choice in chunk.choices:
        choice.delta = choice.message or choice.delta
    decoder = ChatDecoder(target, facts)
    chunks = decoder.take(chunk)
    decoder.done = True
    return chunks + decoder.flush()


def _decode(data: bytes, target: Target) -> _Chunk:
    try:
        return _chunk.decode(data)
    except msgspec.ValidationError as error:
        raise _unreadable(data, target, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _decode_leniently(data, target, str(error))


def _decode_leniently(data: bytes, target: Target, reason: str) -> _Chunk:
    """Take what strict JSON refuses and servers send: lone surrogates, NaN, broken UTF-8."""
    try:
        value = json.loads(data.decode("utf-8", "replace"), parse_constant=lambda _: None)
        chunk = msgspec.convert(value, _Chunk)
    except (ValueError, RecursionError):
        raise _unreadable(data, target, reason) from None
    chunk.id, chunk.model = whole(chunk.id), whole(chunk.model)
    return chunk


def _unreadable(data: bytes, target: Target, reason: str) -> InvalidResponse:
    return InvalidResponse(
        f"{target.vendor.display_name} sent what is not its API's format: {reason}.",
        provider=target.vendor.name,
        provider_message=faults.excerpt(data, target),
    )


def _logprobs(given: dict[str, Any] | None) -> dict[str, list[Any]] | None:
    kept = {name: value for name, value in (given or {}).items() if isinstance(value, list)}
    return {name: value for name, value in kept.items() if value} or None


def _joined(value: object) -> str:
    """Text that is a string, or a list of `{type: "text", text}`."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_joined(item.get("text")) for item in value if isinstance(item, dict))
    return ""


def _cost(given: object) -> Cost | None:
    """OpenRouter gives a number, Perplexity an object; both in US dollars."""
    if isinstance(given, int | float):
        return Cost(currency="USD", total=float(given))
    if isinstance(given, dict) and isinstance(given.get("total_cost"), int | float):
        return Cost(
            currency="USD",
            total=float(given["total_cost"]),
            input=_number(given.get("input_tokens_cost")),
            output=_number(given.get("output_tokens_cost")),
        )
    return None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
