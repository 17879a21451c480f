from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from sidecar.replay import runner

PING = '--> {"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
PONG = '<-- {"jsonrpc": "2.0", "id": 1, "result": {}}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def session(folder: Path, text: str, name: str = "x.session") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def impostor(folder: Path, code: str) -> str:
    """Write a program that takes the sidecar's place; return the command that runs it."""
    file = folder / "impostor.py"
    file.write_text("import sys\n" + code, encoding="utf-8")
    return shlex.join([sys.executable, str(file)])


def problem(file: Path, command: str | None = None) -> str:
    return runner.replay(file, command).problem or "none"


def test_a_session_that_holds_has_no_problem(folder: Path) -> None:
    outcome = runner.replay(session(folder, PING + PONG))
    assert (outcome.problem, outcome.skipped) == (None, None)
    assert outcome.seconds > 0


def test_the_first_difference_is_told_with_file_line_and_path(folder: Path) -> None:
    text = PING + PONG + PING + '<-- {"jsonrpc": "2.0", "id": 1, "result": {"pong": true}}\n'
    file = session(folder, text)
    assert problem(file).splitlines() == [
        f"{file}:4: at $.result.pong",
        "  expected: true",
        "  came:     nothing",
        '  the line:  {"jsonrpc":"2.0","result":{},"id":1}',
    ]


def test_a_line_that_nobody_expected_is_a_problem_even_at_the_end(folder: Path) -> None:
    assert "nothing more was expected, and this came:" in problem(session(folder, PING))


def test_a_session_can_end_by_shutdown_with_its_status(folder: Path) -> None:
    text = PING.replace("ping", "shutdown") + PONG
    assert problem(session(folder, f"{text}<-- <exit 0>\n")) == "none"
    found = problem(session(folder, f"{text}<-- <exit 3>\n"))
    assert "the exit status\n  expected: 3\n  came:     0" in found


def test_a_sidecar_that_ends_too_early_is_told_with_its_status_and_its_stderr(
    folder: Path,
) -> None:
    command = impostor(folder, "sys.stdin.readline()\nsys.exit('I had enough')")
    file = session(folder, PING + PONG)
    assert problem(file, command).splitlines() == [
        f"{file}:2: the sidecar ended with status 1; this line did not come.",
        "the sidecar's stderr:",
        "  I had enough",
    ]


def test_a_line_that_nobody_is_there_to_read_is_told(folder: Path) -> None:
    command = impostor(folder, "import os; os.close(0); print(1, flush=True)")
    found = problem(session(folder, "<-- 1\n--> x\n"), command)
    assert "this line could not be sent: the sidecar ended with status 0." in found


def test_a_sidecar_that_says_nothing_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "LINE_S", 0.2)
    command = impostor(folder, "sys.stdin.read()")
    found = problem(session(folder, PING + PONG), command)
    assert found.endswith(":2: the sidecar said nothing for 0.2 s.")


def test_a_line_that_is_not_json_is_shown(folder: Path) -> None:
    command = impostor(folder, "print('Hello!', flush=True); sys.stdin.read()")
    assert "expected: JSON\n  came:     Hello!" in problem(session(folder, PING + PONG), command)


@pytest.mark.parametrize(
    ("command", "told"),
    [("python3 -m 'x", "can't be split into words: No closing quotation."), (" ", "is empty.")],
)
def test_a_command_that_is_none_is_told_before_any_session_is_run(
    folder: Path, command: str, told: str
) -> None:
    with pytest.raises(runner.Unusable, match=f"--command {told}"):
        runner.main([session(folder, PING + PONG)], command)


def test_a_file_that_cannot_be_read_is_told_in_plain_words(folder: Path) -> None:
    assert problem(folder / "no.session") == f"There is no file {folder / 'no.session'}."
    assert problem(folder) == (
        f"{folder} is a folder. Name the files in it: {folder / '*.session'}"
    )
    long = folder / ("x" * 300)
    assert problem(long) == f"{long} can't be read: File name too long."


def test_a_command_that_is_not_there_is_told(folder: Path) -> None:
    assert "can't be started" in problem(session(folder, PING), str(folder / "nothing"))


def test_any_number_of_a_notification_may_come(folder: Path) -> None:
    code = """
for _ in range(50):
    print('{"method": "tick"}')
print("1", flush=True)
sys.stdin.read()
"""
    command = impostor(folder, code)
    assert problem(session(folder, "<-- * tick\n<-- 1\n"), command) == "none"
    assert problem(session(folder, "<-- * tock\n<-- 1\n"), command) != "none"


def test_the_home_is_a_new_one_and_no_key_or_proxy_gets_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AI_SIDECAR_HOME", str(folder / "mine"))
    code = """
import json, os
wrong = [n for n in os.environ if n.upper().endswith(("_KEY", "_TOKEN", "_PROXY"))]
home = os.environ["AI_SIDECAR_HOME"]
new = os.listdir(home) == ["config.toml"]
print(json.dumps([wrong, new, home.endswith("mine"), os.getcwd()]), flush=True)
sys.stdin.read()
"""
    text = f'<-- [[], true, false, "{folder.resolve().as_posix()}"]\n'
    assert problem(session(folder, text), impostor(folder, code)) == "none"


def test_relative_paths_are_relative_to_the_session(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "answers").mkdir()
    (folder / "answers" / "hi.jsonl").write_text('{"content": "Hi"}', encoding="utf-8")
    text = (
        "$ ai-sidecar --scripted answers\n"
        '--> {"jsonrpc": "2.0", "id": 1, "method": "list_models",'
        ' "params": {"provider": "scripted"}}\n'
        '<-- {"jsonrpc": "2.0", "id": 1,\n'
        '      "result": {"models": [{"id": "hi", "provider": "scripted"}]}}\n'
    )
    file = session(folder, text)
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert problem(file) == "none"


def test_a_program_beside_the_user_is_found_from_every_session(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert runner.words("./bin/ai-sidecar --x 'a b'") == [
        str(folder / "bin" / "ai-sidecar"),
        "--x",
        "a b",
    ]
    assert runner.words("ai-sidecar") == ["ai-sidecar"]


def test_what_a_session_needs_and_is_not_there_skips_it_visibly(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = session(folder, "# needs: no_such_module\n" + PING + PONG)
    assert runner.main([file], None) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"skipped  {file}  needs no_such_module, which is not installed",
        "0 ok, 1 skipped",
    ]


def test_one_line_a_session_and_a_status_that_says_whether_any_failed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = session(folder, PING + PONG, "good.session")
    bad = session(folder, "nonsense\n", "bad.session")
    assert runner.main([good, bad, folder / "none.session"], None) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"ok       {good}  ")
    assert lines[1].startswith(f"FAILED   {bad}  ")
    assert lines[2].startswith(f"  {bad}:1: a line begins with")
    assert lines[-1] == "1 ok, 2 FAILED"
    assert runner.main([good], None) == 0
