"""From a provider's socket to stdout, through a real sidecar process."""

from __future__ import annotations

import json
import socket
import sys
import threading
from pathlib import Path

import psutil
import pytest

from tests.conditions import comes_true
from tests.conftest import Start
from tests.providers.answers import delta, events
from tests.providers.raw_server import (
    Connection,
    Script,
    Serve,
    chunk,
    chunked_head,
    chunks,
)
from tests.providers.sidecars import (
    KEY,
    LIMIT_S,
    Connect,
    Json,
    ask,
    configure,
    is_end,
    nothing_more,
    said,
    stream,
    until_end,
)

MIB = 1024 * 1024
STREAM = events(
    delta(content="Hel"),
    delta(content="lo"),
    delta("stop"),
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
)
FIRST = chunked_head() + chunk(events(delta(content="Hel"), done=False))


def test_a_stream_arrives_whole_and_ends_once(connect: Connect, serve: Serve) -> None:
    peer = connect(serve(lambda connection: connection.answer(STREAM)))
    stream(peer, "raw", ask())
    told, end = until_end(peer)
    assert said(told) == end["response"]["content"] == "Hello"
    assert end["finish_reason"] == "stop"
    assert end["response"]["usage"]["total_tokens"] == 7
    assert "error" not in end
    nothing_more(peer)


def test_configure_provider_makes_a_provider_of_a_server(start: Start, serve: Serve) -> None:
    server = serve(lambda connection: connection.answer(STREAM))
    peer = start()
    row = {"provider": "mine", "format": "openai_chat", "base_url": server.url}
    assert "result" in peer.call("configure_provider", row, LIMIT_S)
    stream(peer, "mine", ask())
    assert until_end(peer)[1]["response"]["content"] == "Hello"


def test_a_reset_inside_a_stream_ends_it_with_the_error_and_what_was_said(
    connect: Connect, serve: Serve
) -> None:
    told = threading.Event()

    def script(connection: Connection) -> None:
        connection.send(FIRST)
        assert told.wait(LIMIT_S)
        connection.reset()

    peer = connect(serve(script))
    stream(peer, "raw", ask())
    peer.messages_until(lambda message: message["method"] == "ai_stream_chunk", LIMIT_S)
    told.set()
    _, end = until_end(peer)
    assert end["finish_reason"] == "error"
    assert end["error"]["data"]["kind"] == "truncated_stream"
    assert end["error"]["data"]["provider"] == "raw"
    assert end["response"]["content"] == "Hel"
    nothing_more(peer)


@pytest.mark.parametrize(
    ("sent", "waits_for_chunk"),
    [(b"", False), (chunked_head() + chunk(b": wait\n\n"), False), (FIRST, True)],
    ids=["waiting for the head", "waiting for a word", "streaming"],
)
def test_a_cancel_closes_the_providers_socket_and_ends_the_stream_once(
    connect: Connect, serve: Serve, sent: bytes, *, waits_for_chunk: bool
) -> None:
    reached = threading.Event()

    def script(connection: Connection) -> None:
        connection.send(sent)
        reached.set()
        connection.hang()

    server = serve(script)
    peer = connect(server)
    stream(peer, "raw", ask())
    assert reached.wait(LIMIT_S)
    if waits_for_chunk:
        peer.messages_until(lambda message: message["method"] == "ai_stream_chunk", LIMIT_S)
    number = peer.request("cancel_execution", {"execution_id": "e1"})
    assert server.connection().closed.wait(LIMIT_S)  # sooner than by any timeout
    messages = peer.messages_until(is_end, LIMIT_S)
    end = messages[-1]["params"]
    assert end["finish_reason"] == "cancelled"
    assert end["response"]["content"] == ("Hel" if waits_for_chunk else "")
    if not any(message.get("id") == number for message in messages):
        answer = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)
        assert answer[-1]["result"] == {"cancelled": True}
    again = peer.call("cancel_execution", {"execution_id": "e1"}, LIMIT_S)
    assert again["result"] == {"cancelled": False}
    nothing_more(peer)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse when a queue is full")
