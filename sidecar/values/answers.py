"""What comes back."""

from __future__ import annotations

from typing import Any, Literal

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
    """A source that the answer refers to; indexes are characters of `content`.

    A document of the request has no `url`: `document_index` counts those from 0, `page` is where
    the cited text begins, from 1.
    """

    url: str | None = None
    title: str | None = None
    text: str | None = None
    date: str | None = None
    start_index: int | None = None
    end_index: int | None = None
    document_index: int | None = None
    page: int | None = None


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


class PriceTier(Said, frozen=True):
    """The prices of a request whose prompt has more than `above_tokens` tokens, for all of it.

    What is not here costs what it does below.
    """

    above_tokens: int
    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None


class ModelPrices(Said, frozen=True):
    """What a million tokens of text cost, in `currency` (ISO 4217): list prices, without tax.

    `input` are those that come from no cache, `cache_read` those that do; `cache_write` is for the
    shortest time that the provider keeps them. `output` counts reasoning in. Where a price depends
    on the hour it is the dearest. `as_of` is the day (YYYY-MM-DD) on which the catalogue was made
    that they are from; without it they are what the provider has just said.
    """

    currency: str
    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    tiers: list[PriceTier] | None = None
    as_of: str | None = None


class ModelInfo(Said, frozen=True):
    """One model that a provider offers: what the provider itself tells, then what is known of it.

    `context_window` is how many tokens a prompt may have; with most providers its answer counts in,
    too. `input_modalities` and `output_modalities` are those that are known: `text`, `image`,
    `audio`, `video`, `file`, `embedding`. `tools`, `structured_output` (by a JSON schema) and
    `reasoning` say whether it can; left out, nobody said. `capabilities` are the provider's own
    words. On `deprecation_date` (YYYY-MM-DD) the provider means to take the model away.
    """

    id: str
    provider: str
    display_name: str | None = None
    kind: Literal["chat", "embedding"] | None = None
    context_window: int | None = None
    max_output_tokens: int | None = None
    input_modalities: list[str] | None = None
    output_modalities: list[str] | None = None
    tools: bool | None = None
    structured_output: bool | None = None
    reasoning: bool | None = None
    capabilities: list[str] | None = None
    prices: ModelPrices | None = None
    deprecation_date: str | None = None
    created_at: int | None = None
    owned_by: str | None = None
