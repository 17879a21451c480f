"""From a server that speaks the Messages API to the sidecar's stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.formats.anthropic.saying import (
    Json,
    call,
    end,
    message,
    sse,
    text,
    thinking,
)
from tests.providers.formats.anthropic.saying import (
    start as starts,
)
from tests.providers.raw_server import Connection, RawServer, Serve
from tests.providers.sidecars import LIMIT_S, Connect, ask, configure, said, stream, until_end

KEY = "sk-ant-0123456789"
STREAM = sse(
    starts(), *thinking(0, "Hm."), *text(1, "Hel", "lo"), *call(2, "f", "{}"), *end("tool_use")
)
MODELS = [
    {"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "last_id": "b"},
    {"data": [{"id": "c"}], "has_more": False, "last_id": "c"},
]


@pytest.fixture
def begin(start: Start, tmp_path: Path) -> Connect:
    """Start a sidecar whose provider `anthropic` is a server."""

    def begun(server: RawServer) -> Peer:
        row = {"base_url": server.url.removesuffix("/v1"), "key_variable": "MY_KEY"}
        configure(tmp_path / "home", anthropic=row)
        return start(MY_KEY=KEY)

    return begun


def test_a_stream_arrives_whole_with_what_goes_back(begin: Connect, serve: Serve) -> None:
    server = serve(lambda connection: connection.answer(STREAM))
    peer = begin(server)
    stream(peer, "anthropic", ask("claude-sonnet-4-6", seed=3))
    chunks, last = until_end(peer)
    response = last["response"]
    assert said(chunks) == response["content"] == "Hello"
    assert last["finish_reason"] == "tool_calls"
    assert response["message"]["reasoning"] == [
        {"text": "Hm.", "signature": "proof", "origin": "anthropic/claude-sonnet-4-6"}
    ]
    assert response["usage"] == {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    assert response["warnings"] == ["Anthropic takes no `seed`; it was not sent."]
    head = server.requests[0].lower()
    assert b"post /v1/messages " in head
    assert f"x-api-key: {KEY}\r\n".encode() in head
    assert b"authorization" not in head


def test_structured_output_is_parsed(begin: Connect, serve: Serve) -> None:
    body = json.dumps(message({"type": "text", "text": '{"n": 3}'})).encode()
    server = serve(lambda it: it.answer(body, content_type="application/json"))
    peer = begin(server)
    schema: Json = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    request = ask("claude-opus-5", response_format={"type": "json_schema", "schema": schema})
    params = {"provider": "anthropic", "request": request}
    answer = peer.call("call_ai_provider", params, LIMIT_S)
    assert answer["result"]["parsed"] == {"n": 3}
    assert "`minimum`" in str(answer["result"]["warnings"])


def test_an_overloaded_server_is_told_with_its_request(begin: Connect, serve: Serve) -> None:
    fault = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}

    def script(connection: Connection) -> None:
        body = json.dumps(fault).encode()
        connection.answer(body, status="529 ", content_type="application/json", request_id="req_1")

    peer = begin(serve(script))
    stream(peer, "anthropic", ask("claude-sonnet-4-6"))
    _, last = until_end(peer)
    told = last["error"]["data"]
    assert (told["kind"], told["status"], told["request_id"]) == ("overloaded", 529, "req_1")


def test_a_connection_that_breaks_keeps_what_came(begin: Connect, serve: Serve) -> None:
    half = STREAM[: STREAM.index(b'"lo"') - 20]

    def script(connection: Connection) -> None:
        connection.answer(half)
        connection.hang_up()

    peer = begin(serve(script))
    stream(peer, "anthropic", ask("claude-sonnet-4-6"))
    _, last = until_end(peer)
    assert last["error"]["data"]["kind"] == "truncated_stream"
    assert last["response"]["content"] == "Hel"


def test_every_page_of_the_models_is_asked_for(begin: Connect, serve: Serve) -> None:
    def script(connection: Connection) -> None:
        page = MODELS[b"after_id=b" in server.requests[-1]]
        connection.answer(json.dumps(page).encode(), content_type="application/json")

    server = serve(script)
    peer = begin(server)
    answer = peer.call("list_models", {"provider": "anthropic"}, LIMIT_S)
    assert [model["id"] for model in answer["result"]["models"]] == ["a", "b", "c"]
    assert len(server.requests) == 2
