"""Azure, OpenRouter, Google and Ollama as a third party fakes them: @copilotkit/aimock of npm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start, clean_environment, node_program
from tests.providers.programs import program
from tests.providers.sidecars import LIMIT_S, ask, configure, said, stream, until_end
from tests.providers.test_aimock import CLI, CLOCK, FIXTURES, LONG, PACKAGE, TOOLS, WEATHER

KEY = "key-0123456789"


@pytest.fixture(scope="module")
def aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the fake."""
    node = node_program("node", PACKAGE)
    folder = tmp_path_factory.mktemp("aimock")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}), encoding="utf-8")
    command = [node, str(CLI), "--port", "0", "--fixtures", "fixtures.json"]
    with program(command, folder, clean_environment(folder)) as address:
        yield address


@pytest.fixture
def peer(aimock: str, start: Start, tmp_path: Path) -> Peer:
    """A sidecar all of whose providers are the fake."""
    configure(
        tmp_path / "home",
        azure={"base_url": aimock, "api_version": "2024-10-21"},
        azure_v1={"format": "openai_chat", "base_url": f"{aimock}/openai/v1", "auth": "api-key"},
        openrouter={"base_url": f"{aimock}/api/v1"},
        google={"base_url": f"{aimock}/v1beta"},
    )
    return start(
        OLLAMA_HOST=aimock.removeprefix("http://"),
        AZURE_OPENAI_API_KEY=KEY,
        OPENROUTER_API_KEY=KEY,
        GEMINI_API_KEY=KEY,
    )


EVERY = pytest.mark.parametrize("provider", ["azure", "azure_v1", "openrouter", "ollama", "google"])


@EVERY
def test_text_is_streamed_whole(peer: Peer, provider: str) -> None:
    stream(peer, provider, ask("gpt-4o", "long"))
    chunks, end = until_end(peer)
    assert said(chunks) == end["response"]["content"] == LONG
    assert len(chunks) > 10
    assert end["finish_reason"] == "stop"


@EVERY
def test_a_call_without_a_stream_says_the_same(peer: Peer, provider: str) -> None:
    params = {"provider": provider, "request": ask("gpt-4o", "long")}
    assert peer.call("call_ai_provider", params, LIMIT_S)["result"]["content"] == LONG


@EVERY
@pytest.mark.parametrize("streams", [True, False])
def test_parallel_tool_calls_arrive_whole(peer: Peer, provider: str, *, streams: bool) -> None:
    request = ask("gpt-4o", "tools", tools=TOOLS)
    if streams:
        stream(peer, provider, request)
        response = until_end(peer)[1]["response"]
    else:
        params = {"provider": provider, "request": request}
        response = peer.call("call_ai_provider", params, LIMIT_S)["result"]
    calls = response["tool_calls"]
    assert [(each["name"], json.loads(each["arguments"])) for each in calls] == [
        (each["name"], each["arguments"]) for each in (WEATHER, CLOCK)
    ]
    assert len({each["id"] for each in calls}) == 2


# Ollama's own name for it is `thinking`; this fake has another, which Ollama never sends.
@pytest.mark.parametrize("provider", ["azure", "azure_v1", "openrouter", "google"])
def test_reasoning_is_kept_apart_from_the_answer(peer: Peer, provider: str) -> None:
    stream(peer, provider, ask("gpt-4o", "think"))
    response = until_end(peer)[1]["response"]
    assert response["content"] == "Four."
    assert response["reasoning"] == "Two and two."


@EVERY
@pytest.mark.parametrize(
    ("message", "kind", "status"),
    [("limit", "rate_limited", 429), ("broken", "api_error", 500)],
)
def test_injected_errors_have_their_kind(
    peer: Peer, provider: str, message: str, kind: str, status: int
) -> None:
    stream(peer, provider, ask("gpt-4o", message))
    error = until_end(peer)[1]["error"]["data"]
    assert (error["kind"], error["status"]) == (kind, status)
    assert error["provider_message"] in {"Slow down", "Oops"}


@EVERY
@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("cut", {"truncated_stream"}),
        ("garbled", {"invalid_response", "truncated_stream"}),
        ("dropped", {"network", "truncated_stream"}),
    ],
)
def test_injected_faults_are_typed_and_keep_what_was_said(
    peer: Peer, provider: str, message: str, kinds: set[str]
) -> None:
    stream(peer, provider, ask("gpt-4o", message))
    chunks, end = until_end(peer)
    assert end["error"]["data"]["kind"] in kinds
    assert LONG.startswith(end["response"]["content"])
    assert said(chunks) == end["response"]["content"]


@pytest.mark.parametrize("provider", ["openrouter", "ollama"])
def test_models_are_listed(peer: Peer, provider: str) -> None:
    answer = peer.call("list_models", {"provider": provider}, LIMIT_S)
    assert answer["result"]["models"]
