"""Life and death of a real sidecar."""

from __future__ import annotations

import fcntl
import json
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sidecar.terminal.peer import Peer, own_command
from tests.conftest import Start, clean_environment
from tests.providers.sidecars import LIMIT_S
from tests.streams import (
    HANG,
    HELLO,
    PACED,
    Json,
    Write,
    answer_to,
    assert_whole,
    begin,
    chunk_of,
    line,
    of,
    params,
    rest,
)

ENDING_S = 2.0
BUSY_S = 1.0
"""What a machine that has other things to do may take on top."""
PIPE = 48 * 1024
"""More than a pipe holds besides a write that waits."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of Unix")

End = Callable[[Peer], object]
ENDINGS: dict[str, End] = {
    "the end of stdin": lambda peer: peer.end_input(),
    "shutdown": lambda peer: peer.request("shutdown"),
    "SIGTERM": lambda peer: psutil.Process(peer.process_id).send_signal(signal.SIGTERM),
    "SIGINT": lambda peer: psutil.Process(peer.process_id).send_signal(signal.SIGINT),
}


def assert_ends(peer: Peer, end: End) -> list[Json]:
    """End it, and return its last words."""
    began = time.monotonic()
    end(peer)
    last = rest(peer)
    assert peer.wait(LIMIT_S) == 0
    assert time.monotonic() - began < ENDING_S + BUSY_S
    return last


@pytest.fixture
def scripts(script: Write) -> str:
    script("hang", HANG)
    script("paced", PACED)
    script("flood", '{"content":"' + "x" * 60_000 + '","repeat":1000000}')
    script("large", '{"content":"' + "x" * 1_000_000 + '","repeat":6}')
    return str(script("hello", HELLO))


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_of_an_idle_sidecar_is_with_status_0(start: Start, ending: str) -> None:
    peer = start()
    assert peer.call("ping", {}, LIMIT_S)["result"] == {}
    last = assert_ends(peer, ENDINGS[ending])
    assert [message.get("result") for message in last] == ([{}] if ending == "shutdown" else [])


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_ends_what_hangs_and_answers_what_was_asked(
    start: Start, scripts: str, ending: str
) -> None:
    peer = start("--scripted", scripts)
    begin(peer, "hang")
    seen = peer.messages_until(chunk_of(), LIMIT_S)
    peer.send(line("call_ai_provider", params("hang", "e2"), "call") + line("ping", {}, "ping"))
    peer.messages_until(answer_to("ping"), LIMIT_S)
    last = assert_ends(peer, ENDINGS[ending])
    assert assert_whole(of(seen + last))["finish_reason"] == "cancelled"
    [answer] = filter(answer_to("call"), last)
    assert answer["error"]["code"] == -32800
    assert answer["error"]["data"]["execution_id"] == "e2"


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_ending_gives_200_streams_one_end_each(
    start: Start, scripts: str, ending: str
) -> None:
    peer = start("--scripted", scripts)
    ids = [f"e{number}" for number in range(200)]
    lines = [line("stream_ai_provider", params("paced", each), each) for each in ids]
    peer.send(b"".join(lines))
    seen = peer.messages_until(answer_to(ids[-1]), LIMIT_S)
    seen += assert_ends(peer, ENDINGS[ending])
    for each in ids:
        assert assert_whole(of(seen, each))["finish_reason"] == "cancelled"


def test_drain_lets_what_runs_come_to_its_end(start: Start, scripts: str) -> None:
    peer = start("--scripted", scripts, "--drain")
    slow = '{"wait_ms":200}\n' + HELLO
    Path(scripts, "slow.jsonl").write_text(slow, encoding="utf-8")
    peer.send(line("stream_ai_provider", params("slow", "e1"), 1))
    peer.send(line("call_ai_provider", params("slow", "e2"), 2)[:-1])
    last = assert_ends(peer, ENDINGS["the end of stdin"])
    assert assert_whole(of(last))["response"]["content"] == "Hello"
    [answer] = filter(answer_to(2), last)
    assert answer["result"]["content"] == "Hello"


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_drain(start: Start, scripts: str, ending: str) -> None:
    peer = start("--scripted", scripts, "--drain")
    begin(peer, "hang")
    peer.messages_until(chunk_of(), LIMIT_S)
    peer.end_input()
    assert [each["finish_reason"] for each in of(assert_ends(peer, ENDINGS[ending]))] == [
        "cancelled"
    ]


STUCK = """
import sys, time
from sidecar import contract
from sidecar.__main__ import main
from sidecar.rpc.methods import Method
ping = contract.METHODS["ping"]
def stuck(app, params, call):
    print("stuck", file=sys.stderr, flush=True)
    while True:
        time.sleep(0.01)
