"""The HTTP loop against a server that sends exact bytes: whole, cut, reset, and used again."""

from __future__ import annotations

import json

import httpx
import pytest

from sidecar.errors import (
    AIError,
    InvalidResponse,
    NetworkError,
    TruncatedStream,
)
from sidecar.providers.client import Client
from tests.providers.answers import CUTS, Cut, delta, events, target_of
from tests.providers.exchanges import (
    SHORT,
    STREAM,
    answers,
    ask,
    first_chunk_on,
    happened,
    sends,
)
from tests.providers.raw_server import (
    Connection,
    Serve,
    chunk,
    chunked_head,
    chunks,
    head,
)
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio


# --- plain streams, and ends of streams -----------------------------------------------------------


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_stream_is_the_same_however_the_network_cuts_it(
    client: Client, serve: Serve, cut: Cut
) -> None:
    server = serve(sends(chunked_head(), *cut(chunks([STREAM]))))
    tape = await ask(client, server.url)
    response = tape.response(target_of())
    assert (response.content, response.finish_reason) == ("Hello", "stop")
    assert response.usage is not None
    assert tape.was_sent
    assert tape.facts.connect_ms is not None


async def test_what_was_sent_is_what_the_format_built(client: Client, serve: Serve) -> None:
    server = serve(answers(STREAM))
    await ask(client, server.url, key="my-key")
    [request] = server.requests
    start, _, body = request.partition(b"\r\n\r\n")
    assert start.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    lines = start.lower().split(b"\r\n")
    assert b"authorization: bearer my-key" in lines
    assert b"accept-encoding: identity" in lines
    assert b"accept: text/event-stream" in lines
    assert any(line.startswith(b"user-agent: ai-sidecar/") for line in lines)
    assert json.loads(body)["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("framed", ["by chunks", "by length", "by its end"])
async def test_a_stream_that_breaks_off_anywhere_is_truncated_or_was_whole(
    client: Client, serve: Serve, framed: str
) -> None:
    heads = {
        "by chunks": chunked_head(),
        "by length": head(content_length=str(len(SHORT))),
        "by its end": head(connection="close"),
    }
    whole_from = SHORT.index(b'"stop"}]}') + len(b'"stop"}]}')

    def script(connection: Connection) -> None:
        body = SHORT[: connection.number]
        connection.send(heads[framed] + (chunk(body) if framed == "by chunks" and body else body))
        connection.hang_up()

    server = serve(script)
    for position in range(len(SHORT)):
        tape = Tape()
        if position >= whole_from:
            await ask(client, server.url, tape=tape)
            assert tape.content == "Hello"
            assert tape.response(target_of()).finish_reason == "stop"
            continue
        # Nothing but the head, and in order: an empty answer rather than a cut one.
        empty = not position and framed == "by its end"
        with pytest.raises(InvalidResponse if empty else TruncatedStream):
            await ask(client, server.url, tape=tape)
        assert "Hello".startswith(tape.content)


async def test_a_reset_inside_the_stream_is_a_truncated_stream_and_keeps_what_was_said(
    client: Client, serve: Serve
) -> None:
    tape = Tape()

    def script(connection: Connection) -> None:
        connection.send(chunked_head(), chunk(events(delta(content="Hel"), done=False)))
        assert heard(20)  # what a reset overtakes would be lost
        connection.reset()

    heard = first_chunk_on(tape)
    server = serve(script)
    with pytest.raises(TruncatedStream) as caught:
        await ask(client, server.url, tape=tape)
    assert tape.content == "Hel"
    assert caught.value.provider == "openai-compatible"


async def test_a_reset_after_done_costs_nothing(client: Client, serve: Serve) -> None:
    server = serve(sends(chunked_head(), chunk(STREAM), then=Connection.reset))
    for _ in range(20):
        try:
            tape = await ask(client, server.url)
        except (NetworkError, TruncatedStream):
            continue  # the reset overtook the answer
        assert tape.content == "Hello"


async def test_garbage_after_done_is_not_read(client: Client, serve: Serve) -> None:
    server = serve(sends(chunked_head(), chunk(STREAM), then=lambda c: c.push(b"garbage" * 999)))
    tape = await ask(client, server.url)
    assert tape.content == "Hello"
    await happened(server.connection().closed)


async def test_a_connection_is_used_again_after_a_stream(client: Client, serve: Serve) -> None:
    server = serve(sends(chunked_head() + chunks([STREAM]), then=lambda _: None))
    for _ in range(5):
        assert (await ask(client, server.url)).content == "Hello"
    assert len(server.connections) == 1
    assert len(server.requests) == 5


async def test_cookies_are_neither_kept_nor_sent(client: Client, serve: Serve) -> None:
    server = serve(answers(STREAM, set_cookie="a=b; Path=/"))
    for _ in range(2):
        await ask(client, server.url)
    assert b"cookie" not in server.requests[1].lower()


# --- keys, proxies --------------------------------------------------------------------------------


async def test_a_key_that_comes_back_is_in_no_error(client: Client, serve: Serve) -> None:
    key = "my own/key+1"

    def script(connection: Connection) -> None:
        text = f"your key {key} or my%20own%2Fkey%2B1 or bXkgb3duL2tleSsx is wrong"
        body = json.dumps({"error": {"message": text}}).encode()
        connection.answer(body, status="400 Bad", x_request_id=key)

    server = serve(script)
    with pytest.raises(AIError) as caught:
        await ask(client, server.url, key=key)
    told = repr(caught.value.to_object())
    assert "is wrong" in told
    for form in (key, "my%20own%2Fkey%2B1", "bXkgb3duL2tleSsx"):
        assert form not in told


async def test_a_proxy_never_stands_between_this_machine_and_itself(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(answers(b"")), serve(answers(STREAM))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    client = Client()
    assert (await ask(client, server.url)).content == "Hello"
    assert (await ask(client, server.url.replace("127.0.0.1", "localhost"))).content == "Hello"
    assert proxy.connections == []
    await client.close()


async def test_the_transport_is_a_seam() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url == "https://api.example/v1/chat/completions"
        return httpx.Response(200, content=STREAM, headers={"content-type": "text/event-stream"})

    client = Client(transport=httpx.MockTransport(respond))
    assert (await ask(client, "https://api.example/v1")).content == "Hello"
    await client.close()
