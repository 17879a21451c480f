"""An estimate of tokens: about right, and never silent about what it leaves out."""

from __future__ import annotations

import pytest

from sidecar.engine.estimate import estimate
from sidecar.values import (
    AIMessage,
    AIRequest,
    ImagePart,
    JsonSchemaFormat,
    TextPart,
    Tool,
    ToolCall,
)


def of(*messages: AIMessage, **more: object) -> int:
    tokens, told = estimate(AIRequest(messages=list(messages), **more))  # type: ignore[arg-type]
    assert told == []
    return tokens


def user(text: str) -> AIMessage:
    return AIMessage(role="user", content=text)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        # by OpenAI's tokenizer o200k_base, the text alone
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("人工智能正在改变世界。", 8),
        ("Съешь же ещё этих мягких французских булок", 15),
        ("def main():\n    return sum(range(10))\n", 12),
    ],
)
def test_it_is_within_a_factor_of_two_of_what_a_tokenizer_counts(text: str, counted: int) -> None:
    assert counted / 2 <= of(user(text * 20)) / 20 <= counted * 2


def test_everything_that_is_sent_as_text_counts() -> None:
    bare = of(user("Hello"))
    parts = AIMessage(role="user", content=[TextPart(text="Hello"), TextPart(text="and" * 40)])
    assert of(parts) > bare
    assert of(user("Hello"), tools=[Tool(name="f", description="what it does")]) > bare
    assert of(user("Hello"), response_format=JsonSchemaFormat(schema={"type": "object"})) > bare
    called = AIMessage(role="assistant", tool_calls=[ToolCall(id="1", name="f", arguments="{}")])
    assert of(user("Hello"), called) >= bare + 4


def test_what_is_no_text_is_told_and_not_guessed() -> None:
    picture = ImagePart(url="https://a.example/a.png")
    message = AIMessage(role="user", content=[TextPart(text="What is this?"), picture])
    tokens, told = estimate(AIRequest(messages=[message]))
    assert tokens < 20
    assert told == ["Parts of the type image are not in the estimate."]
