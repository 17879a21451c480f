"""Connections that are kept, and those that died meanwhile."""

from __future__ import annotations

import socket
import threading

import anyio
import pytest

from sidecar.errors import NetworkError, TruncatedStream
from sidecar.providers.client import Client
from sidecar.providers.network.pools import Pools
from sidecar.providers.network.routes import Routes
from sidecar.providers.network.trust import Trust
from tests.certificates import Authority
from tests.providers.answers import delta, events
from tests.providers.exchanges import STREAM, answers, ask, first_chunk_on, happened
from tests.providers.network.surroundings import tls
from tests.providers.raw_server import Connection, Script, Serve, chunk, chunked_head
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio


class Clock:
    """How far the wall clock is before the monotonic one: it grows while a machine sleeps."""

    def __init__(self) -> None:
        self.slept = 1_000_000.0

    def __call__(self) -> float:
        return self.slept


def client_with(clock: Clock | None = None, idle_s: float = 50.0) -> Client:
    pools = Pools(Routes(), Trust(), idle_s=idle_s, slept=clock or Clock())
    return Client(transport=pools)


def pools_of(client: Client) -> Pools:
    assert isinstance(client._transport, Pools)
    return client._transport


# --- what is kept ---------------------------------------------------------------------------------


async def test_each_origin_has_a_pool_of_its_own(serve: Serve) -> None:
    client, servers = client_with(), [serve(answers(STREAM)) for _ in range(3)]
    for _ in range(2):
        for server in servers:
            await ask(client, server.url)
    assert [len(server.connections) for server in servers] == [1, 1, 1]
    assert len(pools_of(client)._pools) == 3
    await client.close()


async def test_as_many_connections_are_kept_as_ran_at_once(serve: Serve) -> None:
    together = threading.Barrier(20)

    def script(connection: Connection) -> None:
        if len(server.requests) <= 20:
            together.wait(20)
        connection.answer(STREAM)

    client, server = client_with(), serve(script)
    for _ in range(2):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(ask, client, server.url)
    assert len(server.connections) == 20
    await client.close()


async def test_a_connection_that_was_idle_for_too_long_is_not_used_again(serve: Serve) -> None:
    client, server = client_with(idle_s=0.0), serve(answers(STREAM))
    for _ in range(2):
        await ask(client, server.url)
    await happened(server.connection(0).closed)
    assert len(server.connections) == 2
    await client.close()


async def test_a_pool_that_nobody_uses_goes_when_another_is_asked(serve: Serve) -> None:
    client, one, other = client_with(idle_s=0.0), serve(answers(STREAM)), serve(answers(STREAM))
    await ask(client, one.url)
    await ask(client, other.url)
    await happened(one.connection().closed)
    assert len(pools_of(client)._pools) == 1
    await client.close()


async def test_plain_http_waits_for_no_tls_context(serve: Serve) -> None:
    client, server = client_with(), serve(answers(STREAM))
    await ask(client, server.url)
    assert pools_of(client)._trust._context is None
    await client.close()


# --- a machine that slept -------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [6.0, 30_000.0, -3600.0])
async def test_after_a_sleep_no_kept_connection_is_used(serve: Serve, jump: float) -> None:
    clock = Clock()
    client, server = client_with(clock), serve(answers(STREAM))
    await ask(client, server.url)
    clock.slept += jump
    await ask(client, server.url)
    await happened(server.connection(0).closed)
    await ask(client, server.url)
    assert len(server.connections) == 2
    await client.close()


async def test_a_corrected_clock_is_no_sleep(serve: Serve) -> None:
    clock = Clock()
    client, server = client_with(clock), serve(answers(STREAM))
    for _ in range(5):
        await ask(client, server.url)
        clock.slept += 1.5
    assert len(server.connections) == 1
    await client.close()


