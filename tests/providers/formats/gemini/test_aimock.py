"""A third party's fake of Google's API, the npm package @copilotkit/aimock."""

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

MODEL = "gemini-2.5-flash"


@pytest.fixture(scope="session")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the fake."""
    node = node_program("node", PACKAGE)
    folder = tmp_path_factory.mktemp("aimock-gemini")
    (folder / "fixtures.json").write_text(json.dumps({"fixtures": FIXTURES}), encoding="utf-8")
    command = [node, str(CLI), "--port", "0", "--fixtures", "fixtures.json"]
    with program(command, folder, clean_environment(folder)) as address:
        yield f"{address}/v1beta"


@pytest.fixture
def peer(fake: str, start: Start, tmp_path: Path) -> Peer:
    """A sidecar whose provider `google` is the fake."""
    configure(tmp_path / "home", google={"base_url": fake})
    return start(GEMINI_API_KEY="AIza-test-0123456789")


def test_text_is_streamed_whole_with_its_usage(peer: Peer) -> None:
    stream(peer, "google", ask(MODEL, "long"))
    chunks, end = until_end(peer)
    assert said(chunks) == end["response"]["content"] == LONG
    assert len(chunks) > 10
    assert end["finish_reason"] == "stop"
    assert end["response"]["usage"]["total_tokens"] >= 0


def test_a_call_without_a_stream_says_the_same(peer: Peer) -> None:
    params = {"provider": "google", "request": ask(MODEL, "long")}
    assert peer.call("call_ai_provider", params, LIMIT_S)["result"]["content"] == LONG


def test_reasoning_is_kept_apart_from_the_answer(peer: Peer) -> None:
    stream(peer, "google", ask(MODEL, "think"))
    response = until_end(peer)[1]["response"]
    assert (response["content"], response["reasoning"]) == ("Four.", "Two and two.")


@pytest.mark.parametrize("streams", [True, False])
def test_parallel_tool_calls_arrive_whole(peer: Peer, *, streams: bool) -> None:
    request = ask(MODEL, "tools", tools=TOOLS)
    if streams:
        stream(peer, "google", request)
        response = until_end(peer)[1]["response"]
    else:
        params = {"provider": "google", "request": request}
        response = peer.call("call_ai_provider", params, LIMIT_S)["result"]
    calls = [(each["name"], json.loads(each["arguments"])) for each in response["tool_calls"]]
    assert calls == [(each["name"], each["arguments"]) for each in (WEATHER, CLOCK)]


@pytest.mark.parametrize(
    ("message", "kind", "status"),
    [("limit", "rate_limited", 429), ("broken", "api_error", 500)],
)
def test_injected_errors_have_their_kind(peer: Peer, message: str, kind: str, status: int) -> None:
    stream(peer, "google", ask(MODEL, message))
    error = until_end(peer)[1]["error"]["data"]
    assert (error["kind"], error["status"]) == (kind, status)
    assert error["provider_message"] in {"Slow down", "Oops"}


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ("cut", {"truncated_stream"}),
        ("garbled", {"invalid_response"}),
        ("dropped", {"network", "truncated_stream"}),
    ],
)
def test_injected_faults_are_typed_and_keep_what_was_said(
    peer: Peer, message: str, kinds: set[str]
) -> None:
    stream(peer, "google", ask(MODEL, message))
    chunks, end = until_end(peer)
    assert end["error"]["data"]["kind"] in kinds
    assert LONG.startswith(end["response"]["content"])
    assert said(chunks) == end["response"]["content"]
