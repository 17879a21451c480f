"""Ollama's own SDK as the judge: the same bytes are served to it and to the decoder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ollama
import pytest

from sidecar.errors import APIError, ModelNotFound
from sidecar.values import AIResponse
from tests.providers.formats.ollama.saying import WIRE, end, line, lines, streamed, target
from tests.providers.formats.test_recorded import exchanges, some
from tests.providers.raw_server import Connection, Serve

Told = tuple[str, str, list[tuple[str, Any]], str | None, tuple[int | None, int | None]]
MADE = lines(
    line(content="", thinking="hm"),
    line(content="Hel"),
    line(content="lo"),
    line(content="", tool_calls=[{"function": {"name": "f", "arguments": {"a": [1, "😀"]}}}]),
    line(content="", tool_calls=[{"function": {"index": 0, "name": "g", "arguments": {}}}]),
    end(prompt_eval_count=3, eval_count=4),
)


def asked(serve: Serve, body: bytes, *, status: str = "200 OK") -> Told:
    """What the SDK makes of a stream."""

    def script(connection: Connection) -> None:
        connection.answer(body, status=status, content_type="application/x-ndjson")

    url = serve(script).url.removesuffix("/v1")
    text = thinking = ""
    calls: list[tuple[str, Any]] = []
    last = None
    with ollama.Client(url, trust_env=False) as client:
        for part in client.chat("m", messages=[{"role": "user", "content": "hi"}], stream=True):
            text += part.message.content or ""
            thinking += part.message.thinking or ""
            found = part.message.tool_calls or ()
            calls += [(call.function.name, dict(call.function.arguments)) for call in found]
            last = part
    assert last is not None
    return text, thinking, calls, last.done_reason, (last.prompt_eval_count, last.eval_count)


def ours(response: AIResponse) -> Told:
    usage = response.usage
    assert usage is not None
    calls = [(call.name, json.loads(call.arguments)) for call in response.tool_calls or ()]
    return (
        response.content,
        response.reasoning or "",
        calls,
        response.provider_finish_reason,
        (usage.prompt_tokens, usage.completion_tokens),
    )


def test_the_sdk_reads_the_same_from_a_made_stream(serve: Serve) -> None:
    assert asked(serve, MADE) == ours(streamed(MADE)[1])


def test_the_sdk_reads_the_same_from_every_recorded_exchange(
    serve: Serve, recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(each for each in exchanges(recorded, "/api/chat") if each.status == 200):
        with subtests.test(str(each)):
            assert asked(serve, each.body) == ours(streamed(each.body)[1])


def test_an_error_in_the_stream_is_one_for_both(serve: Serve) -> None:
    body = lines(line(content="a"), {"error": "it died"})
    with pytest.raises(ollama.ResponseError, match="it died"):
        asked(serve, body)
    with pytest.raises(APIError, match="it died"):
        streamed(body)


def test_an_error_answer_is_one_for_both(serve: Serve) -> None:
    body = b'{"error":"model \'m\' not found"}'
    with pytest.raises(ollama.ResponseError) as caught:
        asked(serve, body, status="404 Not Found")
    error = WIRE.parse_error(404, {}, body, target())
    assert isinstance(error, ModelNotFound)
    assert (caught.value.error, caught.value.status_code) == (error.provider_message, error.status)
