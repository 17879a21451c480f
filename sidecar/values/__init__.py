"""The words that all other rooms speak: requests, messages, chunks, responses.

Frozen msgspec Structs, one vocabulary for every provider. Field names are snake_case and follow
OpenAI's and Anthropic's words where these agree. Absent optional fields are omitted on the wire.
This room knows no IO, no provider and no clock.

Units: `*_ms` are milliseconds, `timestamp` and `*_at` Unix milliseconds, tokens are the
provider's own count.
"""

from __future__ import annotations

from sidecar.values.answers import (
    AIResponse,
    Citation,
    Cost,
    ModelInfo,
    ModelPrices,
    PriceTier,
    StreamChunk,
    Timing,
    TokenUsage,
    ToolCallDelta,
)
from sidecar.values.messages import (
    AIMessage,
    AudioPart,
    CacheControl,
    FilePart,
    ImagePart,
    Part,
    Reasoning,
    TextPart,
    ToolCall,
)
from sidecar.values.requests import (
    AIRequest,
    EmbedRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    ReasoningOptions,
    TextFormat,
    Timeouts,
    Tool,
)
from sidecar.values.words import (
    NEW_PROVIDER,
    ApiVersion,
    BlockId,
    ExecutionId,
    FinishReason,
    Milliseconds,
    NewProviderName,
    Organization,
    ProviderName,
    Role,
    Said,
    Value,
)

__all__ = [
    "NEW_PROVIDER",
    "AIMessage",
    "AIRequest",
    "AIResponse",
    "ApiVersion",
    "AudioPart",
    "BlockId",
    "CacheControl",
    "Citation",
    "Cost",
    "EmbedRequest",
    "ExecutionId",
    "FilePart",
    "FinishReason",
    "ImagePart",
    "JsonObjectFormat",
    "JsonSchemaFormat",
    "Milliseconds",
    "ModelInfo",
    "ModelPrices",
    "NamedToolChoice",
    "NewProviderName",
    "Organization",
    "Part",
    "PriceTier",
    "ProviderName",
    "Reasoning",
    "ReasoningOptions",
    "Role",
    "Said",
    "StreamChunk",
    "TextFormat",
    "TextPart",
    "Timeouts",
    "Timing",
    "TokenUsage",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "Value",
]
