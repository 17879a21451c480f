"""The frozen programs and the world: the desktop's keyring, and TLS with a company's own CA."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


@dataclass
class Certificates:
    """A CA of a company's own, and a server's certificate by it."""

    ca: Path
    server: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("tls")
    ca_key, ca = certificate("A company's CA", None, None)
    key, server = certificate("localhost", ca_key, ca)
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + server.public_bytes(serialization.Encoding.PEM)
    )
    return Certificates(folder / "ca.pem", folder / "server.pem")


def certificate(
    name: str, issuer_key: ec.EllipticCurvePrivateKey | None, issuer: x509.Certificate | None
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Make one, by the issuer, or else a CA's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer_key or key
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=issuer is None,
        crl_sign=issuer is None, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return key, built


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
def tls_url(certificates: Certificates) -> Iterator[str]:
    """The base URL of a provider with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)
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
    form: str, installed: Installed, launch: Launch, certificates: Certificates, tls_url: str
) -> None:
    peer = launch(installed.form(form), SSL_CERT_FILE=str(certificates.ca))
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
