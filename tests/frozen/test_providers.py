"""The frozen programs and the world: the desktop's keyring, and TLS with a company's own CA."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.frozen.conftest import Installed, Launch
from tests.keys.servers import chat, given, make_row, provider, refused, set_key
from tests.secret_service import SecretService

FORMS = pytest.mark.parametrize("form", ["one file", "folder"])
KEY = "a-key-that-nobody-may-see-3"


@FORMS
def test_a_key_is_kept_in_the_desktops_keyring_and_used_by_the_next_start(
    form: str, installed: Installed, launch: Launch, secret_service: SecretService
) -> None:
    desktop = secret_service.environment
    with provider() as there:
        first = launch(installed.form(form), **desktop)
        make_row(first, there.url)
        assert set_key(first, KEY)["source"] == "keyring"
        first.close()
        again = launch(installed.form(form), **desktop)
        assert given(again, "call_ai_provider", **chat())["content"] == "Hello"
        assert there.keys == [KEY]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


class Greeting(BaseHTTPRequestHandler):
    """Says hello to whatever is posted."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": "Hello over TLS"}
        body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class Quiet(ThreadingHTTPServer):
    """A server to which a client that hangs up is nothing to talk about."""

    def handle_error(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def tls_url(authority: Authority) -> Iterator[str]:
    """The base URL of a provider with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.certificate())
    with Quiet(("127.0.0.1", 0), Greeting) as server:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/v1"
        finally:
            server.shutdown()
            thread.join()


@FORMS
def test_a_company_s_ca_is_trusted_where_the_environment_names_it(
    form: str, installed: Installed, launch: Launch, authority: Authority, tls_url: str
) -> None:
    peer = launch(installed.form(form), SSL_CERT_FILE=str(authority.file))
    make_row(peer, tls_url)
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello over TLS"


@FORMS
def test_a_certificate_of_nobody_known_is_refused(
    form: str, installed: Installed, launch: Launch, tls_url: str
) -> None:
    peer = launch(installed.form(form))
    make_row(peer, tls_url)
    refusal = refused(peer, "call_ai_provider", **chat())
    assert refusal["kind"] == "network"
    assert "certificate" in refusal["message"].lower()


@FORMS
def test_a_company_s_ca_is_trusted_where_config_toml_names_it(  # noqa: PLR0913, PLR0917 - fixtures
    form: str,
    installed: Installed,
    launch: Launch,
    authority: Authority,
    tls_url: str,
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(f"[network]\nca_file = '{authority.file}'\n")
    peer = launch(installed.form(form))
    make_row(peer, tls_url)
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello over TLS"
