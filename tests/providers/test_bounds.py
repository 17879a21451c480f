"""What one answer may take of this machine's memory, however its provider misbehaves."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest

from sidecar.engine.transcript import MAX_SIZE, Transcript
from sidecar.errors import InvalidResponse
from sidecar.providers.sink import Facts
from sidecar.values import Citation, StreamChunk, ToolCallDelta

TEXT = "x" * 10_000
CHUNKS: dict[str, Callable[[int], StreamChunk]] = {
    "content": lambda _: StreamChunk(content=TEXT),
    "reasoning": lambda _: StreamChunk(reasoning=TEXT),
    "refusal": lambda _: StreamChunk(refusal=TEXT),
    "wide characters": lambda _: StreamChunk(content="😀" * 2_500),
    "arguments": lambda _: StreamChunk(tool_calls=[ToolCallDelta(index=0, arguments=TEXT)]),
    "tool calls": lambda number: StreamChunk(
        tool_calls=[ToolCallDelta(index=number, id=f"c{number}{TEXT}", name="f")]
    ),
    "citations": lambda number: StreamChunk(
        citations=[Citation(url=f"https://{number}.example/{TEXT}")]
    ),
    "logprobs": lambda _: StreamChunk(logprobs={"content": [{"token": TEXT, "logprob": -1.0}]}),
}


@pytest.mark.parametrize("name", CHUNKS)
def test_an_answer_that_grows_without_end_is_refused(name: str) -> None:
    transcript = Transcript()

    def grow() -> None:
        for number in range(3 * MAX_SIZE // len(TEXT)):
            transcript.add(CHUNKS[name](number))

    tracemalloc.start()
    try:
        with pytest.raises(InvalidResponse, match="larger than"):
            grow()
        assert tracemalloc.get_traced_memory()[0] < 3 * MAX_SIZE
    finally:
        tracemalloc.stop()


def test_an_answer_of_many_tiny_pieces_takes_what_its_text_takes() -> None:
    transcript = Transcript()
    tracemalloc.start()
    try:
        for number in range(200_000):
            transcript.add(StreamChunk(content=f"{number % 10:02}"))
        assert tracemalloc.get_traced_memory()[0] < 1024 * 1024
    finally:
        tracemalloc.stop()
    assert transcript.text_size == 400_000


def test_a_long_answer_with_many_logprobs_is_no_flood() -> None:
    transcript = Transcript()
    top = [{"token": f" word{n}", "logprob": -1.25, "bytes": [32, 119]} for n in range(5)]
    for _ in range(8_000):
        entry = {"token": " word", "logprob": -1.25, "bytes": [32, 119], "top_logprobs": top}
        transcript.add(StreamChunk(content=" word", logprobs={"content": [entry]}))


def test_warnings_are_few_and_short_and_told_once() -> None:
    facts = Facts()
    for number in range(1000):
        facts.warn(f"{number % 100} {TEXT}")
    assert len(facts.warnings) == 20
    assert all(len(warning) == 500 for warning in facts.warnings)
