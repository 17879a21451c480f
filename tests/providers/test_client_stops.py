"""The four timeouts, and cancelling: both close the socket."""

from __future__ import annotations

import socket
import sys
import threading

import anyio
import anyio.to_thread
import msgspec
import pytest

from sidecar.errors import (
    Overloaded,
    ProviderTimeout,
)
from sidecar.providers.client import Client
from sidecar.providers.deadlines import Watch
from sidecar.providers.vendor import Deadlines
from sidecar.values import AIMessage, AIRequest
from tests.providers.answers import PATIENT, delta, events
from tests.providers.exchanges import (
    LIMIT_S,
    STREAM,
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
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio


USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


# --- timeouts -------------------------------------------------------------------------------------


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


async def test_a_server_that_falls_silent_after_a_whole_answer_is_not_waited_for(
    client: Client, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.providers.answering._USAGE_S", 0.3)
    whole = events(delta(content="Hello"), delta("stop"), done=False)
    server = serve(sends(chunked_head(), chunk(whole), then=Connection.hang))
    tape = await ask(client, server.url, deadlines=limits(idle_ms=100))
    assert tape.content == "Hello"
    await happened(server.connection().closed)


async def test_usage_that_comes_late_is_still_taken(client: Client, serve: Serve) -> None:
    def script(connection: Connection) -> None:
        whole = events(delta(content="Hello"), delta("stop"), done=False)
        connection.send(chunked_head(), chunk(whole))
        connection.stopping.wait(0.2)  # longer than the idle timeout
        connection.send(chunks([events({"choices": [], "usage": USAGE})]))

    server = serve(script)
    tape = await ask(client, server.url, deadlines=limits(idle_ms=100))
    assert [each.usage.total_tokens for each in tape.chunks if each.usage] == [3]


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
    client: Client, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks()
    monkeypatch.setattr("sidecar.providers.client.Watch", looks.watch)
    server = serve(sends(chunked_head(), chunk(STREAM[:200]), chunks([STREAM[200:]])))
    tape = Tape()
    tape.doors.append(anyio.Event())
    async with anyio.create_task_group() as tasks:
        door = tape.doors[0]

        async def open_late() -> None:
            await looks.held.wait()
            door.set()

        tasks.start_soon(open_late)
        await ask(client, server.url, deadlines=limits(idle_ms=150), tape=tape)
    assert tape.content == "Hello"


class Looks:
    """`held` comes when our own reader alone was waited for during two idle timeouts."""

    def __init__(self) -> None:
        self.held = anyio.Event()
        self._seen = 0

    def watch(self, deadlines: Deadlines, vendor: str, display_name: str) -> Watch:
        looks = self

        class Seen(Watch):
            def _look(self) -> None:
                super()._look()
                looks._seen += self.held
                if looks._seen == 3:  # an idle timeout lies between two of them
                    looks.held.set()

        return Seen(deadlines, vendor, display_name)


async def test_an_error_whose_body_stalls_is_that_error(
    client: Client, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidecar.providers.answering._REFUSAL_S", 0.1)
    server = serve(sends(head("503 Busy"), b"busy", then=Connection.hang))
    with pytest.raises(Overloaded, match="busy"):
        await ask(client, server.url)
    await happened(server.connection().closed)


# --- cancelling -----------------------------------------------------------------------------------


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
