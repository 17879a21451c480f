"""Pipes whose ends a test holds."""

from __future__ import annotations

import os
import threading

LIMIT_S = 10


class Pipe:
    """Both ends of a pipe, each closed once."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._open = {self.read_end, self.write_end}

    def close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)

    def read_all(self) -> bytes:
        with os.fdopen(os.dup(self.read_end), "rb") as file:
            return file.read()


class Slurp:
    """A thread that reads to the end."""

    def __init__(self, pipe: Pipe) -> None:
        self.found = b""
        self._thread = threading.Thread(target=self._run, args=[pipe])
        self._thread.start()

    def _run(self, pipe: Pipe) -> None:
        self.found = pipe.read_all()

    def result(self) -> bytes:
        self._thread.join(LIMIT_S)
        return self.found
