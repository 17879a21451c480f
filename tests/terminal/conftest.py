"""Programs of the command line, in a pipe and in a real (pseudo) terminal."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import clean_environment

LIMIT_S = 30.0
_AGAIN_S = 3.0
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "sidecar", *sys.argv[1:]])
"""
"""Makes the terminal the process's own, so that Ctrl-C typed there becomes its SIGINT."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run `ai-sidecar ARGS` in pipes, to its end."""

    def to_its_end(
        *arguments: str, given: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sidecar", *arguments],
            input=given,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_S * 2,
            check=False,
            cwd=tmp_path,
            env=clean_environment(tmp_path / "home", **environment),
        )

    return to_its_end


class Terminal:
    """A program in a terminal of its own, and what is on its screen."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str]) -> None:
        self._ours, theirs = os.openpty()
        self.shown = ""
        self._seen = 0
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=environment,
        )
        os.close(theirs)

    def type(self, keys: str) -> None:
        r"""Press keys: `\r` is Enter, `\x03` Ctrl-C, `\x04` Ctrl-D."""
        os.write(self._ours, keys.encode())

    def until(self, text: str) -> str:
        """Wait until `text` is shown, after what was waited for before; return up to it."""
        deadline = time.monotonic() + LIMIT_S
        while text not in self.shown[self._seen :]:
            if not self._read(deadline - time.monotonic()):
                message = f"{text!r} was not shown; this was: {self.shown!r}"
                raise AssertionError(message)
        start, self._seen = self._seen, self.shown.index(text, self._seen) + len(text)
        return self.shown[start : self._seen]

    def end(self) -> int:
        """Wait for its end and return the exit status."""
        deadline = time.monotonic() + LIMIT_S
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(LIMIT_S)

    def end_by(self, key: str) -> int:
        """Press a key, as a person would again where nothing happens, and return the exit status.

        CPython's readline looks for signals before it begins to wait for keys; one that comes in
        between lies there until the next key.
        """
        deadline = time.monotonic() + LIMIT_S
        while self.process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):  # it has just ended
                self.type(key)
            while self._read(_AGAIN_S):
                pass
        return self.process.wait(LIMIT_S)

    def close(self) -> None:
        """Leave nothing running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)

    def _read(self, timeout: float) -> bool:
        if timeout <= 0 or not select.select([self._ours], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux: nobody has the other side open any more
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    """Open terminals in which `ai-sidecar ARGS` runs."""
    if os.name == "nt":
        pytest.skip("Windows has no pseudo terminals of this kind")
    opened: list[Terminal] = []

    def begin(*arguments: str, **environment: str) -> Terminal:
        # The prompt is what is tested, not what line editing adds to it.
        clean = clean_environment(tmp_path / "home", TERM="xterm", **environment)
        clean.pop("NO_COLOR", None)
        opened.append(Terminal(arguments, clean | environment))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


class Model:
    """A model behind the chat completions API on this machine; it keeps what it was asked."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}/v1"
        self.bodies: list[dict[str, Any]] = []

    def configure(self, home: Path) -> None:
        """Make it the active provider `mine` of the sidecar in `home`."""
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "config.toml").write_text(
            'active = { provider = "mine", model = "m" }\n'
            f'[providers.mine]\nformat = "openai_chat"\nbase_url = "{self.url}"\n'
            'key_variable = "MINE_API_KEY"\n',
            encoding="utf-8",
        )


@pytest.fixture
def model() -> Iterator[Model]:
    """Serve a model that answers `Answer 1.`, `Answer 2.` and so on."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("application/json", '{"object": "list", "data": [{"id": "m"}]}')

        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            found.bodies.append(json.loads(self.rfile.read(size)))
            chunk = {
                "choices": [{"index": 0, "delta": {"content": f"Answer {len(found.bodies)}."}}]
            }
            last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            events = [json.dumps(chunk), json.dumps(last), "[DONE]"]
            self._answer("text/event-stream", "".join(f"data: {each}\n\n" for each in events))

        def _answer(self, kind: str, text: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Model(server)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
