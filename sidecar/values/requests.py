"""What a model is asked."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from sidecar.values.messages import AIMessage, CacheControl
from sidecar.values.words import Milliseconds, Value


class Tool(Value, frozen=True):
    """A function that the model may call; `parameters` is its JSON schema."""

    name: Annotated[str, Meta(min_length=1, max_length=128)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None


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


class EmbedRequest(Value, frozen=True):
    """Texts to be turned into vectors, as `embed` was asked for them."""

    input: list[str]
    dimensions: int | None = None
    extra: dict[str, Any] | None = None
    timeouts: Timeouts | None = None


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
