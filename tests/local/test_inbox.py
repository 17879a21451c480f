"""The worker's ear, in a process of its own whose main thread does what the test says."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import IO

import pytest

from sidecar.local.protocol import Cancel, Chat, Command, Message, ModelSpec, Sampling, encode
from tests.conftest import ROOT

LIMIT_S = 30.0
BEGIN = """
from sidecar.local.inbox import Inbox
inbox = Inbox(0)
inbox.start()
def say(*words): print(*words, flush=True)
"""


class Listener:
    """A process with an inbox."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        self._timer = threading.Timer(LIMIT_S, self.process.kill)
        self._timer.start()

    def send(self, *commands: Command) -> None:
        self.write(b"".join(encode(command) for command in commands))

    def write(self, data: bytes) -> None:
        stdin = self._pipe(self.process.stdin)
        stdin.write(data)
        stdin.flush()

    def heard(self) -> str:
        return self._pipe(self.process.stdout).readline().decode().strip()

    def told(self) -> str:
        return self._pipe(self.process.stderr).read().decode()

    def end(self) -> int:
        self._pipe(self.process.stdin).close()
        return self.process.wait()

    def close(self) -> None:
        self._timer.cancel()
        with self.process:  # closes what is open
            self.process.kill()

    def _pipe(self, pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


@pytest.fixture
def listeners() -> Iterator[list[Listener]]:
    opened: list[Listener] = []
    yield opened
    for each in opened:
        each.close()


def listening(listeners: list[Listener], program: str) -> Listener:
    listeners.append(Listener(program))
    return listeners[-1]


def chat(number: int) -> Chat:
    return Chat(
        id=number,
        model=ModelSpec(path="m.gguf", context=8),
        messages=[Message(role="user", content="hi")],
        sampling=Sampling(temperature=0, top_p=1),
    )


def test_chats_wait_in_their_order(listeners: list[Listener]) -> None:
    listener = listening(listeners, "while True: say(inbox.next().work.id)")
    listener.send(chat(2), chat(1))
    listener.send(chat(3))
    assert [listener.heard() for _ in range(3)] == ["2", "1", "3"]


def test_a_cancel_sets_the_flag_of_its_own_chat_alone(listeners: list[Listener]) -> None:
    program = """
one, two = inbox.next(), inbox.next()
say("both")
while not two.cancelled: pass
say(one.cancelled, two.cancelled)
"""
    listener = listening(listeners, program)
    listener.send(chat(1), chat(2))
    assert listener.heard() == "both"
    listener.send(Cancel(id=2))
    assert listener.heard() == "False True"


def test_a_cancel_of_a_chat_that_is_forgotten_means_nothing(listeners: list[Listener]) -> None:
    program = """
job = inbox.next()
inbox.forget(job)
say("forgotten")
say(inbox.next().work.id, job.cancelled)
"""
    listener = listening(listeners, program)
    listener.send(chat(1))
    assert listener.heard() == "forgotten"
    listener.send(Cancel(id=1), Cancel(id=7), chat(2))
    assert listener.heard() == "2 False"


def test_the_end_of_stdin_ends_the_process_though_its_main_thread_is_busy(
    listeners: list[Listener],
) -> None:
    listener = listening(listeners, "say('busy')\nwhile True: pass")
    assert listener.heard() == "busy"
    assert listener.end() == 0


@pytest.mark.parametrize("line", [b'{"op":"dance"}\n', b"nonsense\n"])
def test_a_line_that_is_no_command_ends_the_process(listeners: list[Listener], line: bytes) -> None:
    listener = listening(listeners, "inbox.next()")
    listener.write(line)
    assert listener.process.wait() == 65
    assert "no command" in listener.told()