contract.METHODS["ping"] = Method(ping.params, ping.result, stuck)
sys.exit(main([]))
"""


# Open for SIGTERM: sidecar/app.py arms the hard exit on the event loop, which is what is stuck.
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


# --- a process that is watched -------------------------------------------------------------------


@contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
def test_it_ends_with_the_process_that_it_watches(
    start: Start, scripts: str, *, reaped: bool
) -> None:
    peer = start("--scripted", scripts)
    with sleeper() as process:
        peer.call("initialize", {"process_id": process.pid}, LIMIT_S)
        begin(peer, "hang")
        began = time.monotonic()
        process.kill()
        if reaped:
            process.wait()
        last = rest(peer)
        assert time.monotonic() - began < ENDING_S + BUSY_S
        assert peer.wait(LIMIT_S) == 0
    assert of(last)[-1]["finish_reason"] == "cancelled"


@pytest.mark.parametrize("process_id", [2**22 + 1, 2**31, 2**63, 10**30])
def test_a_process_that_is_not_there_has_ended(start: Start, process_id: int) -> None:
    peer = start()
    answer = peer.call("initialize", {"process_id": process_id}, LIMIT_S)
    assert "error" in answer or rest(peer) == []
    peer.end_input()
    assert peer.wait(LIMIT_S) == 0


# --- a reader that does not read -----------------------------------------------------------------


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
    """Wait until its stdout holds a whole pipe, of which nobody tells."""
    assert process.stdout is not None
    deadline = time.monotonic() + LIMIT_S
    held = 0
    while held < PIPE and time.monotonic() < deadline:
        threading.Event().wait(0.01)
        (held,) = struct.unpack("i", fcntl.ioctl(process.stdout, termios.FIONREAD, b"\0" * 4))
    assert held >= PIPE


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
    assert time.monotonic() - began < ENDING_S + BUSY_S


@pytest.mark.parametrize("ending", ["the end of stdin", "shutdown", "SIGTERM"])
def test_it_ends_though_nobody_reads_what_it_says(
    scripts: str, tmp_path: Path, ending: str
) -> None:
    with unread(tmp_path, scripts) as process:
        write(process, line("stream_ai_provider", params("flood", "e1")))
        wait_until_full(process)
        end_unread(process, ending)


@pytest.mark.parametrize("ending", ["the end of stdin", "SIGTERM"])
def test_it_ends_though_it_has_stopped_to_read_for_want_of_room(
    scripts: str, tmp_path: Path, ending: str
) -> None:
    attach = line("attach_execution", {"execution_id": "e1"})
    with unread(tmp_path, scripts) as process:
        write(process, line("call_ai_provider", params("large", "e1")))
        wait_until_full(process)
        write(process, attach * 10)
        wait_until_idle(process)
        write(process, attach)
        end_unread(process, ending)


def wait_until_idle(process: subprocess.Popen[bytes]) -> None:
    """Wait until it has taken what was written, and has nothing left to do."""
    watched = psutil.Process(process.pid)
    before, now = -1.0, 0.0
    while before != now:
        threading.Event().wait(0.2)
        before, now = now, sum(watched.cpu_times()[:2])


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
        assert time.monotonic() - began < ENDING_S + BUSY_S
