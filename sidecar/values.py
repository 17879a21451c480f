"""The words that all other rooms speak: requests, messages, chunks, responses.

Frozen msgspec Structs, one vocabulary for every provider. Field names are snake_case and follow
OpenAI's and Anthropic's words where these agree. Absent optional fields are omitted on the wire.
This room knows no IO, no provider and no clock.

Units: `*_ms` are milliseconds, `timestamp` and `*_at` Unix milliseconds, tokens are the
provider's own count.
"""

from __future__ import annotations

import binascii
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "cancelled", "error"]
Role = Literal["system", "user", "assistant", "tool"]

_URLS = ("https://", "http://", "data:")

Milliseconds = Annotated[int, Meta(ge=1, le=86_400_000)]
ExecutionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="Chosen by the client, or by the server where it is left out; unique.",
    ),
]
BlockId = Annotated[str, Meta(max_length=200, description="The client's own label; echoed.")]
ProviderName = Annotated[str, Meta(min_length=1, max_length=100)]
NEW_PROVIDER = r"^[a-z0-9][a-z0-9_.-]*$(?!\n)"  # Python's `$` lets a last line feed pass
NewProviderName = Annotated[str, Meta(max_length=100, pattern=NEW_PROVIDER)]
"""What a provider of one's own may be called."""
Organization = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,200}$(?!\n)")]


class Value(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a client sends: strict, so that a misspelled field is told and not ignored."""


class Said(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the sidecar says."""


# --- messages ------------------------------------------------------------------------------------


class TextPart(Value, frozen=True, tag="text"):
    """A piece of text."""

    text: str


class ImagePart(Value, frozen=True, tag="image"):
    """An image: either `url` (https or data URL) or base64 `data` with its `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: Literal["auto", "low", "high"] | None = None

    def __post_init__(self) -> None:
        _one_source(self.url, self.data, self.media_type)


class FilePart(Value, frozen=True, tag="file"):
    """A document (PDF): either `url` or base64 `data` with its `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    filename: str | None = None

    def __post_init__(self) -> None:
        _one_source(self.url, self.data, self.media_type)


class AudioPart(Value, frozen=True, tag="audio"):
    """Sound: base64 `data` and its `media_type` (`audio/wav`, `audio/mpeg`)."""

    data: str
    media_type: str

    def __post_init__(self) -> None:
        _check_base64(self.data)


def _one_source(url: str | None, data: str | None, media_type: str | None) -> None:
    if (url is None) == (data is None):
        message = "needs exactly one of `url` and `data`"
        raise ValueError(message)
    if url is not None and not url.lower().startswith(_URLS):
        message = "`url` must begin with https://, http:// or data:"
        raise ValueError(message)
    if data is not None and media_type is None:
        message = "`data` needs its `media_type`, like image/png"
        raise ValueError(message)
    if data is not None:
        _check_base64(data)


def _check_base64(data: str) -> None:
    try:
        binascii.a2b_base64(data, strict_mode=True)
    except ValueError:
        message = "`data` must be base64, without line breaks"
        raise ValueError(message) from None


Part = TextPart | ImagePart | FilePart | AudioPart


class ToolCall(Value, frozen=True):
    """A call that the model wants made. `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


class Reasoning(Value, frozen=True):
    """One block of an assistant's reasoning, with the provider's opaque proof of it, if any."""

    text: str | None = None
    signature: str | None = None
    data: str | None = None


class AIMessage(Value, frozen=True):
    """One turn of a conversation.

    `AIResponse.message` is such a message, to be appended unchanged.
    """

    role: Role
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    reasoning: list[Reasoning] | None = None

    def __post_init__(self) -> None:
        if self.role == "tool" and not self.tool_call_id:
            message = "a `tool` message needs the `tool_call_id` that it answers"
            raise ValueError(message)
        if self.content is None and self.role != "assistant":
            message = f"a `{self.role}` message needs `content`"
            raise ValueError(message)
        if self.role != "assistant" and (self.tool_calls or self.reasoning):
            message = "only an `assistant` message has `tool_calls` and `reasoning`"
            raise ValueError(message)


# --- requests ------------------------------------------------------------------------------------


class Tool(Value, frozen=True):
    """A function that the model may call; `parameters` is its JSON schema."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedToolChoice(Value, frozen=True):
    """The model must call this tool."""

    name: str


class TextFormat(Value, frozen=True, tag="text"):
    """Plain text, which is the default."""


class JsonObjectFormat(Value, frozen=True, tag="json_object"):
    """Any JSON object."""


class JsonSchemaFormat(Value, frozen=True, tag="json_schema"):
    """JSON that follows `schema` (JSON Schema)."""

    schema: dict[str, Any]
    name: Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")] = "response"
    description: str | None = None
    strict: bool | None = None


class ReasoningOptions(Value, frozen=True):
    """How much the model may think: a word or a number of tokens."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None


class Timeouts(Value, frozen=True):
    """The four timeouts, in milliseconds; what is left out comes from the provider's row.

    `connect_ms`: until the connection stands. `first_token_ms`: until the first word of a stream,
    or the answer of a request that does not stream. `idle_ms`: between two arrivals of bytes,
    heartbeats included. `total_ms`: the whole.
    """

    connect_ms: Milliseconds | None = None
    first_token_ms: Milliseconds | None = None
    idle_ms: Milliseconds | None = None
    total_ms: Milliseconds | None = None


class AIRequest(Value, frozen=True):
    """One request to a model, the same for every provider.

    `extra` is merged into the body that goes to the provider, for fields only this vendor has; it
    cannot set headers, URLs or `stream`. `metadata` is the app's own: it stays with the execution
    and is not sent.
    """

    messages: Annotated[list[AIMessage], Meta(min_length=1)]
    model: Annotated[str, Meta(min_length=1, max_length=300)] | None = None
    temperature: Annotated[float, Meta(ge=0)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: list[Annotated[str, Meta(min_length=1)]] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "none", "required"] | NamedToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonObjectFormat | JsonSchemaFormat | None = None
    reasoning: ReasoningOptions | None = None
    stream: bool = False
    metadata: dict[str, str] | None = None
    extra: dict[str, Any] | None = None
    timeouts: Timeouts | None = None


# --- what comes back -----------------------------------------------------------------------------


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
    """The whole answer. `content` is the chunks' content joined; so is everything else."""

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
