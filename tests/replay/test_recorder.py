from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.replay import runner
from sidecar.replay.recorder import _Recording, written
from sidecar.terminal.peer import Peer
from tests.conftest import ROOT, clean_environment

SCRIPTS = ROOT / "protocol" / "sessions" / "scripted"
LINES = """\
{"jsonrpc": "2.0", "id": 1, "method": "initialize"}
{"jsonrpc": "2.0", "id": 2, "method": "stream_ai_provider", "params": {"provider": "scripted", \
"request": {"model": "endless", "messages": [{"role": "user", "content": "Hi"}]}}}
nonsense
{"jsonrpc": "2.0", "id": 3, "method": "call_ai_provider", "params": {"provider": "scripted", \
"request": {"model": "slow", "messages": [{"role": "user", "content": "Hi"}]}}}
"""


def test_a_recorded_session_replays_green(tmp_path: Path) -> None:
    file = tmp_path / "new.session"
    command = [sys.executable, "-m", "sidecar", "--scripted", str(SCRIPTS)]
    done = subprocess.run(
        [*command, "replay", "--record", str(file)],
        input=LINES.replace("endless", "hello"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(tmp_path / "home"),
    )
    assert done.returncode == 0, done.stderr
    assert "Hello!" in done.stdout
    text = file.read_text("utf-8")
    assert '"execution_id": "$set:execution_1"' in text
    assert '"execution_id": "$get:execution_1"' in text
    assert '"timestamp": "$number"' in text
    assert str(tmp_path) not in text
    assert text.endswith("\n--> <eof>\n<-- <exit 0>\n")
    outcome = runner.replay(file)
    assert outcome.problem is None, outcome.problem


def test_a_piped_line_waits_for_the_answer_to_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sidecar.replay.recorder._QUIET_S", 0.0)
    parrot = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"
    peer = Peer([sys.executable, "-c", parrot])
    recording = _Recording(peer, patient=True)
    recording.run([b'{"id": 1, "method": "a"}\n', b'[{"id": 2, "method": "b"}]\n'])
    assert [mark for mark, _ in recording.entries] == ["-->", "<--", "-->", "<--", "-->", "<--"]
    peer.close()


def record(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", "replay", "--record", *words],
        input=LINES,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(tmp_path / "home"),
    )


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "mine.session"
    file.write_text("# by hand", encoding="utf-8")
    done = record(tmp_path, str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"ai-sidecar: {file} is there already. Name another file, or remove it first.\n"
    )
    assert file.read_text("utf-8") == "# by hand"


def test_a_place_that_cannot_be_written_is_told_before_anything_is_recorded(tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "new.session"
    done = record(tmp_path, str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ai-sidecar: {file} can't be written: ")


def test_a_sidecar_that_cannot_be_started_is_told_and_leaves_no_file(tmp_path: Path) -> None:
    file = tmp_path / "new.session"
    done = record(tmp_path, "--command", "./no-such-program", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no-such-program can't be started" in done.stderr
    assert not file.exists()


def test_ids_that_the_sidecar_made_are_sent_back_as_they_are_then() -> None:
    made = "exec_0123456789abcdef"
    entries = [
        ("-->", '{"go": 1}'),
        ("<--", f'{{"execution_id": "{made}", "at": "/home/x/y"}}'),
        ("-->", f'{{"execution_id": "{made}"}}'),
        ("<--", "not JSON"),
    ]
    assert written(entries, ["--scripted", "my scripts"], ["/home/x"]).splitlines() == [
        "$ ai-sidecar --scripted 'my scripts'",
        "",
        '--> {"go": 1}',
        '<-- {"execution_id": "$set:execution_1", "at": "$string"}',
        "",
        '--> {"execution_id": "$get:execution_1"}',
        "<-- not JSON",
    ]


def test_a_session_states_its_arguments_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sidecar", "--scripted", str(SCRIPTS), "replay", "x.session"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean_environment(tmp_path / "home"),
    )
    assert done.returncode == 2
    assert "`$ ai-sidecar` line" in done.stderr
