"""The other end of the pipe: starts a sidecar and exchanges lines with it.

Blocking and small, for programs that do one thing at a time: the terminal chat, the doctor, the
replay of sessions. A thread reads the sidecar's stdout, so that a write never waits for a read.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

Json = dict[str, Any]


class PeerGone(Exception):
    """The sidecar ended, or said nothing for too long."""


def own_command(arguments: Sequence[str] = ()) -> list[str]:
    """The command that runs this very sidecar, from source or frozen."""
    frozen = getattr(sys, "frozen", False)
    return [sys.executable, *(() if frozen else ("-m", "sidecar")), *arguments]


class Peer:
    """One running sidecar."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        folder: str | os.PathLike[str] | None = None,
        stderr: IO[bytes] | int | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=None if environment is None else dict(environment),
            cwd=folder,
        )
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._ids = itertools.count(1)
        threading.Thread(target=self._read, name="sidecar-stdout", daemon=True).start()

    @property
    def process_id(self) -> int:
        """The sidecar's process id."""
        return self._process.pid

    def send(self, line: bytes) -> None:
        """Write bytes as they are. Raises `PeerGone` where nobody reads them any more."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as error:
            message = f"the sidecar is gone: {error}"
            raise PeerGone(message) from error

    def receive(self, timeout: float | None = None) -> bytes | None:
        """Return the next line without its line feed, or None at the end of its output.

        Raises `PeerGone` where none comes within `timeout` seconds.
        """
        try:
            line = self._lines.get(timeout=timeout)
        except queue.Empty:
            message = f"the sidecar said nothing for {timeout} s"
            raise PeerGone(message) from None
        if not line:
            self._lines.put(line)
            return None
        return line.rstrip(b"\n")

    def request(self, method: str, params: Json | None = None) -> int:
        """Send a request and return its id."""
        number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        self.send(json.dumps(message).encode() + b"\n")
        return number

    def messages_until(
        self, done: Callable[[Json], bool], timeout: float | None = None
    ) -> list[Json]:
        """Return the messages up to the first of which `done` is true, that one included."""
        found: list[Json] = []
        while not found or not done(found[-1]):
            line = self.receive(timeout)
            if line is None:
                message = f"the sidecar ended (status {self.wait(timeout)})"
                raise PeerGone(message)
            found.append(json.loads(line))
        return found

    def call(self, method: str, params: Json | None = None, timeout: float | None = None) -> Json:
        """Send a request and return its response object; what comes before it is passed over."""
        number = self.request(method, params)
        return self.messages_until(lambda message: message.get("id") == number, timeout)[-1]

    def end_input(self) -> None:
        """Close its stdin."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except OSError:
            return  # what was not yet written can't be any more

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit status. Raises `PeerGone` where it takes longer."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            message = f"the sidecar did not end within {timeout} s"
            raise PeerGone(message) from None

    def close(self) -> None:
        """End it: by closing its stdin, or else by killing it."""
        self.end_input()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line)
        self._lines.put(b"")
