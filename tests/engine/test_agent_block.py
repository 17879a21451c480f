from __future__ import annotations

from sidecar.engine.agent_block import AgentBlockOutput, AgentTokens
from sidecar.values import AIMessage, AIResponse, Timing, TokenUsage, ToolCall

MESSAGE = AIMessage(role="assistant", content="Hi")


def test_everything_that_an_editor_binds_to_is_there_even_where_nothing_came() -> None:
    response = AIResponse(content="", message=MESSAGE, model="m", provider="p", execution_id="e")
    assert AgentBlockOutput.of(response, None) == AgentBlockOutput(
        content="",
        model="m",
        provider="p",
        execution_id="e",
        tokens=AgentTokens(prompt=0, completion=0, total=0),
        tool_calls=[],
    )


def test_it_has_what_the_response_has() -> None:
    calls = [ToolCall(id="c", name="f", arguments="{}")]
    response = AIResponse(
        content="Hi",
        message=MESSAGE,
        model="m",
        provider="p",
        execution_id="e",
        finish_reason="tool_calls",
        tool_calls=calls,
        reasoning="hm",
        usage=TokenUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
        timing=Timing(total_ms=4),
        warnings=["careful"],
    )
    found = AgentBlockOutput.of(response, "b")
    assert found.tokens == AgentTokens(prompt=1, completion=2, total=3)
    assert (found.block_id, found.tool_calls, found.finish_reason) == ("b", calls, "tool_calls")
    assert (found.reasoning, found.timing, found.warnings) == (
        "hm",
        Timing(total_ms=4),
        ["careful"],
    )
