"""What an execution has said so far: chunks in, the response they add up to out. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.pieces import Pieces
from sidecar.providers.sink import Facts
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

MAX_SIZE = 16 * 1024 * 1024
"""A provider that never stops must not fill the memory; no answer of use is this large."""
_ENTRY = 200
"""What a tool call or a citation costs beside its text."""


class _Call:
    def __init__(self, delta: ToolCallDelta) -> None:
        self.id = delta.id or ""
        self.name = delta.name or ""
        self.arguments = Pieces()


class Transcript:
    """Adds chunks up. `text_size` is about how many bytes of memory that takes."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.finish_reason: FinishReason | None = None
        self.parsed: Any = None
        """The content as JSON, once it was found to be what was asked for."""
        self.text_size = 0
        self._content = Pieces()
        self._reasoning = Pieces()
        self._refusal = Pieces()
        self._calls: dict[int, _Call] = {}
        self._citations: list[Citation] = []
        self._logprobs: dict[str, list[Any]] = {}
        self._usage: TokenUsage | None = None

    def add(self, chunk: StreamChunk) -> None:
        """Take one chunk. Raises `InvalidResponse` where the answer has grown past all measure."""
        if self.text_size > MAX_SIZE:
            message = f"The answer is larger than {MAX_SIZE} bytes; it was broken off."
            raise InvalidResponse(message, hint="Set max_tokens, or check what the server sends.")
        if chunk.content is not None:
            self._content.add(chunk.content)
            self.text_size += _weight(chunk.content)
        if chunk.reasoning is not None:
            self._reasoning.add(chunk.reasoning)
            self.text_size += _weight(chunk.reasoning)
        if chunk.tool_calls is not None:
            self._add_calls(chunk.tool_calls)
        if chunk.refusal is not None:
            self._refusal.add(chunk.refusal)
            self.text_size += _weight(chunk.refusal)
        if chunk.citations is not None:
            self._citations += chunk.citations
            self.text_size += sum(_size(citation) for citation in chunk.citations)
        if chunk.logprobs is not None:
            for name, values in chunk.logprobs.items():
                self._logprobs.setdefault(name, []).extend(values)
                self.text_size += _ENTRY + len(msgspec.json.encode(values))
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self._usage = chunk.usage or self._usage

    @property
    def is_text(self) -> bool:
        """True where the model has given its answer, and neither calls tools nor refuses."""
        given = self.finish_reason in ("stop", "length")
        return given and not self._calls and not self._refusal.text()

    @property
    def content(self) -> str:
        """The text of the answer."""
        return self._content.text()

    def response(
        self, *, execution_id: str, provider: str, model: str, timing: Timing | None
    ) -> AIResponse:
        """Return everything that was said, as one response."""
        content, reasoning = self._content.text(), self._reasoning.text()
        signatures = self.facts.signatures
        calls = [
            ToolCall(
                id=call.id,
                name=call.name,
                arguments=call.arguments.text(),
                signature=signatures.get(index),
            )
            for index, call in self._calls.items()
        ]
        blocks = list(self.facts.reasoning) or ([Reasoning(text=reasoning)] if reasoning else None)
        return AIResponse(
            content=content,
            message=AIMessage(
                role="assistant",
                content=content,
                tool_calls=calls or None,
                reasoning=blocks,
            ),
            model=self.facts.model or model,
            provider=provider,
            execution_id=execution_id,
            finish_reason=self.finish_reason,
            provider_finish_reason=self.facts.provider_finish_reason,
            reasoning=reasoning or None,
            tool_calls=calls or None,
            citations=list(self._citations) or None,
            refusal=self._refusal.text() or None,
            logprobs={name: list(values) for name, values in self._logprobs.items()} or None,
            parsed=self.parsed,
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
                call = self._calls[delta.index] = _Call(delta)
                self.text_size += _ENTRY + len(call.id) + len(call.name)
            if delta.arguments:
                call.arguments.add(delta.arguments)
                self.text_size += _weight(delta.arguments)


def _weight(text: str) -> int:
    # A string takes up to four bytes a character, once one of them is not ASCII.
    return len(text) if text.isascii() else 4 * len(text)


def _size(citation: Citation) -> int:
    texts = (citation.url, citation.title, citation.text, citation.date)
    return _ENTRY + sum(len(text) for text in texts if text is not None)
