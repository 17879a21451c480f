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
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any, cast

from sidecar.frozen import is_frozen

Json = dict[str, Any]


class PeerGone(Exception):
    """The sidecar ended, or said nothing for too long."""


class Interrupted(Exception):
    """Somebody called `interrupt` while a line was waited for; no line is lost."""


class _End:
    """Marks in the queue of lines: the end of its output, and an interruption."""


_ENDED = _End()
_INTERRUPTION = _End()
_ENDING_S = 5.0
_SLICE_S = 0.1 if sys.platform == "win32" else None
"""Windows runs no signal handler during a wait; there it is cut into slices."""


def own_command(arguments: Sequence[str] = ()) -> list[str]:
    """The command that runs this very sidecar, from source or frozen."""
    return [sys.executable, *(() if is_frozen() else ("-m", "sidecar")), *arguments]


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
        self._process = subprocess.Popen(  # noqa: S603 - the command is the caller's own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=None if environment is None else dict(environment),
            cwd=folder,
            # In a group of its own: Ctrl-C in the terminal is for this program alone, which then
            # decides. Its stdin's end is what ends the sidecar, however this program ends.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._stdout = cast("IO[bytes]", self._process.stdout)
        # A SimpleQueue: `put` may be called by a signal handler.
        self._lines: queue.SimpleQueue[bytes | _End] = queue.SimpleQueue()
        self._ids = itertools.count(1)
        threading.Thread(target=self._read, name="sidecar-stdout", daemon=True).start()

    @property
    def process_id(self) -> int:
        """The sidecar's process id."""
        return self._process.pid

    def send(self, line: bytes) -> None:
        """Write bytes as they are. Raises `PeerGone` where nobody reads them any more."""
        try:
            self._stdin.write(line)
            self._stdin.flush()
        except (OSError, ValueError) as error:  # ValueError: its stdin was closed here
            message = f"the sidecar is gone: {error}"
            raise PeerGone(message) from error

    def receive(self, timeout: float | None = None) -> bytes | None:
        """Return the next line without its line feed, or None at the end of its output.

        Raises `PeerGone` where none comes within `timeout` seconds, and `Interrupted`.
        """
        item = self._next(timeout)
        if item is _INTERRUPTION:
            raise Interrupted
        if isinstance(item, _End):
            self._lines.put(item)
            return None
        return item.rstrip(b"\n")

    def interrupt(self) -> None:
        """Make `receive` raise `Interrupted`, now or when next called. For signal handlers."""
        self._lines.put(_INTERRUPTION)

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
                raise self.gone()
            found.append(json.loads(line))
        return found

    def call(self, method: str, params: Json | None = None, timeout: float | None = None) -> Json:
        """Send a request and return its response object; what comes before it is passed over."""
        number = self.request(method, params)
        return self.messages_until(lambda message: message.get("id") == number, timeout)[-1]

    def end_input(self) -> None:
        """Close its stdin."""
        try:
            self._stdin.close()
        except OSError:
            return  # what was not yet written can't be any more

    def gone(self) -> PeerGone:
        """Return what to raise at the end of its output."""
        return PeerGone(f"the sidecar ended (status {self.wait(_ENDING_S)})")

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
            self._process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _next(self, timeout: float | None) -> bytes | _End:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE_S
            if deadline is not None:
                left = max(0, deadline - time.monotonic())
                left = left if _SLICE_S is None else min(left, _SLICE_S)
            try:
                return self._lines.get(timeout=left)
            except queue.Empty:
                if deadline is not None and time.monotonic() >= deadline:
                    message = f"the sidecar said nothing for {timeout} s"
                    raise PeerGone(message) from None

    def _read(self) -> None:
        with self._stdout as stdout:
            for line in stdout:
                self._lines.put(line)
        self._lines.put(_ENDED)
