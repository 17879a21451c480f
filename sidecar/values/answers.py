"""What comes back."""

from __future__ import annotations

from typing import Any

from sidecar.values.messages import AIMessage, ToolCall
from sidecar.values.words import FinishReason, Said


class TokenUsage(Said, frozen=True):
    """What an answer took.

    `prompt_tokens` counts all input, cached included; `completion_tokens` all output, reasoning
    included.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class Citation(Said, frozen=True):
    """A source that the answer refers to; indexes are characters of `content`."""

    url: str
    title: str | None = None
    text: str | None = None
    date: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class ToolCallDelta(Said, frozen=True, gc=False):
    """A piece of a tool call.

    The first of an `index` has `id` and `name`; later ones append to `arguments`.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str | None = None


class StreamChunk(Said, frozen=True):
    """What one step of a stream brought. `logprobs` is `{content?: […], refusal?: […], …}`."""

    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCallDelta] | None = None
    citations: list[Citation] | None = None
    refusal: str | None = None
    logprobs: dict[str, list[Any]] | None = None
    finish_reason: FinishReason | None = None
    usage: TokenUsage | None = None


class Timing(Said, frozen=True):
    """Where the time went. `connect_ms` is absent where a kept connection was used again."""

    queued_ms: int | None = None
    connect_ms: int | None = None
    first_token_ms: int | None = None
    total_ms: int | None = None


class Cost(Said, frozen=True):
    """Money, in `currency` (ISO 4217)."""

    currency: str
    total: float
    input: float | None = None
    output: float | None = None


class AIResponse(Said, frozen=True):
    """The whole answer. `content` is the chunks' content joined; so is everything else.

    `parsed` is the content as JSON, where `request.response_format` asked for it.
    """

    content: str
    message: AIMessage
    model: str
    provider: str
    execution_id: str
    finish_reason: FinishReason | None = None
    provider_finish_reason: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    citations: list[Citation] | None = None
    refusal: str | None = None
    logprobs: dict[str, list[Any]] | None = None
    parsed: Any = None
    usage: TokenUsage | None = None
    cost: Cost | None = None
    timing: Timing | None = None
    response_id: str | None = None
    request_id: str | None = None
    warnings: list[str] | None = None


class ModelInfo(Said, frozen=True):
    """One model that a provider offers, as far as the provider itself tells."""

    id: str
    provider: str
    display_name: str | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_modalities: list[str] | None = None
    capabilities: list[str] | None = None
    created_at: int | None = None
    owned_by: str | None = None
