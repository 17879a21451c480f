"""Which way a request of OpenAI's row goes, through a real sidecar process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Start
from tests.providers.answers import events as chat_events
from tests.providers.formats.openai_responses.answering import (
    BEGUN,
    call,
    delta,
    done,
    end,
    events,
    message,
    output_text,
    reasoning,
)
from tests.providers.raw_server import Connection, Serve, chunk, chunked_head
from tests.providers.sidecars import (
    LIMIT_S,
    Json,
    ask,
    configure,
    nothing_more,
    said,
    stream,
    until_end,
)

KEY = "sk-test-0123456789"
THOUGHT, CALL = reasoning("Hm.", encrypted="E"), call()
FIRST = events(BEGUN, done(THOUGHT, 0), done(CALL, 1), end(THOUGHT, CALL))
SECOND = events(delta("output_text", "Hel"), delta("output_text", "lo"), end())
CHAT = chat_events({"choices": [{"delta": {"content": "Hello"}, "finish_reason": "stop"}]})


def sent(request: bytes) -> tuple[str, Json]:
    """A request's path and body."""
    head, _, body = request.partition(b"\r\n\r\n")
    return head.split(b" ")[1].decode(), json.loads(body)


def test_a_tool_conversation_with_a_model_that_reasons(
    start: Start, serve: Serve, tmp_path: Path
) -> None:
    answers = iter((FIRST, SECOND))
    server = serve(lambda connection: connection.answer(next(answers)))
    configure(tmp_path / "home", openai={"base_url": server.url})
    peer = start(OPENAI_API_KEY=KEY)
    tools = [{"name": "f", "parameters": {"type": "object"}}]
    request = ask("gpt-5", "hi", tools=tools, reasoning={"effort": "low"})
    stream(peer, "openai", request)
    first = until_end(peer)[1]["response"]
    assert first["reasoning"] == "Hm."
    assert first["finish_reason"] == "tool_calls"

    result = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    messages = [*request["messages"], first["message"], result]
    stream(peer, "openai", request | {"messages": messages}, "e2")
    chunks, second = until_end(peer, "e2")
    assert said(chunks) == second["response"]["content"] == "Hello"
    nothing_more(peer)

    (path, one), (_, two) = map(sent, server.requests)
    assert path == "/v1/responses"
    assert (one["store"], one["include"]) == (False, ["reasoning.encrypted_content"])
    assert one["reasoning"] == {"effort": "low"}
    assert two["input"][0] == one["input"][0]
    assert two["input"][1:] == [
        THOUGHT,
        {name: value for name, value in CALL.items() if name != "id"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    ]


@pytest.mark.parametrize(
    ("way", "path"),
    [
        (({}, "gpt-4o"), "/v1/chat/completions"),
        (({}, "o3"), "/v1/responses"),
        (({"format": "openai_chat"}, "o3"), "/v1/chat/completions"),
        (({"format": "openai_responses"}, "gpt-4o"), "/v1/responses"),
    ],
)
def test_the_model_decides_the_way_unless_config_toml_does(
    start: Start, serve: Serve, tmp_path: Path, way: tuple[dict[str, str], str], path: str
) -> None:
    settings, model = way
    body = CHAT if path.endswith("completions") else SECOND
    server = serve(lambda connection: connection.answer(body))
    configure(tmp_path / "home", openai={"base_url": server.url, **settings})
    peer = start(OPENAI_API_KEY=KEY)
    stream(peer, "openai", ask(model))
    assert until_end(peer)[1]["response"]["content"] == "Hello"
    assert sent(server.requests[0])[0] == path


def test_a_provider_of_ones_own_may_go_by_responses(start: Start, serve: Serve) -> None:
    whole = json.dumps({"status": "completed", "output": [message(output_text("Hello"))]}).encode()
    server = serve(lambda connection: connection.answer(whole, content_type="application/json"))
    peer = start()
    row = {"provider": "mine", "format": "openai_responses", "base_url": server.url}
    assert peer.call("configure_provider", row, LIMIT_S)["result"]["format"] == "openai_responses"
    answer = peer.call("call_ai_provider", {"provider": "mine", "request": ask()}, LIMIT_S)
    assert answer["result"]["content"] == "Hello"
    assert sent(server.requests[0])[0] == "/v1/responses"


@pytest.mark.parametrize(
    "endless",
    [
        events(delta("output_text", "x" * 60_000)),
        events(delta("function_call_arguments", "x" * 60_000)),
        events(*(done(reasoning(encrypted="x" * 20_000, number=n), n) for n in range(3))),
    ],
    ids=["words", "arguments", "reasoning"],
)
def test_a_provider_that_never_stops_gives_a_typed_error(
    start: Start, serve: Serve, tmp_path: Path, endless: bytes
) -> None:
    def script(connection: Connection) -> None:
        connection.send(chunked_head())
        connection.push(chunk(endless))

    server = serve(script)
    configure(tmp_path / "home", raw={"format": "openai_responses", "base_url": server.url})
    peer = start()
    stream(peer, "raw", ask())
    if b"encrypted" in endless:  # the same items again, which are taken once
        peer.call("cancel_execution", {"execution_id": "e1"}, LIMIT_S)
        assert until_end(peer)[1]["finish_reason"] == "cancelled"
    else:
        assert until_end(peer)[1]["error"]["data"]["kind"] == "invalid_response"
    assert server.connection().closed.wait(LIMIT_S)
