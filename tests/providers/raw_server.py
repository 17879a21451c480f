"""A server that sends exactly the bytes a test tells it to, and knows what its peer did.

A thread takes connections; each is served by a thread of its own that runs the test's script, a
function of a `Connection`. Whatever a script has not ended itself ends with the server.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

LIMIT_S = 20.0
_RESET = struct.pack("ii", 1, 0)

Script = Callable[["Connection"], None]


class Connection:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int, stopping: threading.Event) -> None:
        self.number = number
        self.stopping = stopping
        self.closed = threading.Event()
        """Set where the peer was seen to have closed its socket."""
        self.sent = 0
        self._socket = sock
        self._buffer = b""
        self._head: list[str] = []
        sock.settimeout(LIMIT_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from here on."""
        self._socket = context.wrap_socket(self._socket, server_side=True)

    def join(self, other: socket.socket) -> None:
        """Pass on what either side sends, until one of them closes."""
        back = threading.Thread(target=_pass_on, args=[other, self._socket], daemon=True)
        back.start()
        _pass_on(self._socket, other)
        back.join(LIMIT_S)

    def request(self) -> bytes:
        """Read one request, head and body. Raises `ConnectionError` where there is none."""
        head, end, rest = self._until(b"\r\n\r\n")
        size = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                size = int(line.partition(b":")[2])
        while len(rest) < size:
            rest += self._receive()
        self._buffer = rest[size:]
        self._head = head.decode("latin-1").split("\r\n")
        return head + end + rest[:size]

    def request_line(self) -> str:
        """The first line of the last request."""
        return self._head[0]

    def lines(self) -> list[str]:
        """The header lines of the last request, their names in small letters."""
        found = (line.partition(":") for line in self._head[1:])
        return [f"{name.lower()}:{value}" for name, _, value in found]

    def send(self, *pieces: bytes) -> None:
        """Send bytes; each piece leaves on its own."""
        for piece in pieces:
            self._socket.sendall(piece)
            self.sent += len(piece)

    def answer(self, body: bytes, *, status: str = "200 OK", **headers: str) -> None:
        """Send a whole answer, of a stream or of anything else, with its length."""
        self.send(head(status, content_length=str(len(body)), **headers) + body)

    def reset(self) -> None:
        """Close by a reset (RST): what the peer has not yet read may be lost to it."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._socket.close()

    def hang_up(self) -> None:
        """Close in order (FIN)."""
        self._socket.close()

    def hang(self) -> None:
        """Say nothing more until the peer closes, which is noted, or the server ends."""
        try:
            while self._receive():
                pass
        except ConnectionError:
            self.closed.set()

    def push(self, piece: bytes, times: int = 1_000_000_000) -> None:
        """Send the same piece again and again until the peer closes, which is noted."""
        try:
            for _ in range(times):
                self.send(piece)
        except ConnectionError:
            self.closed.set()
            raise

    def is_stuck(self, piece: bytes, seconds: float) -> bool:
        """Send the same piece until the peer takes nothing for so many seconds."""
        self._socket.settimeout(seconds)
        try:
            self.push(piece)
        except TimeoutError:
            self._socket.settimeout(LIMIT_S)
        return True

    def shut(self) -> None:
        """End whatever its thread waits for."""
        with suppress(OSError):  # where it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _until(self, mark: bytes) -> tuple[bytes, bytes, bytes]:
        found = self._buffer
        while mark not in found:
            found += self._receive()
        return found.partition(mark)

    def _receive(self) -> bytes:
        data = self._socket.recv(65_536)
        if not data:
            self.closed.set()
            raise ConnectionResetError
        return data


def _pass_on(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):  # the other side, or the end of the test, has closed one of them
        while data := source.recv(65_536):
            to.sendall(data)
    for each in (source, to):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class RawServer:
    """Listens on a free port of `host` and serves each connection by `script`."""

    def __init__(
        self, script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self.connections: list[Connection] = []
        self.requests: list[bytes] = []
        self.failures: list[BaseException] = []
        self._script = script
        self._stopping = threading.Event()
        self._arrived = threading.Condition()
        self._tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port: int = self._listener.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if tls else 'http'}://{shown}:{self.port}/v1"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def connection(self, number: int = 0) -> Connection:
        """Wait for a connection by its number."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.connections) > number, LIMIT_S)
        assert came, f"connection {number} did not come"
        return self.connections[number]

    def close(self) -> None:
        """End every connection and every thread; raise what a script failed with."""
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            connection.shut()
        for thread in self._threads:
            thread.join(LIMIT_S)
            assert not thread.is_alive(), "a script did not end"
        for failure in self.failures:
            raise failure

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._arrived:
                connection = Connection(sock, len(self.connections), self._stopping)
                self.connections.append(connection)
                self._arrived.notify_all()
            thread = threading.Thread(target=self._serve, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: Connection) -> None:
        try:
            if self._tls is not None:
                connection.secure(self._tls)
            while True:
                self.requests.append(connection.request())
                self._script(connection)
        except OSError:
            pass  # the peer, the script or the end of the test has closed it
        except BaseException as failure:  # noqa: BLE001 - told at the end
            self.failures.append(failure)
        finally:
            connection.shut()


class Serve(Protocol):
    """Start a server that ends with the test."""

    def __call__(
        self, script: Script, *, host: str = ..., tls: ssl.SSLContext | None = ...
    ) -> RawServer: ...


@contextmanager
def serving(
    script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[RawServer]:
    """Serve each request of each connection by `script`."""
    server = RawServer(script, host=host, tls=tls)
    try:
        yield server
    finally:
        server.close()


def head(status: str = "200 OK", content_type: str = "text/event-stream", **headers: str) -> bytes:
    """The head of an answer; `content_length="7"` becomes `content-length: 7`."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked_head(**headers: str) -> bytes:
    """The head of a stream in chunks."""
    return head(transfer_encoding="chunked", **headers)


def chunk(data: bytes) -> bytes:
    """One chunk of the transfer coding."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def chunks(pieces: Iterable[bytes]) -> bytes:
    """Chunks and their end."""
    return b"".join([*(chunk(piece) for piece in pieces), b"0\r\n\r\n"])
