"""What an execution has said so far: chunks in, the response they add up to out. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.base import Facts
from sidecar.values import (
    AIMessage,
    AIResponse,
    Citation,
    FinishReason,
    Reasoning,
    StreamChunk,
    Timing,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)

MAX_CHARACTERS = 64 * 1024 * 1024
"""A provider that never stops must not fill the memory; no answer of use is this long."""


class _Call(msgspec.Struct):
    id: str
    name: str
    arguments: list[str]


class Transcript:
    """Adds chunks up. `text_size` counts the characters that are kept."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.finish_reason: FinishReason | None = None
        self.text_size = 0
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._citations: list[Citation] = []
        self._logprobs: dict[str, list[Any]] = {}
        self._usage: TokenUsage | None = None

    def add(self, chunk: StreamChunk) -> None:
        """Take one chunk. Raises `InvalidResponse` where the answer has grown past all measure."""
        if self.text_size > MAX_CHARACTERS:
            message = f"The answer is longer than {MAX_CHARACTERS} characters; it was broken off."
            raise InvalidResponse(message, hint="Set max_tokens, or check what the server sends.")
        if chunk.content is not None:
            self._content.append(chunk.content)
            self.text_size += len(chunk.content)
        if chunk.reasoning is not None:
            self._reasoning.append(chunk.reasoning)
            self.text_size += len(chunk.reasoning)
        if chunk.tool_calls is not None:
            self._add_calls(chunk.tool_calls)
        if chunk.refusal is not None:
            self._refusal.append(chunk.refusal)
            self.text_size += len(chunk.refusal)
        if chunk.citations is not None:
            self._citations += chunk.citations
            self.text_size += sum(len(citation.text or "") + 200 for citation in chunk.citations)
        if chunk.logprobs is not None:
            for name, values in chunk.logprobs.items():
                self._logprobs.setdefault(name, []).extend(values)
                self.text_size += 200 * len(values)
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self._usage = chunk.usage or self._usage

    def response(
        self, *, execution_id: str, provider: str, model: str, timing: Timing | None
    ) -> AIResponse:
        """Return everything that was said, as one response."""
        content, reasoning = "".join(self._content), "".join(self._reasoning)
        calls = [
            ToolCall(id=call.id, name=call.name, arguments="".join(call.arguments))
            for call in self._calls.values()
        ]
        return AIResponse(
            content=content,
            message=AIMessage(
                role="assistant",
                content=content,
                tool_calls=calls or None,
                reasoning=[Reasoning(text=reasoning)] if reasoning else None,
            ),
            model=self.facts.model or model,
            provider=provider,
            execution_id=execution_id,
            finish_reason=self.finish_reason,
            provider_finish_reason=self.facts.provider_finish_reason,
            reasoning=reasoning or None,
            tool_calls=calls or None,
            citations=list(self._citations) or None,
            refusal="".join(self._refusal) or None,
            logprobs={name: list(values) for name, values in self._logprobs.items()} or None,
            usage=self._usage,
            cost=self.facts.cost,
            timing=timing,
            response_id=self.facts.response_id,
            request_id=self.facts.request_id,
            warnings=list(self.facts.warnings) or None,
        )

    def _add_calls(self, deltas: list[ToolCallDelta]) -> None:
        for delta in deltas:
            call = self._calls.get(delta.index)
            if call is None:
                call = self._calls[delta.index] = _Call(delta.id or "", delta.name or "", [])
                self.text_size += 200
            if delta.arguments:
                call.arguments.append(delta.arguments)
                self.text_size += len(delta.arguments)
