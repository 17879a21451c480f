"""Life and death of a real sidecar."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import psutil
import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.providers.raw_server import Connection, serving
from tests.providers.sidecars import LIMIT_S
from tests.streams import (
    HANG,
    HELLO,
    IN_TIME_S,
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
    assert time.monotonic() - began < IN_TIME_S
    return last


@pytest.fixture
def scripts(script: Write) -> str:
    script("hang", HANG)
    script("paced", PACED)
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
def test_every_ending_answers_what_waits_for_a_silent_provider(start: Start, ending: str) -> None:
    asked: SimpleQueue[int] = SimpleQueue()

    def say_nothing(connection: Connection) -> None:
        asked.put(connection.number)
        connection.hang()

    with serving(say_nothing) as server:
        peer = start()
        given = {"provider": "own", "format": "openai_chat", "base_url": server.url}
        peer.call("configure_provider", given, LIMIT_S)
        alone = line("list_models", {"provider": "own"}, "alone")
        batch = [line("list_models", {"provider": "own"}, "member"), line("ping", {}, "done")]
        peer.send(alone + b"[" + b",".join(each.strip() for each in batch) + b"]\n")
        for _ in range(2):
            asked.get(timeout=LIMIT_S)
        last: list[Any] = list(assert_ends(peer, ENDINGS[ending]))
    [answer] = [each for each in last if isinstance(each, dict) and each.get("id") == "alone"]
    assert answer["error"]["code"] == -32800
    [members] = [each for each in last if isinstance(each, list)]
    assert [each["id"] for each in members] == ["member", "done"]
    assert members[0]["error"]["data"]["kind"] == "cancelled"
    assert members[1]["result"] == {}


def test_an_active_model_that_is_not_here_is_told(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    config = 'active = { provider = "local", model = "nope" }'
    (home / "config.toml").write_text(config, encoding="utf-8")
    [problem] = start().call("initialize", {}, LIMIT_S)["result"]["problems"]
    assert "active.model: local has no model 'nope', but: demo." in problem


def test_a_folder_of_scripts_that_is_not_there_is_told(start: Start, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    [problem] = start("--scripted", missing).call("initialize", {}, LIMIT_S)["result"]["problems"]
    assert missing in problem


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
        assert time.monotonic() - began < IN_TIME_S
        assert peer.wait(LIMIT_S) == 0
    assert of(last)[-1]["finish_reason"] == "cancelled"


def test_who_comes_later_does_not_end_it_for_the_others(start: Start) -> None:
    peer = start()
    with sleeper() as process, sleeper() as another:
        for _ in range(2):
            assert "result" in peer.call("initialize", {"process_id": process.pid}, LIMIT_S)
        for pid in (another.pid, 2**22 + 1):
            answer = peer.call("initialize", {"process_id": pid}, LIMIT_S)
            assert answer["error"]["data"]["path"] == "$.process_id"
        assert "result" in peer.call("initialize", {}, LIMIT_S)
        process.kill()
        assert peer.wait(LIMIT_S) == 0


@pytest.mark.parametrize("process_id", [2**22 + 1, 2**31, 2**63, 10**30])
def test_a_process_that_is_not_there_has_ended(start: Start, process_id: int) -> None:
    peer = start()
    answer = peer.call("initialize", {"process_id": process_id}, LIMIT_S)
    assert "error" in answer or rest(peer) == []
    peer.end_input()
    assert peer.wait(LIMIT_S) == 0
