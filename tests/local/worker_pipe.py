"""A worker process at the other end of a pipe, and flags for an engine in this process."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

from sidecar.local.protocol import (
    Answer,
    Chat,
    Chunk,
    Command,
    Count,
    Done,
    Embed,
    Failed,
    Vector,
    Work,
    decode_answer,
    encode,
)

LIMIT_S = 30.0


class Pipe:
    """A worker at the other end of a pipe; it is killed after `LIMIT_S`."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *(arguments or ("-m", "sidecar.local.worker"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._timer = threading.Timer(LIMIT_S, self.process.kill)
        self._timer.start()

    def send(self, command: Command) -> None:
        assert self.process.stdin
        self.process.stdin.write(encode(command))
        self.process.stdin.flush()

    def answer(self) -> Answer:
        assert self.process.stdout
        return decode_answer(self.process.stdout.readline())

    def run(self, chat: Chat) -> tuple[list[str], Done | Failed]:
        """Return the chunks and the end of a chat."""
        chunks: list[str] = []
        for answer in self._answers(chat):
            if isinstance(answer, Chunk):
                chunks.append(answer.content)
            elif isinstance(answer, Done | Failed):
                return chunks, answer
        raise AssertionError

    def embed(self, embed: Embed) -> tuple[list[list[float]], Done | Failed]:
        """Return the vectors and the end of an embedding."""
        vectors: list[list[float]] = []
        for answer in self._answers(embed):
            if isinstance(answer, Vector):
                vectors.append(answer.numbers)
            elif isinstance(answer, Done | Failed):
                return vectors, answer
        raise AssertionError

    def count(self, count: Count) -> int:
        """Return how many tokens it has."""
        *_, end = self._answers(count)
        assert isinstance(end, Done), end
        return end.usage.prompt_tokens

    def _answers(self, work: Work) -> Iterator[Answer]:
        """Send it; give its answers, of which the last is its end."""
        self.send(work)
        while True:
            answer = self.answer()
            yield answer
            if isinstance(answer, Done | Failed):
                assert answer.id == work.id
                return

    def end(self) -> int:
        """Close its stdin and return its exit status."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait()

    def close(self) -> None:
        self._timer.cancel()
        with self.process as process:
            process.kill()


class Watched:
    """A flag that turns true when it was looked at for the `patience`th time."""

    def __init__(self, patience: int) -> None:
        self.looks = 0
        self._patience = patience

    @property
    def cancelled(self) -> bool:
        self.looks += 1
        return self.looks >= self._patience


class Down:
    """A flag that stays down."""

    cancelled = False
