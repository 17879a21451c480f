"""Whose certificates are trusted, and what is said of those that are not."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path

import certifi
import pytest

from sidecar.errors import ConfigError, NetworkError
from sidecar.providers.client import Client
from sidecar.providers.network import trust
from sidecar.providers.network.proxies import parse
from sidecar.providers.network.tls_faults import explain
from sidecar.providers.network.trust import CaFile, Trust
from tests.certificates import DAY, Authority
from tests.providers.exchanges import STREAM, answers, ask
from tests.providers.network.surroundings import HOST, plain_server, tls, tunnels
from tests.providers.raw_server import RawServer, Serve

pytestmark = pytest.mark.anyio


def provider(serve: Serve, certificate: Path, host: str = "127.0.0.1") -> RawServer:
    return serve(answers(STREAM), host=host, tls=tls(certificate))


async def refusal(url: str, ca_file: CaFile = None) -> NetworkError:
    """What is said of a server that is not trusted."""
    client = Client(ca_file=ca_file)
    with pytest.raises(NetworkError) as caught:
        await ask(client, url, key="my-key")
    await client.close()
    return caught.value


# --- who is trusted -------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_company_s_ca_is_trusted_where_ca_file_names_it(
    serve: Serve, authority: Authority, host: str
) -> None:
    server = provider(serve, authority.certificate())
    client = Client(ca_file=authority.file)
    url = server.url.replace("127.0.0.1", host)
    assert (await ask(client, url)).content == "Hello"
    await client.close()


async def test_the_trust_store_counts_besides_ca_file(
    serve: Serve, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.file))
    client = Client(ca_file=authority.file)
    for each in (authority, other):
        server = provider(serve, each.certificate())
        assert (await ask(client, server.url)).content == "Hello"
    await client.close()


async def test_a_single_certificate_in_ca_file_is_trusted_without_its_ca(
    serve: Serve, authority: Authority
) -> None:
    certificate = authority.certificate()
    client = Client(ca_file=certificate)
    assert (await ask(client, provider(serve, certificate).url)).content == "Hello"
    await client.close()


async def test_a_broken_ca_file_lets_no_request_out_until_it_is_corrected(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    server, file = provider(serve, authority.certificate()), tmp_path / "ca.pem"
    plain = serve(answers(STREAM))
    client = Client(ca_file=file)
    for text in (None, b"", b"no certificate", authority.in_der().read_bytes()):
        if text is not None:
            file.write_bytes(text)
        with pytest.raises(ConfigError, match=r"ca\.pem can't be used: ") as caught:
            await ask(client, server.url)
        assert "openssl x509 -inform der" in caught.value.hint
    assert server.connections == []
    assert (await ask(client, plain.url)).content == "Hello"  # has no need of it
    file.write_bytes(authority.file.read_bytes())
    assert (await ask(client, server.url)).content == "Hello"
    await client.close()


async def test_a_ca_file_that_config_toml_does_not_name_right_lets_no_request_out() -> None:
    client = Client(ca_file="unusable")
    with pytest.raises(ConfigError, match="nothing was sent"):
        await ask(client, f"https://{HOST}/v1")
    await client.close()


# --- who is not -----------------------------------------------------------------------------------


async def test_a_certificate_of_nobody_known_says_what_to_do_behind_a_company_s_proxy(
    serve: Serve, authority: Authority
) -> None:
    error = await refusal(provider(serve, authority.certificate()).url)
    assert "signed by nobody whom this computer trusts" in error.message
    assert "ca_file" in error.hint


async def test_an_expired_certificate_says_to_look_at_the_clock(
    serve: Serve, authority: Authority
) -> None:
    server = provider(serve, authority.certificate(ends=-DAY))
    error = await refusal(server.url, authority.file)
    assert "not valid today (certificate has expired)" in error.message
    assert "date and time" in error.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_for_another_host_says_so(
    serve: Serve, authority: Authority, host: str
) -> None:
    server = provider(serve, authority.certificate("other.example"))
    error = await refusal(server.url.replace("127.0.0.1", host), authority.file)
    assert "its certificate is for another host" in error.message
    assert "sign-in page" in error.hint


async def test_a_server_without_tls_says_so() -> None:
    with plain_server() as port:
        error = await refusal(f"https://127.0.0.1:{port}/v1")
    assert "it does not speak TLS" in error.message
    assert "http://" in error.hint


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_old_versions_of_tls_are_refused(serve: Serve, authority: Authority) -> None:
    context = tls(authority.certificate())
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    error = await refusal(serve(answers(STREAM), tls=context).url, authority.file)
    assert "TLS failed" in error.message


async def test_behind_a_proxy_it_is_the_provider_s_certificate_that_is_told_of(
    serve: Serve, authority: Authority
) -> None:
    server = provider(serve, authority.certificate("other.example"))
    proxy = serve(tunnels(server.port))
    client = Client(parse(f"http://127.0.0.1:{proxy.port}", "HTTPS_PROXY"), authority.file)
    with pytest.raises(NetworkError, match=f"at https://{HOST}/v1: its certificate is for another"):
        await ask(client, f"https://{HOST}/v1")
    await client.close()


async def test_no_key_is_sent_to_whom_is_not_trusted(serve: Serve, authority: Authority) -> None:
    server = provider(serve, authority.certificate())
    await refusal(server.url)
    assert server.requests == []


@pytest.mark.parametrize(
    ("code", "said"),
    [(0x800B0101, "not valid"), (-67602, "another host"), (0x800B0109, "nobody"), (5, "strange")],
)
def test_the_codes_of_windows_and_macos_are_understood(code: int, said: str) -> None:
    error = ssl.SSLCertVerificationError("strange words")
    error.verify_code, error.verify_message = code, "strange words"
    explained = explain(error)
    assert explained is not None
    assert said in explained[0]
    assert "strange words" in explained[0]


# --- the store ------------------------------------------------------------------------------------


async def test_the_context_is_built_once_and_off_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = Trust()
    build, threads = held.build, []

    def noted() -> ssl.SSLContext:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        threads.append(1)
        return build()

    monkeypatch.setattr(held, "build", noted)
    first, again = await asyncio.gather(held.context(), held.context())
    assert first is again
    assert len(threads) == 1


def test_the_keys_of_connections_are_written_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert Trust().build().keylog_filename is None


@pytest.mark.skipif(sys.platform != "linux", reason="there the store is a file")
def test_where_the_system_has_no_store_certifi_s_list_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = ssl.get_default_verify_paths()._replace(cafile="", capath="")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: usual)
    monkeypatch.setattr(trust, "_BUNDLES", ("/nowhere/at/all.pem",))
    assert trust.find() == trust.Store("certifi", certifi.where())
    assert Trust().build().cert_store_stats()["x509_ca"] > 100


@pytest.mark.skipif(sys.platform != "linux", reason="there the store is a file")
def test_a_frozen_program_finds_the_system_s_store_where_distributions_have_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, authority: Authority
) -> None:
    usual = ssl.get_default_verify_paths()._replace(cafile=str(tmp_path / "builder's"), capath="")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: usual)
    empty = tmp_path / "empty.pem"
    empty.touch()
    monkeypatch.setattr(trust, "_BUNDLES", (str(empty), str(authority.file)))
    assert trust.find() == trust.Store("bundle", str(authority.file))


def test_variables_stand_in_the_store_s_place(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "is not there"))
    assert Trust().build().cert_store_stats()["x509"] == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "is not there"))
    with pytest.raises(ConfigError, match="can't be read") as caught:
        Trust().build()
    assert "SSL_CERT_FILE" in caught.value.hint
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ConfigError, match="no such folder"):
        Trust().build()


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_macos_and_windows_are_asked_themselves(
    monkeypatch: pytest.MonkeyPatch, system: str, authority: Authority
) -> None:
    import truststore  # noqa: PLC0415 - it looks at the platform when it is imported

    monkeypatch.setattr(sys, "platform", system)
    context = Trust(authority.file).build()
    assert isinstance(context, truststore.SSLContext)
    assert str(trust.find()) == "the system's, by truststore"
