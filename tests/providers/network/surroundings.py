"""A small outside world on loopback: providers with TLS, and proxies before them."""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.providers.raw_server import Connection, Script

HOST = "api.example"
"""A name that nobody can look up: only a proxy can get there."""
LOGIN = ("ada", "p@ss:wörd/1")
IN_A_URL = "ada:p%40ss%3Aw%C3%B6rd%2F1"
CHALLENGE = "407 Proxy Authentication Required"


def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def tunnels(port: int, login: tuple[str, str] | None = None) -> Script:
    """A proxy's script: CONNECT to anywhere leads to this port of loopback."""

    def script(connection: Connection) -> None:
        asked = connection.request_line()
        assert asked.startswith("CONNECT "), asked
        if login is not None and f"proxy-authorization: {basic(login)}" not in connection.lines():
            connection.answer(b"", status=CHALLENGE, proxy_authenticate='Basic realm="us"')
            return
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            connection.join(upstream)

    return script


def basic(login: tuple[str, str]) -> str:
    """The header's value for a user name and a password."""
    return f"Basic {base64.b64encode(':'.join(login).encode()).decode()}"


@contextmanager
def plain_server() -> Iterator[int]:
    """A port at which one connection is told in plain HTTP that this was no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connected, _ = listener.accept()
            with connected:
                connected.recv(65_536)
                connected.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def dead_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port: int = reserved.getsockname()[1]
    return port
