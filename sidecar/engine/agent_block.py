"""An answer in the shape that workflow editors keep as an agent block's output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from sidecar.values import AIResponse, BlockId, ExecutionId, FinishReason, Said, Timing, ToolCall


class AgentTokens(Said, frozen=True):
    """Token counts, zero where the provider told none."""

    prompt: int
    completion: int
    total: int


class AgentBlockOutput(Said, frozen=True):
    """`output: "agent_block"`: the answer, flat, with every field that an editor binds to."""

    content: str
    model: str
    provider: str
    execution_id: ExecutionId
    tokens: AgentTokens
    tool_calls: list[ToolCall]
    block_id: BlockId | None = None
    finish_reason: FinishReason | None = None
    reasoning: str | None = None
    timing: Timing | None = None
    warnings: list[str] | None = None

    @classmethod
    def of(cls, response: AIResponse, block_id: str | None) -> AgentBlockOutput:
        """Return `response` in this shape."""
        usage = response.usage
        return cls(
            content=response.content,
            model=response.model,
            provider=response.provider,
            execution_id=response.execution_id,
            tokens=AgentTokens(
                prompt=usage.prompt_tokens if usage else 0,
                completion=usage.completion_tokens if usage else 0,
                total=usage.total_tokens if usage else 0,
            ),
            tool_calls=response.tool_calls or [],
            block_id=block_id,
            finish_reason=response.finish_reason,
            reasoning=response.reasoning,
            timing=response.timing,
            warnings=response.warnings,
        )


if TYPE_CHECKING:
    Answer = AIResponse | AgentBlockOutput
else:
    # msgspec takes no union of untagged Structs, and this one is only ever written, never read;
    # sidecar/rpc/openrpc.py completes the references.
    Answer = Annotated[
        Any,
        Meta(extra_json_schema={"anyOf": [{"$ref": "AIResponse"}, {"$ref": "AgentBlockOutput"}]}),
    ]
