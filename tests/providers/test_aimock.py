"""A third party's fake of the OpenAI API, the npm package @copilotkit/aimock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import ROOT, Start, clean_environment, node_program
from tests.providers.programs import program
from tests.providers.sidecars import LIMIT_S, ask, configure, said, stream, until_end

PACKAGE = ROOT / "tests/aimock"
CLI = PACKAGE / "node_modules/@copilotkit/aimock/dist/cli.js"
LONG = "A sentence of some length, with 😀 in it. " * 20
WEATHER = {"name": "get_weather", "arguments": {"city": "Ulm", "days": 2}, "id": "call_1"}
CLOCK = {"name": "get_time", "arguments": {"zone": "UTC"}, "id": "call_2"}
TOOLS = [{"name": each["name"], "parameters": {"type": "object"}} for each in (WEATHER, CLOCK)]


def fixture(message: str, response: dict[str, Any], **options: object) -> dict[str, object]:
    return {"match": {"userMessage": message}, "response": response, **options}


FIXTURES = [
    fixture("long", {"content": LONG}),
    fixture("think", {"content": "Four.", "reasoning": "Two and two."}),
    fixture("tools", {"toolCalls": [WEATHER, CLOCK]}),
    fixture("both", {"content": "I look it up.", "toolCalls": [WEATHER]}),
    fixture("json", {"content": '{"a": 1}'}),
    fixture(
        "limit", {"error": {"message": "Slow down", "type": "rate_limit_error"}, "status": 429}
    ),
    fixture("broken", {"error": {"message": "Oops", "type": "server_error"}, "status": 500}),
    fixture("cut", {"content": LONG}, truncateAfterChunks=3, latency=20),
    fixture("garbled", {"content": LONG}, chaos={"malformedRate": 1}),
    fixture("dropped", {"content": LONG}, chaos={"disconnectRate": 1}),
]


@pytest.fixture(scope="session")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the fake."""
    node = node_program("node", PACKAGE)
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}), encoding="utf-8")
    command = [node, str(CLI), "--port", "0", "--fixtures", "fixtures.json"]
    with program(command, folder, clean_environment(folder)) as address:
        yield f"{address}/v1"


@pytest.fixture
def peer(aimock: str, start: Start, tmp_path: Path) -> Peer:
    """A sidecar whose provider `openai` is the fake."""
    configure(tmp_path / "home", openai={"base_url": aimock})
    return start(OPENAI_API_KEY="sk-test-0123456789")


BOTH = pytest.mark.parametrize("model", ["gpt-4o", "gpt-5"])
"""By Chat Completions and by Responses."""


@BOTH
def test_text_is_streamed_whole_with_its_usage(peer: Peer, model: str) -> None:
    stream(peer, "openai", ask(model, "long"))
    chunks, end = until_end(peer)
    assert said(chunks) == end["response"]["content"] == LONG
    assert len(chunks) > 10
    assert end["finish_reason"] == "stop"
    counted = end["response"]["usage"]["total_tokens"]
    assert counted > 0 or model == "gpt-5"  # by Responses the fake counts nothing


@BOTH
def test_a_call_without_a_stream_says_the_same(peer: Peer, model: str) -> None:
    answer = peer.call(
        "call_ai_provider", {"provider": "openai", "request": ask(model, "long")}, LIMIT_S
    )
    assert answer["result"]["content"] == LONG


@BOTH
def test_reasoning_is_kept_apart_from_the_answer(peer: Peer, model: str) -> None:
    stream(peer, "openai", ask(model, "think"))
    _, end = until_end(peer)
    assert end["response"]["content"] == "Four."
    assert end["response"]["reasoning"] == "Two and two."


@BOTH
@pytest.mark.parametrize("streams", [True, False])
def test_parallel_tool_calls_arrive_whole(peer: Peer, model: str, *, streams: bool) -> None:
    request = ask(model, "tools", tools=TOOLS)
    if streams:
        stream(peer, "openai", request)
        response = until_end(peer)[1]["response"]
    else:
        params = {"provider": "openai", "request": request}
        response = peer.call("call_ai_provider", params, LIMIT_S)["result"]
    calls = [
        {**each, "arguments": json.loads(each["arguments"])} for each in response["tool_calls"]
    ]
    assert calls == [WEATHER, CLOCK]
    assert response["finish_reason"] == "tool_calls"


@BOTH
def test_text_before_a_tool_call_is_kept(peer: Peer, model: str) -> None:
    stream(peer, "openai", ask(model, "both", tools=TOOLS))
    response = until_end(peer)[1]["response"]
    assert response["content"] == "I look it up."
    assert [call["name"] for call in response["tool_calls"]] == ["get_weather"]


@BOTH
def test_json_mode_gives_json(peer: Peer, model: str) -> None:
    request = ask(model, "json", response_format={"type": "json_object"})
    stream(peer, "openai", request)
    assert json.loads(until_end(peer)[1]["response"]["content"]) == {"a": 1}


@BOTH
@pytest.mark.parametrize(
    ("message", "kind", "status"),
    [("limit", "rate_limited", 429), ("broken", "api_error", 500)],
)
def test_injected_errors_have_their_kind(
    peer: Peer, message: str, kind: str, status: int, model: str
) -> None:
    stream(peer, "openai", ask(model, message))
    error = until_end(peer)[1]["error"]["data"]
    assert (error["kind"], error["status"]) == (kind, status)
    assert error["provider_message"] in {"Slow down", "Oops"}
    assert error["request_id"]


@BOTH
@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("cut", {"truncated_stream"}),
        ("garbled", {"invalid_response"}),
        ("dropped", {"network", "truncated_stream"}),
    ],
)
def test_injected_faults_are_typed_and_keep_what_was_said(
    peer: Peer, message: str, kinds: set[str], model: str
) -> None:
    stream(peer, "openai", ask(model, message))
    chunks, end = until_end(peer)
    assert end["error"]["data"]["kind"] in kinds
    assert LONG.startswith(end["response"]["content"])
    assert said(chunks) == end["response"]["content"]


def test_models_are_listed(peer: Peer) -> None:
    answer = peer.call("list_models", {"provider": "openai"}, LIMIT_S)
    assert answer["result"]["models"]
