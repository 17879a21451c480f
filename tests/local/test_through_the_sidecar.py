"""Local models through a real sidecar: what a front end sees when the worker dies or is stopped."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import psutil
import pytest

from sidecar.terminal.peer import Json, Peer
from tests.conftest import Start, needs_llama_cpp

needs_llama_cpp()
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops and kills by signals")

LIMIT_S = 60
ASK: Json = {
    "provider": "local",
    "request": {"model": "demo", "messages": [{"role": "user", "content": "Tell me a story"}]},
}


def stopped_worker(peer: Peer) -> psutil.Process:
    """Start the worker by a first answer, and stop it, so that the next one hangs."""
    assert "result" in peer.call("call_ai_provider", ASK, LIMIT_S)
    (worker,) = psutil.Process(peer.process_id).children()
    worker.send_signal(signal.SIGSTOP)
    return worker


def go_on(worker: psutil.Process) -> None:
    """Let a worker go on that was never given the work, and was therefore not killed for it."""
    with suppress(psutil.NoSuchProcess):
        worker.resume()


def ends(messages: list[Json], execution_id: str) -> list[Json]:
    return [
        each["params"]
        for each in messages
        if each.get("method") == "ai_stream_end" and each["params"]["execution_id"] == execution_id
    ]


def is_end(message: Json) -> bool:
    return message.get("method") == "ai_stream_end"


def test_a_worker_that_is_killed_ends_its_stream_once_and_the_next_request_works(
    start: Start,
) -> None:
    peer = start()
    worker = stopped_worker(peer)
    peer.call("stream_ai_provider", ASK | {"execution_id": "e1"}, LIMIT_S)
    other = peer.call("ping", {}, LIMIT_S)
    os.kill(worker.pid, signal.SIGKILL)
    heard = peer.messages_until(is_end, LIMIT_S)
    number = peer.request("call_ai_provider", ASK)
    heard += peer.messages_until(lambda each: each.get("id") == number, LIMIT_S)
    (end,) = ends(heard, "e1")
    assert end["finish_reason"] == "error"
    assert end["error"]["data"]["kind"] == "worker_crashed"
    assert end["error"]["data"]["provider"] == "local"
    assert heard[-1]["result"]["content"]
    assert other["result"] == {}


def test_a_cancel_does_not_wait_for_a_worker_that_is_stuck(start: Start) -> None:
    peer = start()
    stopped_worker(peer)
    peer.call("stream_ai_provider", ASK | {"execution_id": "e1"}, LIMIT_S)
    number = peer.request("cancel_execution", {"execution_id": "e1"})
    heard = peer.messages_until(is_end, LIMIT_S)
    (end,) = ends(heard, "e1")
    assert end["finish_reason"] == "cancelled"
    if not any(each.get("id") == number for each in heard):
        heard += peer.messages_until(lambda each: each.get("id") == number, LIMIT_S)
    assert {"cancelled": True} in [each.get("result") for each in heard]
    assert "result" in peer.call("call_ai_provider", ASK, LIMIT_S)  # by a new worker


def test_the_end_of_stdin_leaves_no_worker_behind(start: Start) -> None:
    peer = start()
    worker = stopped_worker(peer)
    worker.send_signal(signal.SIGCONT)
    peer.call("stream_ai_provider", ASK | {"execution_id": "e1"}, LIMIT_S)
    peer.end_input()
    assert peer.wait(LIMIT_S) == 0
    assert worker.wait(LIMIT_S) is None


EMBED: Json = {"provider": "local", "model": "demo", "input": ["Hello", "Where are my keys?"]}
QUESTIONS = pytest.mark.parametrize(
    ("method", "params"), [("embed", EMBED), ("count_tokens", ASK)], ids=["embed", "count_tokens"]
)


@QUESTIONS
def test_what_is_no_chat_ends_with_a_worker_that_is_killed_and_works_with_the_next(
    start: Start, method: str, params: Json
) -> None:
    peer = start()
    worker = stopped_worker(peer)
    number = peer.request(method, params)
    peer.call("ping", {}, LIMIT_S)
    os.kill(worker.pid, signal.SIGKILL)
    error = peer.messages_until(lambda each: each.get("id") == number, LIMIT_S)[-1]["error"]
    assert (error["data"]["kind"], error["data"]["provider"]) == ("worker_crashed", "local")
    assert "result" in peer.call(method, params, LIMIT_S)


@QUESTIONS
def test_what_is_no_chat_can_be_stopped_though_the_worker_is_stuck(
    start: Start, method: str, params: Json
) -> None:
    peer = start()
    worker = stopped_worker(peer)
    number = peer.request(method, params | {"execution_id": "e"})
    assert peer.call("cancel_execution", {"execution_id": "e"}, LIMIT_S)["result"]["cancelled"]
    answer = peer.messages_until(lambda each: each.get("id") == number, LIMIT_S)[-1]
    assert answer["error"]["code"] == -32800
    go_on(worker)
    assert "result" in peer.call(method, params, LIMIT_S)


@QUESTIONS
def test_what_is_no_chat_ends_at_its_deadline_though_the_worker_is_stuck(
    start: Start, method: str, params: Json
) -> None:
    peer = start()
    worker = stopped_worker(peer)
    timeouts = {"timeouts": {"total_ms": 50}}
    limited = (
        params | timeouts if method == "embed" else ASK | {"request": ASK["request"] | timeouts}
    )
    error = peer.call(method, limited, LIMIT_S)["error"]
    assert (error["data"]["kind"], error["data"]["provider"]) == ("timeout", "local")
    assert "timeouts.total_ms" in error["data"]["hint"]
    go_on(worker)
    assert "result" in peer.call(method, params, LIMIT_S)
