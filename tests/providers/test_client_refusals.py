"""Answers that are something else than what was asked for, and servers that are not there."""

from __future__ import annotations

import gzip
import socket

import pytest

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ConfigError,
    InvalidResponse,
    NetworkError,
    Overloaded,
    RateLimited,
    TruncatedStream,
)
from sidecar.providers.answering import MAX_BODY
from sidecar.providers.client import Client
from sidecar.values import AIRequest
from tests.providers.answers import CUTS, WIRE, Cut, target_of
from tests.providers.exchanges import (
    HTML,
    ONCE,
    REQUEST,
    STREAM,
    WHOLE,
    answers,
    ask,
    happened,
    sends,
)
from tests.providers.raw_server import (
    Connection,
    Script,
    Serve,
    chunk,
    chunked_head,
    chunks,
    head,
)

pytestmark = pytest.mark.anyio


# --- answers that are something else --------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "TEXT/Event-Stream"])
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_stream_under_any_content_type_is_a_stream(
    client: Client, serve: Serve, content_type: str, cut: Cut
) -> None:
    body = b"\r\n" + STREAM
    server = serve(sends(chunked_head(content_type=content_type), *map(chunk, cut(body))))
    tape = await ask(client, server.url)
    assert tape.content == "Hello"


@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
async def test_a_whole_answer_to_a_request_for_a_stream_is_taken(
    client: Client, serve: Serve, content_type: str, cut: Cut
) -> None:
    start = head(content_type=content_type, content_length=str(len(WHOLE)))
    server = serve(sends(start, *cut(WHOLE)))
    tape = await ask(client, server.url)
    assert tape.content == "Hello"
    assert tape.response(target_of()).usage is not None


@pytest.mark.parametrize("request_", [REQUEST, ONCE], ids=["asked to stream", "asked for a whole"])
@pytest.mark.parametrize("body", [STREAM, WHOLE], ids=["stream", "whole"])
async def test_empty_lines_before_an_answer_are_heartbeats(
    client: Client, serve: Serve, body: bytes, request_: AIRequest
) -> None:
    start = chunked_head(content_type="application/json")
    server = serve(sends(start, *[chunk(b"\r\n" * 999)] * 20, chunks([body])))
    assert (await ask(client, server.url, request=request_)).content == "Hello"


async def test_a_stream_in_answer_to_a_request_for_a_whole_is_taken(
    client: Client, serve: Serve
) -> None:
    server = serve(answers(STREAM))
    tape = await ask(client, server.url, request=ONCE)
    assert tape.content == "Hello"


async def test_a_whole_answer_that_breaks_off_is_truncated(client: Client, serve: Serve) -> None:
    start = head(content_type="application/json", content_length=str(len(WHOLE)))
    server = serve(sends(start, WHOLE[:-9], then=Connection.hang_up))
    with pytest.raises(TruncatedStream, match="broke off"):
        await ask(client, server.url, request=ONCE)


REFUSALS: dict[str, tuple[Script, type[AIError], str]] = {
    "HTML as 200": (answers(HTML, content_type="text/html"), InvalidResponse, "HTML page: Sign in"),
    "HTML as 200 event stream": (answers(HTML), InvalidResponse, "HTML page: Sign in"),
    "HTML as 404": (answers(HTML, status="404 No"), ConfigError, "HTML page"),
    "HTML as 502": (answers(HTML, status="502 Bad"), APIError, "HTML page"),
    "nothing": (answers(b""), InvalidResponse, "empty"),
    "nothing as JSON": (answers(b"", content_type="application/json"), InvalidResponse, "empty"),
    "204": (sends(b"HTTP/1.1 204 No Content\r\n\r\n"), InvalidResponse, "empty"),
    "an error as 200": (
        answers(b'{"error":{"message":"Slow down","code":429}}', content_type="application/json"),
        RateLimited,
        "Slow down",
    ),
    "an error as 200 event stream": (
        answers(b'{"error":{"message":"Slow down","code":429}}'),
        RateLimited,
        "Slow down",
    ),
    "an error in the stream": (
        answers(b'data: {"error":{"message":"Slow down","code":429}}\n\n'),
        RateLimited,
        "Slow down",
    ),
    "no HTTP": (sends(b"220 mail.example ESMTP\r\n\r\n"), InvalidResponse, "protocol"),
    "no answer": (Connection.hang_up, NetworkError, "hung up"),
    "half a head": (sends(b"HTTP/1.1 200 OK\r\ncont"), NetworkError, "hung up"),
    "an endless head": (lambda c: c.push(b"x: y\r\n" * 999), InvalidResponse, "protocol"),
    "a redirect": (
        answers(b"", status="302 Found", location="/elsewhere"),
        ConfigError,
        "redirects",
    ),
    "an unknown encoding": (answers(STREAM, content_encoding="br"), InvalidResponse, "'br'"),
    "two encodings": (answers(STREAM, content_encoding="gzip, gzip"), InvalidResponse, "gzip"),
    "damaged gzip": (answers(STREAM, content_encoding="gzip"), InvalidResponse, "damaged"),
}