def test_a_cancel_before_the_connection_stands_gives_it_up(start: Start, tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            row = {"format": "openai_chat", "base_url": f"http://127.0.0.1:{port}"}
            configure(tmp_path / "home", raw=row)
            peer = start()
            stream(peer, "raw", ask())
            sidecar = psutil.Process(peer.process_id)
            assert comes_true(lambda: has_socket_to(sidecar, port))
            assert peer.call("cancel_execution", {"execution_id": "e1"}, LIMIT_S)
            assert comes_true(lambda: not has_socket_to(sidecar, port))
    listed = peer.call("list_executions", {"include_ended": True}, LIMIT_S)
    assert listed["result"]["executions"][0]["state"] == "cancelled"


def has_socket_to(process: psutil.Process, port: int) -> bool:
    return any(
        bool(each.raddr) and each.raddr[1] == port for each in process.net_connections("tcp")
    )


def test_one_executions_failure_leaves_the_other_alone(connect: Connect, serve: Serve) -> None:
    failed = threading.Event()

    def script(connection: Connection) -> None:
        connection.send(FIRST)
        if b"doomed" in server.requests[connection.number]:
            assert failed.wait(LIMIT_S)
            connection.reset()
        else:
            assert failed.wait(LIMIT_S)
            connection.send(chunks([events(delta("stop", content="lo"))]))

    server = serve(script)
    peer = connect(server)
    first = "ai_stream_chunk"
    stream(peer, "raw", ask(text="doomed"), "e1")
    peer.messages_until(lambda message: message["method"] == first, LIMIT_S)
    stream(peer, "raw", ask(text="fine"), "e2")
    peer.messages_until(lambda message: message["method"] == first, LIMIT_S)
    failed.set()
    ends: dict[str, Json] = {}
    while len(ends) < 2:
        [*_, message] = peer.messages_until(
            lambda message: message.get("method") == "ai_stream_end", LIMIT_S
        )
        ends[message["params"]["execution_id"]] = message["params"]
    assert ends["e1"]["error"]["data"]["kind"] == "truncated_stream"
    assert ends["e2"]["response"]["content"] == "Hello"
    assert ends["e2"]["finish_reason"] == "stop"


def test_the_key_is_on_no_line_though_the_provider_sends_it_back(
    connect: Connect, serve: Serve
) -> None:
    forms = [KEY, "my%20own%2Fkey%2B1", "bXkgb3duL2tleSsx"]
    body = json.dumps({"error": {"message": f"Your key: {' '.join(forms)}.", "code": 400}}).encode()
    answers: list[Script] = [
        lambda connection: connection.answer(body, status="400 Bad", x_request_id=KEY),
        lambda connection: connection.answer(b"data: " + body + b"\n\n", x_request_id=KEY),
        lambda connection: connection.answer(body, content_type="application/json"),
        lambda connection: connection.answer(KEY.encode(), content_type="text/plain"),
    ]

    def script(connection: Connection) -> None:
        answers[len(server.requests) - 1](connection)

    server = serve(script)
    peer = connect(server)
    for number in range(len(answers)):
        stream(peer, "raw", ask(), f"e{number}")
        _, end = until_end(peer, f"e{number}")
        assert end["error"]["data"]["provider_message"]
        line = json.dumps(end, ensure_ascii=False)
        assert not [form for form in forms if form in line]
    assert all(b"Bearer " + KEY.encode() in request for request in server.requests)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1"])
def test_a_proxy_of_the_environment_that_cannot_serve_is_told(start: Start, proxy: str) -> None:
    peer = start(HTTPS_PROXY=proxy, GROQ_API_KEY="a-key-for-nobody-0123456789")
    answer = peer.call("list_models", {"provider": "groq"}, LIMIT_S)
    assert answer["error"]["data"]["kind"] == "config"
    assert "HTTPS_PROXY" in answer["error"]["data"]["hint"]
    [problem] = peer.call("initialize", {}, LIMIT_S)["result"]["problems"]
    assert problem.startswith("HTTPS_PROXY names ")
