"""The command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import __version__
from tests.conftest import clean_environment

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


def run(home: Path, *arguments: str, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *arguments],
        input=sent,
        capture_output=True,
        env=clean_environment(home),
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("arguments", [[], ["serve"]])
def test_without_a_command_it_serves(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments, sent=PING)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b'{"jsonrpc":"2.0","result":{},"id":1}\n'


def test_it_tells_its_version_and_its_commands(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").stdout.split() == [b"ai-sidecar", __version__.encode()]
    told = run(tmp_path, "--help").stdout
    for command in (b"serve", b"chat", b"replay", b"contract", b"doctor", b"--home", b"--drain"):
        assert command in told


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["contract", "xml"]])
def test_a_wrong_command_line_is_told_on_stderr(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"usage: ai-sidecar" in done.stderr


def test_a_wrong_command_is_told_with_those_there_are(tmp_path: Path) -> None:
    told = run(tmp_path, "nonsense").stderr
    assert b"argument COMMAND: invalid choice: 'nonsense' (choose from " in told
    assert b"doctor" in told


@pytest.mark.parametrize("option", ["--home", "--scripted", "--scripted=x"])
def test_an_option_of_the_sidecar_behind_a_command_is_told_its_place(
    tmp_path: Path, option: str
) -> None:
    done = run(tmp_path, "chat", "hello", option)
    assert done.returncode == 2
    told = f"{option} is an option of the sidecar and stands before `chat`"
    assert told in done.stderr.decode()


@pytest.mark.parametrize("arguments", [["--drain", "chat", "x"], ["doctor", "--drain"]])
def test_a_command_that_does_not_serve_takes_no_drain(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--drain is for serving; `" in done.stderr


def test_the_home_that_is_given_comes_before_the_variables(tmp_path: Path) -> None:
    configure = b'{"jsonrpc":"2.0","id":1,"method":"configure_provider","params":'
    configure += b'{"provider":"groq","model":"m"}}\n'
    done = run(tmp_path / "variable", "--home", str(tmp_path / "given"), "--drain", sent=configure)
    assert done.returncode == 0
    assert (tmp_path / "given" / "sidecar.db").exists()
    assert not (tmp_path / "variable").exists()


def test_serving_makes_no_files(tmp_path: Path) -> None:
    run(tmp_path / "home", sent=PING)
    assert list(tmp_path.iterdir()) == []