async def test_a_stream_that_outlives_a_sleep_goes_on_and_its_connection_is_not_kept(
    serve: Serve,
) -> None:
    clock, tape = Clock(), Tape()
    woken = threading.Event()

    def script(connection: Connection) -> None:
        if connection.number:
            connection.answer(STREAM)
            return
        connection.send(chunked_head(), chunk(events(delta(content="Hel"), done=False)))
        assert woken.wait(20)
        connection.send(chunk(events(delta(content="lo"), delta("stop"))), b"0\r\n\r\n")

    heard = first_chunk_on(tape)
    client, server = client_with(clock), serve(script)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: ask(client, server.url, tape=tape))
        await anyio.to_thread.run_sync(heard, 20)
        clock.slept += 3600
        assert (await ask(client, server.url)).content == "Hello"
        woken.set()
    assert tape.content == "Hello"
    await happened(server.connection(0).closed)
    await client.close()


async def test_the_system_is_asked_to_find_out_who_is_gone_without_a_word(
    serve: Serve, authority: Authority
) -> None:
    server = serve(answers(STREAM), tls=tls(authority.certificate()))
    client = Client(ca_file=authority.file)
    await ask(client, server.url)
    [pool] = pools_of(client)._pools.values()
    [kept] = pool.http._pool.connections
    stream = kept._connection._network_stream  # type: ignore[attr-defined]
    connected = stream.get_extra_info("socket")
    assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
        assert connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
    await client.close()


# --- a kept connection that the other side has closed ---------------------------------------------


def races(end: str) -> Script:
    """A server that answers once on each connection, and ends it where the next request comes."""

    def script(connection: Connection) -> None:
        connection.served = getattr(connection, "served", 0) + 1  # type: ignore[attr-defined]
        if connection.served == 1:  # type: ignore[attr-defined]
            connection.answer(STREAM)
        elif end == "in order":
            connection.hang_up()
        else:
            connection.reset()

    return script


@pytest.mark.parametrize("end", ["in order", "by a reset"])
async def test_a_request_that_met_a_closing_connection_is_sent_again_once(
    serve: Serve, end: str
) -> None:
    client, server = client_with(), serve(races(end))
    for _ in range(4):
        assert (await ask(client, server.url)).content == "Hello"
    assert [len(server.requests), len(server.connections)] == [7, 4]
    await client.close()


async def test_connections_that_were_kept_beside_it_are_not_tried_one_by_one(serve: Serve) -> None:
    together = threading.Barrier(5)

    def script(connection: Connection) -> None:
        if len(server.requests) <= 5:
            together.wait(20)
            connection.answer(STREAM)
        elif connection.number < 5:
            connection.hang_up()
        else:
            connection.answer(STREAM)

    client, server = client_with(), serve(script)
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask, client, server.url)
    await ask(client, server.url)
    assert (len(server.requests), len(server.connections)) == (7, 6)
    await client.close()


async def test_a_new_connection_that_ends_without_an_answer_is_not_tried_again(
    serve: Serve,
) -> None:
    client, server = client_with(), serve(Connection.hang_up)
    with pytest.raises(NetworkError, match="hung up"):
        await ask(client, server.url)
    assert len(server.requests) == 1
    await client.close()


async def test_what_was_answered_in_part_is_not_sent_again(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        if len(server.requests) == 1:
            connection.answer(STREAM)
        else:
            connection.send(chunked_head(), chunk(events(delta(content="Hel"), done=False)))
            connection.hang_up()

    client, server = client_with(), serve(script)
    await ask(client, server.url)
    with pytest.raises(TruncatedStream):
        await ask(client, server.url)
    assert len(server.requests) == 2
    await client.close()


async def test_what_somebody_may_have_worked_on_is_not_sent_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That no answer came for two seconds means that the request was taken."""
    monkeypatch.setattr("sidecar.providers.network.connecting._RACE_S", 0.0)
    client, server = client_with(), serve(races("in order"))
    await ask(client, server.url)
    with pytest.raises(NetworkError, match="hung up"):
        await ask(client, server.url)
    assert len(server.requests) == 2
    await client.close()


async def test_garbage_on_a_kept_connection_is_not_asked_for_again(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        if len(server.requests) == 1:
            connection.answer(STREAM)
        else:
            connection.send(b"220 mail.example ESMTP\r\n\r\n")

    client, server = client_with(), serve(script)
    await ask(client, server.url)
    with pytest.raises(Exception, match="broke the protocol"):
        await ask(client, server.url)
    assert len(server.requests) == 2
    await client.close()
