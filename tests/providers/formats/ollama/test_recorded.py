"""Real traffic: what the decoder makes of it, and what the sidecar would have sent in its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sidecar.providers.sink import Facts
from sidecar.values import AIResponse
from tests.providers.answers import CUTS
from tests.providers.formats.ollama.naive import Reading, read, request_of
from tests.providers.formats.ollama.saying import WIRE, answer, streamed, target
from tests.providers.formats.test_recorded import Exchange, exchanges, some

Json = dict[str, Any]
CHAT = "/api/chat"


@pytest.fixture
def chats(recorded: Path) -> list[Exchange]:
    """Every chat with Ollama that was answered."""
    found = (each for each in exchanges(recorded, CHAT) if each.vendor == "ollama")
    return some(each for each in found if each.status == 200)


def test_every_recorded_answer_says_what_its_raw_json_says_however_it_is_cut(
    chats: list[Exchange], subtests: pytest.Subtests
) -> None:
    for each in chats:
        reading = read(each.body.decode())
        for name, cut in CUTS.items():
            with subtests.test(str(each), cut=name):
                chunks, response = streamed(each.body, cut)
                assert_same(response, reading)
                assert "".join(chunk.content or "" for chunk in chunks) == reading.text
                ends = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
                assert ends == [response.finish_reason]


def test_every_recorded_whole_answer_is_read_as_one_as_well(
    chats: list[Exchange], subtests: pytest.Subtests
) -> None:
    for each in some(each for each in chats if "ndjson" not in each.headers["content-type"]):
        with subtests.test(str(each)):
            assert_same(answer(each.body), read(each.body.decode()))


def assert_same(response: AIResponse, reading: Reading) -> None:
    """Hold a response against the independent reading of its raw JSON."""
    assert response.content == response.message.content == reading.text
    assert (response.reasoning or "") == reading.thinking
    blocks = response.message.reasoning or []
    assert "".join(block.text or "" for block in blocks) == reading.thinking
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls or ()]
    assert calls == reading.calls
    assert response.provider_finish_reason == response.finish_reason == reading.finish
    assert response.model == reading.model
    assert response.usage is not None
    told = (response.usage.prompt_tokens, response.usage.completion_tokens)
    assert told == reading.counts
    assert response.usage.total_tokens == sum(told)
    assert response.warnings is None


def test_every_recorded_request_is_built_as_its_client_sent_it(
    chats: list[Exchange], subtests: pytest.Subtests
) -> None:
    for each in chats:
        with subtests.test(str(each)):
            request = request_of(each.request)
            facts = Facts()
            http = WIRE.build_request(request, target(request.model or ""), facts)
            assert (http.method, urlsplit(http.url).path) == ("POST", each.path)
            assert normal(json.loads(http.body or b"")) == normal(json.loads(each.request))
            assert facts.warnings == []


def normal(body: Json) -> Json:
    """Take out the differences that mean the same.

    The whole list of them: `options` without any, and the ids of calls and results, which the
    recorded client does not send.
    """
    body = dict(body)
    if not body.get("options"):
        body.pop("options", None)
    body["messages"] = [_without_ids(message) for message in body["messages"]]
    return body


def _without_ids(message: Json) -> Json:
    message = {name: value for name, value in message.items() if name != "tool_call_id"}
    if "tool_calls" in message:
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "id"}
            for call in message["tool_calls"]
        ]
    return message
