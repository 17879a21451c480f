"""OpenAI's SDK as an oracle: what it makes of the same bytes of Chat Completions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sidecar.values import AIResponse
from tests.providers.answers import answer, delta, events, streamed, target_of
from tests.providers.formats.test_recorded import exchanges, some
from tests.providers.raw_server import serving

if TYPE_CHECKING:
    from openai import OpenAI

MESSAGES: Any = [{"role": "user", "content": "hi"}]


@contextmanager
def sdk(served: bytes, content_type: str) -> Iterator[OpenAI]:
    """A client of the SDK whose server answers with these bytes."""
    from openai import OpenAI  # noqa: PLC0415 - a second of imports

    with (
        serving(lambda connection: connection.answer(served, content_type=content_type)) as server,
        OpenAI(api_key="sk-test", base_url=server.url, max_retries=0) as client,
    ):
        yield client


def text_of(content: Any) -> str:  # noqa: ANN401 - whatever the SDK takes
    if isinstance(content, list):  # Mistral's parts
        return "".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def read_stream(served: bytes) -> tuple[str, str, list[list[str]], Any]:
    text, finish, usage = "", "", None
    calls: dict[int, list[str]] = {}
    with sdk(served, "text/event-stream") as client:
        for chunk in client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            usage = chunk.usage or usage
            for choice in (each for each in chunk.choices if each.index == 0):
                text += text_of(choice.delta.content)
                finish = choice.finish_reason or finish
                for piece in choice.delta.tool_calls or ():
                    call = calls.setdefault(piece.index, ["", "", ""])
                    call[0] = call[0] or piece.id or ""
                    if piece.function:
                        call[1] = call[1] or piece.function.name or ""
                        call[2] += piece.function.arguments or ""
    return text, finish, list(calls.values()), usage


def read_whole(served: bytes) -> tuple[str, str, list[list[str]], Any]:
    with sdk(served, "application/json") as client:
        found = client.chat.completions.create(model="m", messages=MESSAGES)
    choice = found.choices[0]
    calls = [
        [each.id, each.function.name, each.function.arguments]
        for each in choice.message.tool_calls or ()
        if each.type == "function"
    ]
    return text_of(choice.message.content), choice.finish_reason, calls, found.usage


def assert_same(ours: AIResponse, theirs: tuple[str, str, list[list[str]], Any]) -> None:
    text, finish, calls, usage = theirs
    assert ours.content == text
    assert ours.provider_finish_reason == finish
    assert [[each.id, each.name, each.arguments] for each in ours.tool_calls or ()] == calls
    if usage is None:
        return  # Groq's own place for it
    assert ours.usage is not None
    assert ours.usage.prompt_tokens == usage.prompt_tokens
    assert ours.usage.completion_tokens == usage.completion_tokens
    assert ours.usage.total_tokens == usage.total_tokens
    inward, outward = usage.prompt_tokens_details, usage.completion_tokens_details
    assert ours.usage.cached_tokens == (inward.cached_tokens if inward else None)
    assert ours.usage.reasoning_tokens == (outward.reasoning_tokens if outward else None)


MADE = events(
    delta(role="assistant", content="Let me "),
    delta(content="see."),
    delta(tool_calls=[{"index": 0, "id": "c0", "function": {"name": "f", "arguments": '{"a"'}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": ":1}"}}]),
    delta(tool_calls=[{"index": 1, "id": "c1", "function": {"name": "g", "arguments": "{}"}}]),
    delta("tool_calls"),
    {"id": "x", "choices": [], "usage": {
        "prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }},
)  # fmt: skip


def test_a_made_stream_is_the_same_to_both() -> None:
    response = streamed(MADE, target_of("openai"))[1]
    assert [call.name for call in response.tool_calls or ()] == ["f", "g"]
    assert_same(response, read_stream(MADE))


def test_every_recorded_answer_is_the_same_to_both(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(each for each in exchanges(recorded) if each.status == 200):
        with subtests.test(str(each)):
            if each.streams:
                assert_same(streamed(each.body, each.target)[1], read_stream(each.body))
            else:
                assert_same(answer(each.body, each.target), read_whole(each.body))
