"""stdout carries the protocol and nothing else, whoever prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import clean_environment

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
PONG = b'{"jsonrpc":"2.0","result":{},"id":1}\n'
PRINTS = """
import ctypes, os, subprocess, sys
from sidecar import contract
from sidecar.__main__ import main
from sidecar.rpc.methods import Method
ping = contract.METHODS["ping"]
def noisy(app, params, call):
    print("stray print", flush=True)
    os.write(1, b"stray write")
    subprocess.run([sys.executable, "-c", "print('stray child')"])
    subprocess.run([sys.executable, "-c", "import sys; assert not sys.stdin.read()"], check=True)
    return ping.handler(app, params, call)
contract.METHODS["ping"] = Method(ping.params, ping.result, noisy)
sys.exit(main([]))
"""


def run(home: Path, *command: str, sent: bytes = PING * 2) -> subprocess.CompletedProcess[bytes]:
    environment = clean_environment(home)
    return subprocess.run(
        command, input=sent, capture_output=True, env=environment, check=False, timeout=30
    )


def test_what_anybody_prints_ends_on_stderr(tmp_path: Path) -> None:
    done = run(tmp_path, sys.executable, "-c", PRINTS)
    assert (done.returncode, done.stdout) == (0, PONG * 2)
    for stray in (b"stray print", b"stray write", b"stray child"):
        assert done.stderr.count(stray) == 2


posix = pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")


def shell(home: Path, redirections: str, code: str = "") -> subprocess.CompletedProcess[bytes]:
    how = ("-c", code) if code else ("-m", "sidecar")
    words = f'exec "$0" "$@" {redirections}'
    return run(home, "/bin/sh", "-c", words, sys.executable, *how)


@posix
def test_without_a_stderr_it_serves_all_the_same(tmp_path: Path) -> None:
    done = shell(tmp_path, "2>&-", PRINTS)
    assert (done.returncode, done.stdout) == (0, PONG * 2)


@posix
@pytest.mark.parametrize("redirections", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-", "< /dev/null"])
def test_without_an_input_or_an_output_it_ends(tmp_path: Path, redirections: str) -> None:
    done = shell(tmp_path, redirections)
    assert (done.returncode, done.stderr) == (0, b"")


CLAIMS = """
import os
from sidecar.rpc.descriptors import claim
private = claim()
assert not set(private) & {0, 1, 2}, private
for each in (0, 1, 2):
    os.fstat(each)
assert os.open(os.devnull, os.O_RDONLY) > 2
assert not any(os.get_inheritable(each) for each in private)
"""


@posix
@pytest.mark.parametrize("redirections", ["", "<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_whatever_was_closed_the_standard_descriptors_are_taken_afterwards(
    tmp_path: Path, redirections: str
) -> None:
    done = shell(tmp_path, redirections, CLAIMS)
    assert (done.returncode, done.stderr) == (0, b"")
