"""Requests through real proxies on loopback: ways there, refusals, and what errors say of them."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from sidecar.errors import ConfigError, NetworkError, ProviderTimeout
from sidecar.providers.client import Client
from sidecar.providers.network.proxies import Choice, parse
from tests.certificates import Authority
from tests.providers.answers import PATIENT, WIRE, target_of
from tests.providers.exchanges import REQUEST, STREAM, answers, ask
from tests.providers.network.surroundings import (
    HOST,
    IN_A_URL,
    LOGIN,
    basic,
    dead_port,
    plain_server,
    tls,
    tunnels,
)
from tests.providers.raw_server import Connection, RawServer, Script, Serve
from tests.providers.tape import Tape

pytestmark = pytest.mark.anyio

URL = f"https://{HOST}/v1"
SECRETS = ("wörd", "w%C3%B6rd", basic(LOGIN).partition(" ")[2])


@pytest.fixture
def provider(serve: Serve, authority: Authority) -> RawServer:
    """A provider with TLS."""
    return serve(answers(STREAM), tls=tls(authority.certificate(HOST)))


def through(proxy: RawServer, login: str = "", *, scheme: str = "http") -> Choice:
    """That proxy, as config.toml may name it."""
    address = f"{scheme}://{login}{'@' * bool(login)}127.0.0.1:{proxy.port}"
    return parse(address, "`proxy` in [network] of config.toml")


async def refused_by(
    script: Script | int, serve: Serve, kind: type[Exception], login: str = ""
) -> str:
    """What is said where a proxy is no way."""
    port = script if isinstance(script, int) else serve(script).port
    client = Client(parse(f"http://{login}127.0.0.1:{port}", "HTTPS_PROXY"))
    with pytest.raises(kind) as caught:
        await ask(client, URL, deadlines=msgspec.structs.replace(PATIENT, connect_ms=300))
    await client.close()
    error = caught.value
    assert getattr(error, "provider", None) == "openai-compatible"
    told = f"{getattr(error, 'message', '')} {getattr(error, 'hint', '')}"
    assert f"http://127.0.0.1:{port}" in told
    assert "HTTPS_PROXY" in told or "NO_PROXY" in told or "proxy's own" in told
    assert not [secret for secret in SECRETS if secret in told]
    return told


@pytest.mark.parametrize("login", ["", IN_A_URL])
async def test_a_stream_comes_through_a_proxy_and_the_way_is_kept(
    serve: Serve, provider: RawServer, authority: Authority, login: str
) -> None:
    proxy = serve(tunnels(provider.port, LOGIN if login else None))
    client = Client(through(proxy, login), authority.file)
    for _ in range(3):
        tape = await ask(client, URL, key="my-key")
        assert tape.content == "Hello"
    await client.close()
    assert (len(proxy.connections), len(provider.connections)) == (1, 1)
    [asked] = proxy.requests
    assert asked.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n".encode())
    assert b"my-key" not in asked
    assert b"authorization: Bearer my-key" in provider.requests[0]
    assert b"proxy-authorization" not in provider.requests[0].lower()


async def test_the_way_to_a_proxy_may_be_tls_itself(
    serve: Serve, provider: RawServer, authority: Authority
) -> None:
    proxy = serve(tunnels(provider.port, LOGIN), tls=tls(authority.certificate()))
    client = Client(through(proxy, IN_A_URL, scheme="https"), authority.file)
    assert (await ask(client, URL)).content == "Hello"
    await client.close()


async def test_plain_http_is_forwarded_with_the_proxy_s_login(serve: Serve) -> None:
    proxy = serve(answers(STREAM))
    client = Client(through(proxy, IN_A_URL))
    assert (await ask(client, "http://api.example/v1")).content == "Hello"
    await client.close()
    [asked] = proxy.requests
    assert asked.startswith(b"POST http://api.example/v1/chat/completions HTTP/1.1\r\n")
    assert f"authorization: {basic(LOGIN)}".encode().lower() in asked.lower()


async def test_variables_and_providers_name_proxies(
    serve: Serve, provider: RawServer, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, own = serve(tunnels(provider.port)), serve(tunnels(provider.port))
    monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{usual.port}")
    client = Client(ca_file=authority.file)
    assert (await ask(client, URL)).content == "Hello"
    target = dataclasses.replace(target_of(base_url=URL), proxy=through(own))
    tape = Tape()
    await client.run(WIRE, REQUEST, target, tape)
    await client.close()
    assert tape.content == "Hello"
    assert (len(usual.connections), len(own.connections)) == (1, 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_this_machine_is_never_asked_through_a_proxy(
    serve: Serve, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, proxy = serve(answers(STREAM)), serve(answers(b""))
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    client = Client(through(proxy))
    assert (await ask(client, server.url.replace("127.0.0.1", host))).content == "Hello"
    await client.close()
    assert proxy.connections == []


async def test_a_proxy_that_wants_a_login_says_where_to_write_it(serve: Serve) -> None:
    told = await refused_by(tunnels(1, LOGIN), serve, ConfigError)
    assert "asks for a user name and a password (407)" in told
    assert "http://user:password@" in told
    assert "NTLM" in told


async def test_a_login_that_a_proxy_refuses_is_told_and_not_shown(serve: Serve) -> None:
    told = await refused_by(tunnels(1, ("ada", "x")), serve, ConfigError, f"{IN_A_URL}@")
    assert "does not take this user name and password (407)" in told


async def test_words_of_a_proxy_that_quote_the_login_are_left_out(serve: Serve) -> None:
    def script(connection: Connection) -> None:
        line = next(line for line in connection.lines() if line.startswith("proxy-auth"))
        connection.answer(line.encode(), status=f"403 {line}")

    told = await refused_by(script, serve, NetworkError, f"{IN_A_URL}@")
    assert f"does not connect to {HOST} (403)" in told


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (answers(b"", status="502 Bad Gateway"), "does not connect to api.example (502)"),
        (Connection.hang_up, "hung up, or is no HTTP proxy"),
        (lambda c: c.send(b"\x05\xff"), "hung up, or is no HTTP proxy"),
        (lambda c: c.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "hung up, or is no HTTP proxy"),
    ],
    ids=["502", "hangs up", "SOCKS", "SSH"],
)
async def test_a_proxy_that_fails_is_named(serve: Serve, script: Script, words: str) -> None:
    def then_closes(connection: Connection) -> None:
        script(connection)
        connection.hang_up()

    assert words in await refused_by(then_closes, serve, NetworkError)


async def test_a_proxy_that_is_not_there_is_named(serve: Serve) -> None:
    assert "can't be reached" in await refused_by(dead_port(), serve, NetworkError)


async def test_a_proxy_that_keeps_silent_is_waited_for_as_long_as_a_connection(
    serve: Serve,
) -> None:
    told = await refused_by(Connection.hang, serve, ProviderTimeout)
    assert "within 300 ms by the proxy" in told


async def test_a_proxy_that_speaks_no_tls_though_its_address_says_so() -> None:
    with plain_server() as port:
        client = Client(parse(f"https://127.0.0.1:{port}", "HTTPS_PROXY"))
        with pytest.raises(NetworkError) as caught:
            await ask(client, URL)
        await client.close()
    assert caught.value.message == f"The proxy https://127.0.0.1:{port}: it does not speak TLS."
    assert "http://" in caught.value.hint
    assert "HTTPS_PROXY" in caught.value.hint


async def test_an_ipv6_address_is_not_asked_for_through_a_proxy(serve: Serve) -> None:
    proxy = serve(answers(b""))
    client = Client(through(proxy))
    with pytest.raises(ConfigError, match="2001:db8::1 can't be asked for through a proxy"):
        await ask(client, "https://[2001:db8::1]/v1")
    await client.close()
    assert proxy.connections == []
