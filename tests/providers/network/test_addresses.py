"""IPv4 and IPv6: a name with addresses of both kinds, one of which may be dead."""

from __future__ import annotations

import socket
from typing import Any

import msgspec
import pytest

from sidecar.errors import NetworkError, ProviderTimeout
from sidecar.providers.client import Client
from tests.certificates import Authority
from tests.providers.answers import PATIENT
from tests.providers.exchanges import STREAM, answers, ask
from tests.providers.network.surroundings import dead_port, tls
from tests.providers.raw_server import RawServer, Serve

pytestmark = pytest.mark.anyio

NAME = "both.localhost"


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of `both.localhost`, which the test fills in."""
    addresses: list[str] = []
    real = socket.getaddrinfo

    def look_up(host: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the original
        name = host.decode() if isinstance(host, bytes) else host
        if name != NAME:
            return real(host, *arguments, **named)
        return [found for each in addresses for found in real(each, *arguments, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses


def url(server: RawServer) -> str:
    return f"http://{NAME}:{server.port}/v1"


@needs_ipv6
async def test_an_ipv6_address_is_asked(client: Client, serve: Serve) -> None:
    server = serve(answers(STREAM), host="::1")
    assert (await ask(client, server.url)).content == "Hello"
    assert f"host: [::1]:{server.port}".encode() in server.requests[0].lower()


@needs_ipv6
async def test_an_ipv6_address_is_asked_by_tls(serve: Serve, authority: Authority) -> None:
    server = serve(answers(STREAM), host="::1", tls=tls(authority.certificate()))
    client = Client(ca_file=authority.file)
    assert (await ask(client, server.url)).content == "Hello"
    await client.close()


@needs_ipv6
@pytest.mark.parametrize("alive", ["127.0.0.1", "::1"])
async def test_where_one_address_refuses_the_other_is_asked(
    client: Client, serve: Serve, resolved: list[str], alive: str
) -> None:
    server = serve(answers(STREAM), host=alive)
    resolved += ["::1", "127.0.0.1"]
    assert (await ask(client, url(server))).content == "Hello"


@needs_ipv6
@pytest.mark.parametrize(("alive", "silent"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
async def test_where_one_address_keeps_silent_the_other_is_not_held_up(
    client: Client, serve: Serve, resolved: list[str], alive: str, silent: str
) -> None:
    server = serve(answers(STREAM), host=alive)
    with Silent(silent, server.port):
        resolved += ["::1", "127.0.0.1"]
        tape = await ask(client, url(server))
    assert tape.content == "Hello"
    assert tape.facts.connect_ms is not None
    assert tape.facts.connect_ms < 2000  # half a second and some; TCP itself tries for minutes


@needs_ipv6
async def test_where_all_addresses_refuse_it_is_told_once(
    client: Client, resolved: list[str]
) -> None:
    resolved += ["::1", "127.0.0.1"]
    with pytest.raises(NetworkError, match="can't be reached"):
        await ask(client, f"http://{NAME}:{dead_port()}/v1")


async def test_where_all_addresses_keep_silent_the_time_to_connect_ends_it(
    client: Client, resolved: list[str]
) -> None:
    with Silent("127.0.0.1", 0) as port:
        resolved += ["127.0.0.1"]
        deadlines = msgspec.structs.replace(PATIENT, connect_ms=200)
        with pytest.raises(ProviderTimeout, match="could not be connected to within 200 ms"):
            await ask(client, f"http://{NAME}:{port}/v1", deadlines=deadlines)


class Silent:
    """An address that takes no connection and refuses none, as behind a firewall.

    It listens, its queue is full, and nobody empties it.
    """

    def __init__(self, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._sockets = [socket.create_server((host, port), family=family, backlog=0)]
        self._address = self._sockets[0].getsockname()
        for _ in range(4):
            waiting = socket.socket(family)
            waiting.settimeout(0)
            waiting.connect_ex(self._address)
            self._sockets.append(waiting)

    def __enter__(self) -> int:
        port: int = self._address[1]
        return port

    def __exit__(self, *_error: object) -> None:
        for each in self._sockets:
            each.close()