@pytest.mark.parametrize("name", REFUSALS)
@pytest.mark.parametrize("request_", [REQUEST, ONCE], ids=["stream", "once"])
async def test_what_is_no_answer_is_a_typed_error(
    client: Client, serve: Serve, name: str, request_: AIRequest
) -> None:
    script, kind, words = REFUSALS[name]
    server = serve(script)
    with pytest.raises(kind) as caught:
        await ask(client, server.url, request=request_)
    assert type(caught.value) is kind
    assert words in f"{caught.value.message} {caught.value.provider_message}"
    assert caught.value.provider == "openai-compatible"


async def test_an_error_keeps_its_status_though_its_body_breaks_off(
    client: Client, serve: Serve
) -> None:
    server = serve(sends(head("503 Busy", content_length="99"), b'{"error": "we are'))
    with pytest.raises(Overloaded) as caught:
        await ask(client, server.url)
    assert caught.value.status == 503
    assert "we are" in (caught.value.provider_message or "")


async def test_an_endless_error_is_cut(client: Client, serve: Serve) -> None:
    server = serve(
        sends(head("500 No"), b'{"error": "', then=lambda connection: connection.push(b"x" * 9999))
    )
    with pytest.raises(APIError) as caught:
        await ask(client, server.url)
    assert len(caught.value.provider_message or "") <= 2000
    await happened(server.connection().closed)


async def test_retry_after_and_request_id_come_with_the_error(client: Client, serve: Serve) -> None:
    server = serve(answers(b"", status="429 No", retry_after="7", x_request_id="r1"))
    with pytest.raises(RateLimited) as caught:
        await ask(client, server.url)
    assert (caught.value.retry_after_ms, caught.value.request_id) == (7000, "r1")


async def test_the_request_id_is_in_the_response_and_in_errors_inside_the_stream(
    client: Client, serve: Serve
) -> None:
    bodies = [STREAM, b'data: {"error": "no"}\n\n', b": cut off"]
    server = serve(lambda c: c.answer(bodies[len(server.requests) - 1], x_request_id="r1"))
    tape = await ask(client, server.url)
    assert tape.facts.request_id == "r1"
    for _ in range(2):
        with pytest.raises(AIError) as caught:
            await ask(client, server.url)
        assert caught.value.request_id == "r1"


async def test_a_redirect_is_not_followed_and_the_key_goes_nowhere(
    client: Client, serve: Serve
) -> None:
    elsewhere = serve(answers(STREAM))
    server = serve(answers(b"", status="307 Moved", location=elsewhere.url + "/chat/completions"))
    with pytest.raises(ConfigError):
        await ask(client, server.url, key="my-key")
    assert elsewhere.connections == []


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP"])
async def test_gzip_is_understood_though_identity_was_asked_for(
    client: Client, serve: Serve, encoding: str
) -> None:
    body = gzip.compress(STREAM)
    server = serve(
        sends(chunked_head(content_encoding=encoding), *map(chunk, CUTS["byte by byte"](body)))
    )
    assert (await ask(client, server.url)).content == "Hello"


async def test_a_gzip_bomb_is_refused(client: Client, serve: Serve) -> None:
    bombs = {b"data: ": "more than", b'{"': "larger than"}
    for start, words in bombs.items():
        bomb = gzip.compress(start + b"x" * (MAX_BODY + 1))
        server = serve(answers(bomb, content_encoding="gzip"))
        with pytest.raises(InvalidResponse, match=words):
            await ask(client, server.url)


async def test_an_answer_larger_than_the_limit_is_refused(client: Client, serve: Serve) -> None:
    server = serve(
        sends(head(content_type="application/json"), then=lambda c: c.push(b"[" * 65536))
    )
    with pytest.raises(InvalidResponse, match=str(MAX_BODY)):
        await ask(client, server.url, request=ONCE)
    await happened(server.connection().closed)


async def test_models_are_listed(client: Client, serve: Serve) -> None:
    server = serve(answers(b'{"data": [{"id": "a"}]}', content_type="application/json"))
    [model] = await client.models(WIRE, target_of(base_url=server.url))
    assert model.id == "a"
    assert server.requests[0].startswith(b"GET /v1/models HTTP/1.1\r\n")


# --- no connection --------------------------------------------------------------------------------


async def test_nobody_listening_is_a_network_error_that_says_what_to_start(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with pytest.raises(NetworkError) as caught:
        await ask(client, f"http://127.0.0.1:{port}/v1")
    assert f"127.0.0.1:{port}" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["http://[::1", "https://" + "a" * 70 + ".example", "https://xn--a.example", "ftp://h/"]
)
async def test_an_address_that_can_not_be_used_is_a_typed_error(client: Client, url: str) -> None:
    with pytest.raises((ConfigError, NetworkError)) as caught:
        await ask(client, url)
    assert caught.value.provider == "openai-compatible"


@pytest.mark.parametrize("key", ["кey", "my\nkey", "my\x00key", "my\x7fkey"])
async def test_a_key_that_no_header_takes_is_told_and_not_sent(
    client: Client, serve: Serve, key: str
) -> None:
    server = serve(answers(STREAM))
    with pytest.raises(Authentication) as caught:
        await ask(client, server.url, key=key)
    assert key not in caught.value.message
    assert server.connections == []
