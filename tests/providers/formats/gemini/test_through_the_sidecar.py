"""The format from the wire to stdout: a real sidecar whose provider is a server of the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.formats.gemini.saying import events, part_of
from tests.providers.raw_server import Connection, RawServer, Serve, chunk, chunked_head
from tests.providers.sidecars import LIMIT_S, ask, configure, is_end, stream, until_end
from tests.providers.test_floods import MIB, Memory

Json = dict[str, Any]
KEY = "AIzaSy-one-of-our-own-0123456789abcdef"
Connected = Callable[[RawServer], Peer]


@pytest.fixture
def google(start: Start, tmp_path: Path) -> Connected:
    """Start a sidecar whose row `google` is a server of the test's."""

    def begin(server: RawServer) -> Peer:
        base = server.url.replace("/v1", "/v1beta")
        configure(tmp_path / "home", google={"base_url": base})
        return start(GEMINI_API_KEY=KEY)

    return begin


def gemini(connection: Connection, *objects: object) -> None:
    connection.answer(events(*objects))


def test_a_conversation_with_tools_runs_over_rpc(google: Connected, serve: Serve) -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}
    answers = [[part_of(call, finish="STOP")], [part_of({"text": "Done."}, finish="STOP")]]
    server = serve(lambda connection: gemini(connection, *answers[len(server.requests) - 1]))
    peer = google(server)
    request = ask("gemini-3-flash-preview", tools=[{"name": "f"}])
    stream(peer, "google", request)
    first = until_end(peer)[1]["response"]
    (made,) = first["tool_calls"]
    assert (made["name"], json.loads(made["arguments"]), made["signature"]) == ("f", {"a": 1}, "s")
    result = {"role": "tool", "tool_call_id": made["id"], "content": "7"}
    messages = [*request["messages"], first["message"], result]
    stream(peer, "google", {**request, "messages": messages}, "e2")
    second = until_end(peer, "e2")[1]["response"]
    assert second["content"] == "Done."
    assert "warnings" not in second
    head, _, body = server.requests[1].partition(b"\r\n\r\n")
    path = b"POST /v1beta/models/gemini-3-flash-preview:streamGenerateContent?alt=sse HTTP/1.1"
    assert head.startswith(path)
    assert f"x-goog-api-key: {KEY}".encode() in head
    assert [turn["role"] for turn in json.loads(body)["contents"]] == ["user", "model", "user"]
    assert json.loads(body)["contents"][1]["parts"][0]["thoughtSignature"] == "s"


def test_a_provider_of_ones_own_gets_its_key_in_googles_header(
    serve: Serve, start: Start, tmp_path: Path
) -> None:
    server = serve(lambda each: gemini(each, part_of({"text": "a"}, finish="STOP")))
    row = {"format": "gemini", "base_url": server.url, "key_variable": "RAW_API_KEY"}
    configure(tmp_path / "home", raw=row)
    peer = start(RAW_API_KEY=KEY)
    params = {"provider": "raw", "request": ask("gemini-3")}
    assert peer.call("call_ai_provider", params, LIMIT_S)["result"]["content"] == "a"
    assert f"x-goog-api-key: {KEY}".encode() in server.requests[0]
    assert b"authorization" not in server.requests[0].lower()


def test_structured_output_is_parsed(google: Connected, serve: Serve) -> None:
    server = serve(lambda each: gemini(each, part_of({"text": '{"a": 1}'}, finish="STOP")))
    peer = google(server)
    wanted = {"type": "json_schema", "schema": {"type": "object", "required": ["a"]}}
    params = {"provider": "google", "request": ask("gemini-3", response_format=wanted)}
    assert peer.call("call_ai_provider", params, LIMIT_S)["result"]["parsed"] == {"a": 1}
    sent = json.loads(server.requests[0].partition(b"\r\n\r\n")[2])
    assert sent["generationConfig"]["responseJsonSchema"] == wanted["schema"]


def test_all_pages_of_the_list_of_models_are_asked_for(google: Connected, serve: Serve) -> None:
    pages: list[Json] = [
        {"models": [{"name": "models/a"}], "nextPageToken": "t/1"},
        {"models": [{"name": "models/b"}]},
    ]
    server = serve(lambda each: each.answer(json.dumps(pages[len(server.requests) - 1]).encode()))
    answer = google(server).call("list_models", {"provider": "google"}, LIMIT_S)
    assert [model["id"] for model in answer["result"]["models"]] == ["a", "b"]
    assert b"GET /v1beta/models?pageSize=1000&pageToken=t%2F1 " in server.requests[1]


def test_a_refusal_has_its_kind_its_words_and_its_delay(google: Connected, serve: Serve) -> None:
    body = json.dumps({"error": {
        "code": 429, "status": "RESOURCE_EXHAUSTED", "message": f"Not with {KEY}.",
        "details": [{"violations": [{"quotaId": "PerMinute"}]}, {"retryDelay": "2.5s"}],
    }}).encode()  # fmt: skip
    server = serve(lambda connection: connection.answer(body, status="429 Too Many"))
    peer = google(server)
    stream(peer, "google", ask("gemini-3"))
    error = until_end(peer)[1]["error"]["data"]
    assert (error["kind"], error["retry_after_ms"], error["status"]) == ("rate_limited", 2500, 429)
    assert error["provider_message"].startswith("Not with ")
    assert KEY not in json.dumps(error)


def test_a_stream_that_is_cut_off_keeps_what_was_said(google: Connected, serve: Serve) -> None:
    server = serve(lambda connection: gemini(connection, part_of({"text": "Hel"})))
    peer = google(server)
    stream(peer, "google", ask("gemini-3"))
    _, end = until_end(peer)
    assert end["error"]["data"]["kind"] == "truncated_stream"
    assert end["response"]["content"] == "Hel"


CALL = {"functionCall": {"name": "f", "args": {"a": 1}}}
MORE = {"functionCall": {"willContinue": True, "partialArgs": [
    {"jsonPath": "$.a", "stringValue": "x" * 60_000, "willContinue": True}]}}  # fmt: skip
FLOODS = {
    "words": part_of({"text": "x" * 60_000}),
    "thoughts": part_of({"text": "x" * 60_000, "thought": True}),
    "signatures": part_of({"text": "", "thoughtSignature": "x" * 60_000}),
    "tool calls": part_of(*[CALL] * 500),
    "signatures of calls": part_of({**CALL, "thoughtSignature": "x" * 60_000}),
    "arguments in pieces": part_of(MORE),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_provider_that_never_stops_gives_a_typed_error_in_bounded_memory(
    google: Connected, serve: Serve, name: str
) -> None:
    def script(connection: Connection) -> None:
        connection.send(chunked_head())
        connection.push(chunk(events(FLOODS[name])))

    server = serve(script)
    peer = google(server)
    peer.call("list_models", {"provider": "local"}, LIMIT_S)
    with Memory(psutil.Process(peer.process_id)) as memory:
        peer.request(
            "stream_ai_provider",
            {"provider": "google", "request": ask("gemini-3"), "execution_id": "e1"},
        )
        end = peer.messages_until(is_end, LIMIT_S)[-1]["params"]
    assert end["error"]["data"]["kind"] == "invalid_response"
    assert server.connection().closed.wait(LIMIT_S)
    assert memory.grown < 200 * MIB, f"grew by {memory.grown // MIB} MiB"
