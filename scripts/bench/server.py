"""A provider on loopback, as a process of its own: HTTP and server-sent events, encoded before.

The request's `model` says what is streamed:

* `burst-N`: N chunks as fast as the socket takes them.
* `paced-N-I-P`: N chunks, one every I microseconds, the first after P microseconds.
* `silent`: one chunk, then nothing until the client hangs up, which is told on stdout.

Every event is an HTTP chunk of its own, as real servers send them, and some 300 bytes long. Its
content begins with the clock at which it was sent. The port is the first line on stdout. The
process ends with its stdin, or when `LIFETIME_S` is over.
"""

from __future__ import annotations

import os
import socketserver
import sys
import threading
import time

import msgspec
from msgspec import Struct

from scripts.bench.wire import STAMP_DIGITS

LIFETIME_S = 600
_AT_ONCE = 200
_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
_COMMON = (
    b'data: {"id":"chatcmpl-BENCHx0123456789abcdefghijklm","object":"chat.completion.chunk",'
    b'"created":1760000000,"model":"bench-model-2025-01-01","service_tier":"default",'
    b'"system_fingerprint":"fp_0123456789",'
)


def _http_chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


_BLANK = b"0" * STAMP_DIGITS
_BEFORE, _AFTER = _http_chunk(
    _COMMON + b'"choices":[{"index":0,"delta":{"content":"' + _BLANK + b' token"},'
    b'"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
).split(_BLANK)
_LAST = _http_chunk(
    _COMMON + b'"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],'
    b'"usage":null}\n\n'
)
_TAIL = _LAST + _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class _Body(Struct):
    model: str


def _stamped() -> bytes:
    return b"%b%0*d%b" % (_BEFORE, STAMP_DIGITS, time.perf_counter_ns(), _AFTER)


class _Connection(socketserver.StreamRequestHandler):
    """One kept connection: request after request."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        try:
            while (body := self._request()) is not None:
                kind, *numbers = msgspec.json.decode(body, type=_Body).model.split("-")
                self._answer(kind, *map(int, numbers))
        except OSError:
            return  # the client hung up

    def _request(self) -> bytes | None:
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return self.rfile.read(length) if length else None

    def _answer(self, kind: str, count: int = 0, interval_us: int = 0, phase_us: int = 0) -> None:
        if kind == "burst":
            self._burst(count)
        elif kind == "paced":
            self._paced(count, interval_us, phase_us)
        else:
            self._silent()

    def _burst(self, count: int) -> None:
        self.connection.sendall(_HEAD + _stamped())
        whole = _stamped() * _AT_ONCE
        for left in range(count - 1, 0, -_AT_ONCE):
            part = whole if left >= _AT_ONCE else whole[: len(whole) // _AT_ONCE * left]
            self.connection.sendall(part)
        self.connection.sendall(_TAIL)

    def _paced(self, count: int, interval_us: int, phase_us: int) -> None:
        self.connection.sendall(_HEAD)
        due = time.perf_counter() + phase_us / 1e6
        for _ in range(count):
            time.sleep(max(0.0, due - time.perf_counter()))
            self.connection.sendall(_stamped())
            due += interval_us / 1e6
        self.connection.sendall(_TAIL)

    def _silent(self) -> None:
        self.connection.sendall(_HEAD + _stamped())
        try:
            self.connection.recv(1)
        finally:
            sys.stdout.write(f"{time.perf_counter_ns()}\n")
            sys.stdout.flush()
        raise ConnectionResetError


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 4096


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    """Serve until the parent is gone."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    threading.Timer(LIFETIME_S, os._exit, args=(1,)).start()
    with _Server(("127.0.0.1", 0), _Connection) as server:
        sys.stdout.write(f"{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
