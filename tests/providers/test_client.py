"""The HTTP loop against a server that sends exact bytes: cuts, stalls, resets, floods."""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable

import anyio
import anyio.to_thread
import httpx
import msgspec
import pytest

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ConfigError,
    InvalidResponse,
    NetworkError,
    Overloaded,
    ProviderTimeout,
    RateLimited,
    TruncatedStream,
)
from sidecar.providers.base import Deadlines
from sidecar.providers.client import MAX_BODY, Client
from sidecar.values import AIMessage, AIRequest
from tests.providers.answers import CUTS, PATIENT, WIRE, Cut, delta, events, target_of
from tests.providers.raw_server import (
    Connection,
    RawServer,
    Script,
    chunk,
    chunked_head,
    chunks,
    head,
)
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio
Serve = Callable[[Script], RawServer]

LIMIT_S = 20
USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
STREAM = events(
    delta(role="assistant", content=""),
    delta(content="Hel"),
    delta(content="lo"),
    delta("stop"),
    {"id": "c1", "choices": [], "usage": USAGE},
)
SHORT = b"""data: {"choices":[{"delta":{"content":"Hel"}}]}

data: {"choices":[{"delta":{"content":"lo"}}]}

data: {"choices":[{"finish_reason":"stop"}]}

data: [DONE]

"""
WHOLE = json.dumps(
    {
        "id": "c1",
        "model": "m1",
        "choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
).encode()
HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>please</body></html>"
REQUEST = AIRequest(messages=[AIMessage(role="user", content="hi")], stream=True)
ONCE = msgspec.structs.replace(REQUEST, stream=False)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    found = Client()
    with anyio.fail_after(LIMIT_S):
        yield found
    await found.close()


async def ask(  # noqa: PLR0913 - the parts of one exchange
    client: Client,
    url: str,
    *,
    request: AIRequest = REQUEST,
    deadlines: Deadlines = PATIENT,
    key: str | None = None,
    tape: Tape | None = None,
) -> Tape:
    """Send one request; return what was said."""
    tape = tape or Tape()
    target = target_of(base_url=url, deadlines=deadlines, key=key)
    await client.run(WIRE, request, target, tape)
    return tape


async def happened(event: threading.Event) -> None:
    """Wait for a `threading.Event` without holding up the event loop."""
    assert await anyio.to_thread.run_sync(event.wait, LIMIT_S)


def sends(*pieces: bytes, then: Script = Connection.hang_up) -> Script:
    """A script that sends pieces and then does something else."""

    def script(connection: Connection) -> None:
        connection.send(*pieces)
        then(connection)

    return script


def answers(body: bytes, **headers: str) -> Script:
    """A script that sends a whole answer and goes on with the connection."""
    return lambda connection: connection.answer(body, **headers)


# --- plain streams, and ends of streams ----------------------------------------------------------


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


def first_chunk_on(tape: Tape) -> Callable[[float], bool]:
    """Let a thread wait for the first chunk on a tape."""
    event = threading.Event()
    tape._on_chunk = event.set
    return event.wait


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


# --- answers that are something else -------------------------------------------------------------


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


@pytest.mark.parametrize("body", [STREAM, WHOLE], ids=["stream", "whole"])
async def test_empty_lines_before_an_answer_are_heartbeats(
    client: Client, serve: Serve, body: bytes
) -> None:
    start = chunked_head(content_type="application/json")
    server = serve(sends(start, *[chunk(b"\r\n" * 999)] * 20, chunks([body])))
    for request in (REQUEST, ONCE):
        assert (await ask(client, server.url, request=request)).content == "Hello"


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


# --- no connection -------------------------------------------------------------------------------


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


# --- timeouts ------------------------------------------------------------------------------------


def limits(**short: int) -> Deadlines:
    return msgspec.structs.replace(PATIENT, **short)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse when a queue is full")
async def test_a_connection_that_does_not_stand_in_time(client: Client) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        url = f"http://127.0.0.1:{address[1]}"
        with socket.create_connection(address), pytest.raises(ProviderTimeout) as caught:
            await ask(client, url, deadlines=limits(connect_ms=150))
    assert "timeouts.connect_ms" in caught.value.hint


STALLS: dict[str, tuple[Script, Deadlines, str]] = {
    "no head": (Connection.hang, limits(first_token_ms=150), "first_token_ms"),
    "no word": (
        sends(chunked_head(), chunk(b": wait\n\n"), then=Connection.hang),
        limits(first_token_ms=150),
        "first_token_ms",
    ),
    "heartbeats alone": (
        sends(chunked_head(), then=lambda c: c.push(chunk(b": heartbeat\n\n"))),
        limits(first_token_ms=150),
        "first_token_ms",
    ),
    "silence": (
        sends(
            chunked_head(), chunk(events(delta(content="Hel"), done=False)), then=Connection.hang
        ),
        limits(idle_ms=150),
        "idle_ms",
    ),
    "half an error": (
        sends(head("200 OK", content_type="application/json"), b'{"error', then=Connection.hang),
        limits(idle_ms=150),
        "idle_ms",
    ),
    "endless words": (
        sends(chunked_head(), then=lambda c: c.push(chunk(events(delta(content="a"), done=False)))),
        limits(total_ms=300),
        "total_ms",
    ),
}


@pytest.mark.parametrize("name", STALLS)
async def test_each_timeout_has_its_name_in_the_hint_and_closes_the_connection(
    client: Client, serve: Serve, name: str
) -> None:
    script, deadlines, passed = STALLS[name]
    server = serve(script)
    tape = Tape()
    with pytest.raises(ProviderTimeout) as caught:
        await ask(client, server.url, deadlines=deadlines, tape=tape)
    assert f"timeouts.{passed}" in caught.value.hint
    assert str(getattr(deadlines, passed)) in caught.value.message
    await happened(server.connection().closed)
    if name == "silence":
        assert tape.content == "Hel"


async def test_heartbeats_keep_a_silent_stream_alive(client: Client, serve: Serve) -> None:
    def script(connection: Connection) -> None:
        connection.send(chunked_head(), chunk(events(delta(content="Hel"), done=False)))
        for _ in range(20):
            connection.stopping.wait(0.05)  # a pace: five heartbeats in each idle timeout
            connection.send(chunk(b": heartbeat\n\n"))
        connection.send(chunks([events(delta("stop", content="lo"))]))

    server = serve(script)
    tape = await ask(client, server.url, deadlines=limits(idle_ms=400, first_token_ms=500))
    assert tape.content == "Hello"


async def test_time_in_which_our_own_reader_is_waited_for_is_not_the_providers(
    client: Client, serve: Serve
) -> None:
    server = serve(sends(chunked_head(), chunk(STREAM[:200]), chunks([STREAM[200:]])))
    tape = Tape()
    tape.doors.append(anyio.Event())
    async with anyio.create_task_group() as tasks:
        door = tape.doors[0]

        async def open_late() -> None:
            await tape.waits.wait()
            await anyio.sleep(0.4)  # longer than the idle timeout
            door.set()

        tasks.start_soon(open_late)
        await ask(client, server.url, deadlines=limits(idle_ms=150), tape=tape)
    assert tape.content == "Hello"


async def test_an_error_whose_body_stalls_is_that_error(
    client: Client, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.providers.client._REFUSAL_S", 0.1)
    server = serve(sends(head("503 Busy"), b"busy", then=Connection.hang))
    with pytest.raises(Overloaded, match="busy"):
        await ask(client, server.url)
    await happened(server.connection().closed)


# --- cancelling ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["waiting for the head", "waiting for a word", "streaming"])
async def test_a_cancel_closes_the_socket_in_every_state(
    client: Client, serve: Serve, state: str
) -> None:
    sent = {
        "waiting for the head": b"",
        "waiting for a word": chunked_head() + chunk(b": wait\n\n"),
        "streaming": chunked_head() + chunk(events(delta(content="a"), done=False)),
    }

    def script(connection: Connection) -> None:
        connection.send(sent[state])
        reached.set()
        connection.hang()

    reached = threading.Event()
    server = serve(script)
    tape = Tape()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: ask(client, server.url, tape=tape))
        await happened(reached)
        if state == "streaming":
            await tape.heard.wait()
        tasks.cancel_scope.cancel()
    began = anyio.current_time()
    await happened(server.connection().closed)
    assert anyio.current_time() - began < 1


async def test_a_cancel_leaves_other_streams_alone(client: Client, serve: Serve) -> None:
    def script(connection: Connection) -> None:
        first = events(delta(content="Hel"), done=False)
        connection.send(chunked_head(), chunk(first))
        if b"wait" in server.requests[-1]:
            connection.hang()
        server.connections[0].closed.wait(LIMIT_S)
        connection.send(chunks([events(delta("stop", content="lo"))]))

    server = serve(script)
    doomed = AIRequest(messages=[AIMessage(role="user", content="wait")], stream=True)
    one, other = Tape(), Tape()
    async with anyio.create_task_group() as tasks, anyio.create_task_group() as first:
        first.start_soon(lambda: ask(client, server.url, request=doomed, tape=one))
        await one.heard.wait()
        tasks.start_soon(lambda: ask(client, server.url, tape=other))
        await other.heard.wait()
        first.cancel_scope.cancel()
    assert (one.content, other.content) == ("Hel", "Hello")


# --- keys, proxies -------------------------------------------------------------------------------


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

    client = Client(httpx.MockTransport(respond))
    assert (await ask(client, "https://api.example/v1")).content == "Hello"
    await client.close()
