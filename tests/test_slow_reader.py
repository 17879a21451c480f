"""A sidecar whose words nobody reads, and one that is stuck: it ends in time all the same."""

from __future__ import annotations

import fcntl
import json
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from sidecar.terminal.peer import own_command
from tests.conditions import comes_true
from tests.conftest import clean_environment
from tests.providers.sidecars import LIMIT_S
from tests.streams import IN_TIME_S, PACED, Write, line, params

PIPE = 48 * 1024
"""More than a pipe holds besides a write that waits."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of Unix")


@pytest.fixture
def scripts(script: Write) -> str:
    script("flood", '{"content":"' + "x" * 60_000 + '","repeat":1000000}')
    script("large", '{"content":"' + "x" * 1_000_000 + '","repeat":6}')
    return str(script("paced", PACED))


@contextmanager
def unread(folder: Path, scripts: str) -> Iterator[subprocess.Popen[bytes]]:
    """A sidecar whose stdout nobody reads."""
    with subprocess.Popen(
        own_command(["--scripted", scripts]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(folder / "home"),
        cwd=folder,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def write(process: subprocess.Popen[bytes], *lines: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(b"".join(lines))
    process.stdin.flush()


def wait_until_full(process: subprocess.Popen[bytes]) -> None:
    """Wait until its stdout holds a whole pipe."""
    assert comes_true(lambda: held_by(process.stdout) >= PIPE)


def held_by(pipe: IO[bytes] | None) -> int:
    """How many bytes are in a pipe and not yet read."""
    assert pipe is not None
    (held,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(held)


def end_unread(process: subprocess.Popen[bytes], ending: str) -> None:
    assert process.stdin is not None
    began = time.monotonic()
    if ending == "SIGTERM":
        process.terminate()
    elif ending == "shutdown":
        write(process, line("shutdown", {}))
    else:
        process.stdin.close()
    assert process.wait(LIMIT_S) == 0
    assert time.monotonic() - began < IN_TIME_S


@pytest.mark.parametrize("ending", ["the end of stdin", "shutdown", "SIGTERM"])
def test_it_ends_though_nobody_reads_what_it_says(
    scripts: str, tmp_path: Path, ending: str
) -> None:
    with unread(tmp_path, scripts) as process:
        write(process, line("stream_ai_provider", params("flood", "e1")))
        wait_until_full(process)
        end_unread(process, ending)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what its threads do")
@pytest.mark.parametrize("ending", ["the end of stdin", "SIGTERM"])
def test_it_ends_though_it_has_stopped_to_read_for_want_of_room(
    scripts: str, tmp_path: Path, ending: str
) -> None:
    attach = line("attach_execution", {"execution_id": "e1"})
    with unread(tmp_path, scripts) as process:
        write(process, line("call_ai_provider", params("large", "e1")))
        wait_until_full(process)
        write(process, attach * 10)
        assert comes_true(lambda: is_asleep(process) and held_by(process.stdin) == 0)
        for _ in range(2):  # the first may be taken by a read that had begun
            write(process, attach)
            assert comes_true(lambda: is_asleep(process))
        assert held_by(process.stdin) > 0
        end_unread(process, ending)


def is_asleep(process: subprocess.Popen[bytes]) -> bool:
    """True where none of its threads has anything to do."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/stat")
    return {task.read_text().rpartition(")")[2].split()[0] for task in tasks} == {"S"}


def test_requests_to_a_slow_reader_are_answered_in_their_turn(scripts: str, tmp_path: Path) -> None:
    attach = line("attach_execution", {"execution_id": "e1"}, "attach")
    with unread(tmp_path, scripts) as process:
        assert process.stdout is not None
        write(process, line("call_ai_provider", params("large", "e1"), "call"))
        wait_until_full(process)
        numbers = list(range(5000))
        pings = [line("ping", {}, number) for number in numbers]
        writer = threading.Thread(target=write, args=[process, attach * 10, *pings])
        writer.start()
        found: list[object] = []
        while len(found) < 1 + 10 + len(numbers):
            found.append(json.loads(process.stdout.readline())["id"])
        writer.join(LIMIT_S)
        assert found == ["call", *["attach"] * 10, *numbers]


def test_a_reader_that_has_gone_ends_it(scripts: str, tmp_path: Path) -> None:
    with unread(tmp_path, scripts) as process:
        assert process.stdout is not None
        write(process, line("stream_ai_provider", params("paced", "e1")))
        process.stdout.readline()
        began = time.monotonic()
        process.stdout.close()
        assert process.wait(LIMIT_S) == 0
        assert time.monotonic() - began < IN_TIME_S


STUCK = """
import sys, threading
from sidecar import contract
from sidecar.__main__ import main
from sidecar.rpc.methods import Method
ping = contract.METHODS["ping"]
def stuck(app, params, call):
    print("stuck", file=sys.stderr, flush=True)
    threading.Event().wait()
contract.METHODS["ping"] = Method(ping.params, ping.result, stuck)
sys.exit(main([]))
"""


@pytest.mark.parametrize("ending", ["the end of stdin", "SIGTERM"])
def test_it_ends_though_a_method_never_comes_back(tmp_path: Path, ending: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUCK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(tmp_path / "home"),
    ) as process:
        assert process.stderr is not None
        write(process, line("ping", {}))
        assert process.stderr.readline() == b"stuck\n"
        try:
            end_unread(process, ending)
        finally:
            process.kill()
