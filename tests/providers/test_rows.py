"""Rows of the catalogue as requests leave by them, through a real sidecar or a real client."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from sidecar.engine import directory
from sidecar.engine.directory import Directory
from sidecar.engine.manager import AIManager
from sidecar.engine.network import Network
from sidecar.engine.remote import Remote
from sidecar.providers.catalog import VENDORS
from sidecar.providers.formats import FORMATS
from sidecar.providers.vendor import Quirks, Vendor
from sidecar.records.database import Database
from sidecar.settings import Config
from sidecar.values import AIRequest
from tests.conftest import Start
from tests.keys.keepers import custody
from tests.providers.answers import delta, events
from tests.providers.formats.ollama.saying import end, line, lines
from tests.providers.raw_server import Connection, RawServer, Script, Serve
from tests.providers.sidecars import LIMIT_S, Json, ask, configure, said, stream, until_end
from tests.providers.tape import Tape
from tests.providers.test_presence import free_port

KEY = "key-0123456789"
STREAM = events(delta(content="Hel"), delta(content="lo"), delta("stop"))


def hello(connection: Connection) -> None:
    connection.answer(STREAM)


def sent(server: RawServer, number: int = 0) -> tuple[str, dict[str, str], Json]:
    """A request that a server got: its path, its headers, its body."""
    head, _, body = server.requests[number].partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = dict(each.lower().split(": ", 1) for each in rest)
    return first.split(" ")[1], headers, json.loads(body) if body else {}


# --- azure ----------------------------------------------------------------------------------------


def test_azures_deployments_by_rpc_with_a_key_of_their_own(start: Start, serve: Serve) -> None:
    server = serve(hello)
    peer = start()
    settings = {"base_url": f"http://127.0.0.1:{server.port}", "api_version": "2024-10-21"}
    row = peer.call("configure_provider", {"provider": "azure", **settings}, LIMIT_S)["result"]
    assert row["defaults"] == {"api_version": "2024-10-21"}
    given = {"provider": "azure", "api_key": KEY, "store": "memory"}
    assert "result" in peer.call("set_api_key", given, LIMIT_S)
    stream(peer, "azure", ask("my deployment"))
    assert said(until_end(peer)[0]) == "Hello"
    path, headers, _ = sent(server)
    where = "/openai/deployments/my%20deployment/chat/completions"
    assert path == f"{where}?api-version=2024-10-21"
    assert headers["api-key"] == KEY
    assert "authorization" not in headers


def test_azures_v1_with_an_entra_token_by_the_file_alone(
    start: Start, serve: Serve, tmp_path: Path
) -> None:
    server = serve(hello)
    row = {
        "base_url": f"http://127.0.0.1:{server.port}/openai/v1",
        "auth": "bearer",
        "key_variable": "MY_TOKEN",
    }
    configure(tmp_path / "home", azure=row)
    peer = start(MY_TOKEN=KEY)
    stream(peer, "azure", ask("gpt-4o"))
    assert said(until_end(peer)[0]) == "Hello"
    path, headers, _ = sent(server)
    assert path == "/openai/v1/chat/completions"
    assert headers["authorization"] == f"bearer {KEY}"
    assert "api-key" not in headers


def test_azure_has_no_address_of_its_own(start: Start) -> None:
    peer = start(AZURE_OPENAI_API_KEY=KEY)
    params = {"provider": "azure", "request": ask("gpt-4o")}
    error = peer.call("call_ai_provider", params, LIMIT_S)["error"]
    assert error["data"]["path"] == "$.provider"
    listed = peer.call("list_ai_providers", {}, LIMIT_S)["result"]["providers"]
    assert not next(each for each in listed if each["name"] == "azure")["available"]


def test_azures_usual_variables_are_enough(start: Start, serve: Serve) -> None:
    server = serve(hello)
    endpoint = f"http://127.0.0.1:{server.port}/"
    peer = start(AZURE_OPENAI_ENDPOINT=endpoint, AZURE_OPENAI_API_KEY=KEY)
    stream(peer, "azure", ask("gpt-4o"))
    assert said(until_end(peer)[0]) == "Hello"
    assert sent(server)[0] == "/openai/v1/chat/completions"


# --- openrouter -----------------------------------------------------------------------------------


def test_the_app_that_said_its_name_is_named_to_openrouter(
    start: Start, serve: Serve, tmp_path: Path
) -> None:
    server = serve(hello)
    configure(tmp_path / "home", openrouter={"base_url": f"http://127.0.0.1:{server.port}"})
    peer = start(OPENROUTER_API_KEY=KEY)
    stream(peer, "openrouter", ask("a/b"), "e1")
    until_end(peer, "e1")
    app = {"name": "my-app", "version": "2.1", "url": "https://my.example/app"}
    assert "result" in peer.call("initialize", {"client": app}, LIMIT_S)
    stream(peer, "openrouter", ask("a/b"), "e2")
    until_end(peer, "e2")
    assert not {"x-title", "http-referer"} & set(sent(server, 0)[1])
    _, headers, _ = sent(server, 1)
    assert (headers["x-title"], headers["http-referer"]) == ("my-app", "https://my.example/app")


@pytest.mark.parametrize(
    "url", ["http://my.example", "https://", "https://a b", "https://a\r\nx:y"]
)
def test_the_url_of_an_app_is_one(start: Start, url: str) -> None:
    params = {"client": {"name": "my-app", "url": url}}
    answer = start().call("initialize", params, LIMIT_S)
    assert answer["error"]["data"]["path"] == "$.client.url"


# --- ollama ---------------------------------------------------------------------------------------


def ollama(connection: Connection) -> None:
    """Answer as Ollama does, one line after the other."""
    body = lines(line(content="", thinking="hm"), line(content="Hel"), line(content="lo"), end())
    connection.answer(body, content_type="application/x-ndjson")


def test_ollama_streams_through_the_sidecar_and_keeps_its_connection(
    start: Start, serve: Serve
) -> None:
    server = serve(ollama)
    peer = start(OLLAMA_HOST=f"127.0.0.1:{server.port}")
    for name in ("e1", "e2"):
        stream(peer, "ollama", ask("qwen3"), name)
        chunks, ended = until_end(peer, name)
        assert said(chunks) == ended["response"]["content"] == "Hello"
        assert ended["response"]["reasoning"] == "hm"
        assert ended["finish_reason"] == "stop"
    path, headers, body = sent(server)
    assert (path, body["model"], body["stream"]) == ("/api/chat", "qwen3", True)
    assert "authorization" not in headers
    assert len(server.connections) == 1


def test_a_call_to_ollama_is_one_line(start: Start, serve: Serve) -> None:
    whole = lines(line(content='{"a": 1}', done="stop"))
    server = serve(lambda connection: connection.answer(whole, content_type="application/json"))
    peer = start(OLLAMA_HOST=f"127.0.0.1:{server.port}")
    wanted = {"type": "json_schema", "schema": {"type": "object", "required": ["a"]}}
    params = {"provider": "ollama", "request": ask("qwen3", response_format=wanted)}
    assert peer.call("call_ai_provider", params, LIMIT_S)["result"]["parsed"] == {"a": 1}
    assert sent(server)[2]["format"] == wanted["schema"]


def cut_off(connection: Connection) -> None:
    connection.answer(lines(line(content="Hel")), content_type="application/x-ndjson")


def broken(connection: Connection) -> None:
    body = lines(line(content="Hel"), {"error": "it died"})
    connection.answer(body, content_type="application/x-ndjson")


def missing(connection: Connection) -> None:
    body = b'{"error":"model \'x\' not found"}'
    connection.answer(body, status="404 Not Found", content_type="application/json")


@pytest.mark.parametrize(
    ("script", "kind", "content"),
    [
        (cut_off, "truncated_stream", "Hel"),
        (broken, "api_error", "Hel"),
        (missing, "model_not_found", ""),
    ],
)
def test_what_goes_wrong_in_ollama_is_typed(
    start: Start, serve: Serve, script: Script, kind: str, content: str
) -> None:
    peer = start(OLLAMA_HOST=f"127.0.0.1:{serve(script).port}")
    stream(peer, "ollama", ask("x"))
    chunks, ended = until_end(peer)
    assert ended["error"]["data"]["kind"] == kind
    assert said(chunks) == content


def test_ollama_that_does_not_run_is_a_network_error(start: Start) -> None:
    peer = start(OLLAMA_HOST=f"127.0.0.1:{free_port()}")
    stream(peer, "ollama", ask("x"))
    assert until_end(peer)[1]["error"]["data"]["kind"] == "network"


# --- one more -------------------------------------------------------------------------------------


def says(*events_: Json) -> Script:
    """A stream of events that name themselves."""
    body = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events_)
    return lambda connection: connection.answer(body.encode())


def gemini(connection: Connection) -> None:
    words = [{"content": {"role": "model", "parts": [{"text": text}]}} for text in ("Hel", "lo")]
    given = [{"candidates": [words[0]]}, {"candidates": [words[1] | {"finishReason": "STOP"}]}]
    connection.answer("".join(f"data: {json.dumps(each)}\n\n" for each in given).encode())


TEXT = {"type": "text_delta"}
ANTHROPIC = says(
    {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": TEXT | {"text": "Hel"}},
    {"type": "content_block_delta", "index": 0, "delta": TEXT | {"text": "lo"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    {"type": "message_stop"},
)
PART = {"output_index": 0, "content_index": 0, "item_id": "i"}
RESPONSES = says(
    {"type": "response.output_text.delta", "delta": "Hel", **PART},
    {"type": "response.output_text.delta", "delta": "lo", **PART},
    {"type": "response.completed", "response": {"id": "r", "status": "completed"}},
)
NEWCOMERS: dict[str, Script] = {
    "openai_chat": hello,
    "openai_responses": RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": gemini,
    "ollama": ollama,
}


def test_a_newcomer_is_tried_in_every_format() -> None:
    assert set(NEWCOMERS) == set(FORMATS)


@pytest.mark.anyio
@pytest.mark.parametrize("wire", NEWCOMERS)
async def test_to_add_a_vendor_of_a_known_format_is_to_add_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve, wire: str
) -> None:
    server = serve(NEWCOMERS[wire])
    row = Vendor(
        name="newcomer",
        display_name="Newcomer",
        format=wire,
        base_url=f"http://127.0.0.1:{server.port}",
        key_variables=("NEWCOMER_API_KEY",),
        capabilities=("chat", "streaming"),
        quirks=Quirks(max_tokens_field="max_completion_tokens"),
    )
    monkeypatch.setattr(directory, "VENDORS", (*VENDORS, row))
    monkeypatch.setenv("NEWCOMER_API_KEY", KEY)
    rows = Directory(Config(), scripted=False)
    keys = custody(Database(tmp_path / "home"))
    manager = AIManager(rows, keys, {}, Remote(keys, Network()))
    assert "newcomer" in rows.names()
    assert manager.available(rows.row("newcomer"), ())
    request = msgspec.convert(ask("m", stream=True), AIRequest)
    found, model, run = manager.prepare("newcomer", request)
    tape = Tape()
    await run(tape)
    await manager.remote.close()
    assert (found.vendor, model, tape.content) == (row, "m", "Hello")
    assert sent(server)[1]["authorization"] == f"bearer {KEY}"
