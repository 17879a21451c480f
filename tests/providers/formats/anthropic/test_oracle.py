"""The official SDK as an oracle: the same bytes say the same to it and to the decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic as Sdk
from anthropic import APIStatusError

from sidecar.errors import AIError
from sidecar.values import AIResponse
from tests.providers.formats.anthropic.saying import (
    Json,
    answer,
    block,
    call,
    end,
    message,
    sse,
    start,
    streamed,
    text,
    thinking,
)
from tests.providers.formats.anthropic.test_recorded import exchanges
from tests.providers.raw_server import Connection, Serve

CITED = {
    "type": "char_location",
    "cited_text": "x",
    "document_index": 0,
    "document_title": "T",
    "start_char_index": 0,
    "end_char_index": 1,
}
STREAMS: dict[str, bytes] = {
    "text": sse(start(), *text(0, "Hel", "lo 😀"), *end()),
    "thinking": sse(start(), *thinking(0, "Hm, ", "well."), *text(1, "Four."), *end()),
    "encrypted": sse(start(), *block(0, type="redacted_thinking", data="c2Vj"), *end()),
    "calls": sse(
        start(),
        *text(0, "I look."),
        *call(1, "f", '{"a": [1, ', '2.5], "b": "ü"}'),
        *call(2, "g"),
        *end("tool_use"),
    ),
    "citations": sse(
        start(),
        *block(0, {"type": "citations_delta", "citation": CITED},
               {"type": "text_delta", "text": "x"}, type="text", text="", citations=None),
        *end(),
    ),
    "refusal": sse(start(), *end("refusal", stop_details={"type": "refusal", "category": "bio",
                                                          "explanation": "No."})),
    "usage": sse(
        {"type": "message_start", "message": message(stop=None, usage={
            "input_tokens": 3, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20,
            "output_tokens": 1})},
        *text(0, "Hi"),
        {"type": "ping"},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"},
         "usage": {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}}},
        {"type": "message_stop"},
    ),
}  # fmt: skip


ASK: dict[str, Any] = {
    "model": "claude-sonnet-4-6",
    "max_tokens": 10,
    "messages": [{"role": "user", "content": "hi"}],
}


class Oracle:
    """The SDK, in front of a server that answers what it is told to."""

    def __init__(self, serve: Serve) -> None:
        self._next = (b"", "")
        server = serve(self._answer)
        address = server.url.removesuffix("/v1")
        self.sdk = Sdk(api_key="sk-test", base_url=address, max_retries=0, timeout=20)

    def stream(self, body: bytes) -> Json:
        """What it makes of a stream."""
        self._next = (body, "text/event-stream")
        with self.sdk.messages.stream(**ASK) as stream:
            found: Json = stream.get_final_message().to_dict()
        return found

    def answer(self, body: bytes) -> Json:
        """What it makes of a whole answer."""
        self._next = (body, "application/json")
        found: Json = self.sdk.messages.create(**ASK).to_dict()
        return found

    def _answer(self, connection: Connection) -> None:
        body, content_type = self._next
        connection.answer(body, content_type=content_type)


@pytest.fixture
def oracle(serve: Serve) -> Iterator[Oracle]:
    found = Oracle(serve)
    with found.sdk:
        yield found


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_says_the_same_to_both(oracle: Oracle, name: str) -> None:
    assert_same(streamed(STREAMS[name])[1], oracle.stream(STREAMS[name]))


def test_every_recorded_answer_says_the_same_to_both(
    recorded: Path, oracle: Oracle, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded):
        response = each["response"]
        if response["status"] != 200:
            continue
        with subtests.test(each["case"]):
            body = response["body"].encode()
            if "event-stream" in response["headers"]["content-type"]:
                assert_same(streamed(body)[1], oracle.stream(body))
            else:
                assert_same(answer(body), oracle.answer(body))


@pytest.mark.parametrize("word", ["overloaded_error", "api_error", "rate_limit_error"])
def test_an_error_in_a_stream_is_one_to_both(oracle: Oracle, word: str) -> None:
    fault = {"type": "error", "error": {"type": word, "message": "It is so."}}
    body = sse(start(), *text(0, "Hel"), fault)
    with pytest.raises(APIStatusError, match=r"It is so\."):
        oracle.stream(body)
    with pytest.raises(AIError, match=r"It is so\."):
        streamed(body)


def assert_same(ours: AIResponse, theirs: Json) -> None:
    """Compare text, reasoning with its proofs, calls, citations, the end and the usage."""
    blocks: dict[str, list[Json]] = {}
    for found in theirs["content"]:
        blocks.setdefault(found["type"], []).append(found)
    assert ours.content == "".join(found["text"] for found in blocks.get("text", ()))
    thoughts = [(each.text or "", each.signature) for each in ours.message.reasoning or ()
                if each.data is None]  # fmt: skip
    assert thoughts == [
        (found["thinking"], found["signature"]) for found in blocks.get("thinking", ())
    ]
    secrets = [each.data for each in ours.message.reasoning or () if each.data is not None]
    assert secrets == [found["data"] for found in blocks.get("redacted_thinking", ())]
    calls = [(each.id, each.name, json.loads(each.arguments)) for each in ours.tool_calls or ()]
    assert calls == [
        (found["id"], found["name"], found["input"]) for found in blocks.get("tool_use", ())
    ]
    cited = [(each.title, each.text) for each in ours.citations or ()]
    assert cited == [
        (each["document_title"], each["cited_text"])
        for found in blocks.get("text", ())
        for each in found.get("citations") or ()
    ]
    assert ours.provider_finish_reason == theirs["stop_reason"]
    assert ours.refusal == (theirs.get("stop_details") or {}).get("explanation")
    assert (ours.model, ours.response_id) == (theirs["model"], theirs["id"])
    usage, raw = ours.usage, theirs["usage"]
    assert usage is not None
    inward = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    assert usage.prompt_tokens == sum(raw.get(name) or 0 for name in inward)
    assert usage.completion_tokens == raw["output_tokens"]
    thought = (raw.get("output_tokens_details") or {}).get("thinking_tokens")
    assert usage.reasoning_tokens == thought
