"""A real server of the OpenAI API that is not ours: llama-cpp-python's, with the demo model."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar.local
from sidecar.terminal.peer import Peer
from tests.conftest import Start, clean_environment, missing, needs_llama_cpp
from tests.providers.programs import program
from tests.providers.sidecars import (
    LIMIT_S,
    Json,
    ask,
    configure,
    is_end,
    nothing_more,
    said,
    stream,
    until_end,
)

MODEL = Path(sidecar.local.__file__).parent / "demo.gguf"
NEEDS = ("uvicorn", "fastapi", "sse_starlette", "starlette_context")


# with the code for this processor, which llama.cpp does not find by itself
SERVER = """
import runpy, sidecar.local.engine
runpy.run_module("llama_cpp.server", run_name="__main__")
"""


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `python -m llama_cpp.server`."""
    needs_llama_cpp()
    lacking = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if lacking:
        missing(f"llama_cpp.server ({', '.join(lacking)})", "scripts/setup --for test")
    folder = tmp_path_factory.mktemp("llama_server")
    command = [
        *(sys.executable, "-c", SERVER),
        *("--model", str(MODEL), "--model_alias", "demo"),
        *("--host", "127.0.0.1", "--port", "0", "--n_threads", "1"),
    ]
    with program(command, folder, clean_environment(folder)) as address:
        yield f"{address}/v1"


@pytest.fixture
def peer(llama_server: str, start: Start, tmp_path: Path) -> Peer:
    """A sidecar whose provider `llamacpp` is that server."""
    configure(tmp_path / "home", llamacpp={"base_url": llama_server})
    return start()


def test_its_models_are_listed(peer: Peer) -> None:
    answer = peer.call("list_models", {"provider": "llamacpp"}, LIMIT_S)
    [model] = answer["result"]["models"]
    assert model["id"] == "demo"
    tested = peer.call("test_provider_connection", {"provider": "llamacpp"}, LIMIT_S)
    assert tested["result"]["ok"] is True


def test_a_stream_and_a_call_say_the_same(peer: Peer) -> None:
    request = ask("demo", "Hello!", max_tokens=24, temperature=0, seed=1)
    stream(peer, "llamacpp", request)
    chunks, end = until_end(peer)
    assert end["finish_reason"] in {"stop", "length"}
    assert said(chunks) == end["response"]["content"] != ""
    assert len(chunks) > 3
    called = peer.call("call_ai_provider", {"provider": "llamacpp", "request": request}, LIMIT_S)
    response = called["result"]
    assert response["content"] == said(chunks)
    assert response["usage"]["completion_tokens"] > 0
    assert response["finish_reason"] == end["finish_reason"]
    nothing_more(peer)


def test_an_answer_that_is_cut_off_by_max_tokens_says_so(peer: Peer) -> None:
    stream(peer, "llamacpp", ask("demo", "Hello!", max_tokens=2))
    assert until_end(peer)[1]["finish_reason"] == "length"


def test_a_cancel_stops_it_and_the_next_request_is_answered(peer: Peer) -> None:
    # Every token but the end's is allowed: without a cancel this goes on for the whole context.
    forever = ask("demo", "Hello!", extra={"logit_bias": {"2": -100}})
    stream(peer, "llamacpp", forever)
    peer.messages_until(lambda message: message["method"] == "ai_stream_chunk", LIMIT_S)
    peer.request("cancel_execution", {"execution_id": "e1"})
    end = peer.messages_until(is_end, LIMIT_S)[-1]["params"]
    assert end["finish_reason"] == "cancelled"
    stream(peer, "llamacpp", ask("demo", "Hello!", max_tokens=4), "e2")
    assert said(until_end(peer, "e2")[0])


def refusal(peer: Peer, request: Json) -> Json:
    answer = peer.call("call_ai_provider", {"provider": "llamacpp", "request": request}, LIMIT_S)
    return dict(answer["error"]["data"])


def test_a_prompt_over_the_context_is_told(peer: Peer) -> None:
    error = refusal(peer, ask("demo", "Hello! " * 5000))
    assert error["kind"] == "context_length"
    assert error["provider"] == "llamacpp"


def test_a_refused_request_is_told_in_the_servers_words(peer: Peer) -> None:
    error = refusal(peer, ask("demo", extra={"top_k": "many"}))
    assert error["kind"] in {"invalid_request", "api_error"}
    assert "top_k" in error["provider_message"]
