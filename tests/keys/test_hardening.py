"""Files that are their owner's alone, and a process that leaves no image of itself."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from sidecar.keys.hardening import tighten
from tests.conftest import ROOT, Start, needs_llama_cpp
from tests.providers.sidecars import LIMIT_S, ask, configure

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of Unix")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def made(path: Path, mode: int) -> Path:
    path.write_bytes(b"")
    path.chmod(mode)
    return path


def test_a_home_as_it_should_be_is_not_worth_a_word(home: Path) -> None:
    made(home / "sidecar.db", 0o600)
    made(home / "config.toml", 0o644)
    assert tighten(home) == []
    assert tighten(home / "nowhere") == []
    assert mode(home / "config.toml") == 0o644, "it has no secrets, and is the user's own"


@pytest.mark.parametrize("loose", [0o755, 0o750, 0o707, 0o777, 0o701])
def test_an_open_folder_is_closed_and_told(home: Path, loose: int) -> None:
    made(home / "sidecar.db", 0o600)
    home.chmod(loose)
    [told] = tighten(home)
    assert f"{home} was open to other users (mode {loose:o})" in told
    assert mode(home) == 0o700
    assert tighten(home) == []


@pytest.mark.parametrize("name", ["sidecar.db", "sidecar.db-journal", "sidecar.db-wal"])
@pytest.mark.parametrize("loose", [0o644, 0o604, 0o660, 0o666])
def test_an_open_file_is_closed_and_told(home: Path, name: str, loose: int) -> None:
    path = made(home / name, loose)
    [told] = tighten(home)
    assert name in told
    assert mode(path) == 0o600


@pytest.mark.parametrize("loose", [0o664, 0o646, 0o666])
def test_nobody_else_may_write_where_keys_are_sent(home: Path, loose: int) -> None:
    path = made(home / "config.toml", loose)
    assert len(tighten(home)) == 1
    assert mode(path) == loose & ~0o022


def test_a_folder_that_is_somebody_elses_as_well_is_told_and_not_changed(home: Path) -> None:
    path = made(home / "sidecar.db", 0o644)
    for number in range(30):
        made(home / f"thesis-{number}.tex", 0o644)
    home.chmod(0o755)
    told = tighten(home)
    assert ["choose another --home" in each for each in told] == [True, False]
    assert mode(home) == 0o755
    assert mode(home / "thesis-1.tex") == 0o644
    assert mode(path) == 0o600, "the sidecar's own file is closed all the same"


def test_what_a_link_leads_to_is_closed(home: Path, tmp_path: Path) -> None:
    elsewhere = made(tmp_path / "elsewhere.db", 0o644)
    (home / "sidecar.db").symlink_to(elsewhere)
    link = tmp_path / "link"
    link.symlink_to(home)
    home.chmod(0o755)
    assert len(tighten(link)) == 2
    assert (mode(home), mode(elsewhere)) == (0o700, 0o600)


@pytest.mark.parametrize("target", ["nowhere", "sidecar.db"])
def test_a_link_that_leads_nowhere_is_no_reason_to_fail(home: Path, target: str) -> None:
    (home / "sidecar.db").symlink_to(home / target)
    assert tighten(home) == []


def test_a_folder_in_the_place_of_the_file_is_no_reason_to_fail(home: Path) -> None:
    (home / "sidecar.db").mkdir(mode=0o755)
    assert len(tighten(home)) == 1


# --- a sidecar -----------------------------------------------------------------------------------


def test_a_sidecar_tells_at_its_start_what_it_has_closed(start: Start, tmp_path: Path) -> None:
    home = tmp_path / "home"
    configure(home)
    path = made(home / "sidecar.db", 0o644)
    home.chmod(0o755)
    problems = start().call("initialize", {}, LIMIT_S)["result"]["problems"]
    assert sum("was open to other users" in each for each in problems) == 2
    assert (mode(home), mode(path)) == (0o700, 0o600)


def test_a_sidecar_whose_umask_is_open_makes_nothing_that_is(start: Start, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        peer = start()
    finally:
        os.umask(before)
    given = {"provider": "openai", "api_key": "a key", "store": "memory"}
    assert "result" in peer.call("set_api_key", given, LIMIT_S)
    peer.call("create_vault", {"password": "a long password"}, LIMIT_S)
    home = tmp_path / "home"
    assert mode(home) == 0o700
    assert {mode(each) for each in home.rglob("*") if each.is_file()} == {0o600}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_sidecar_leaves_no_core_and_lets_no_neighbour_look_into_it(start: Start) -> None:
    peer = start()
    peer.call("ping", {}, LIMIT_S)
    own = Path(f"/proc/{peer.process_id}")
    [limit] = [
        line for line in (own / "limits").read_text().splitlines() if line.startswith("Max core")
    ]
    assert limit.split()[4] == "0"
    if os.getuid() != 0:
        # A process that may not be dumped belongs to root in /proc (proc(5)).
        assert (own / "mem").stat().st_uid == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own call")
def test_the_kernel_writes_no_core_even_where_it_pipes_it_to_a_program() -> None:
    program = """
import ctypes, resource
from sidecar.keys.hardening import forbid_core_dumps
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=20, check=True, cwd=ROOT
    )
    assert ended.stdout.split() == [b"0", b"0"], "limit; PR_GET_DUMPABLE"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_worker_of_local_models_is_given_no_key(start: Start, tmp_path: Path) -> None:
    needs_llama_cpp()
    hidden = {"OPENAI_API_KEY": "canary-of-openai", "MY_OWN_VARIABLE": "canary-of-mine"}
    configure(tmp_path / "home", own={"format": "openai_chat", "key_variable": "MY_OWN_VARIABLE"})
    peer = start(**hidden)
    given = {"provider": "groq", "api_key": "canary-of-groq", "store": "memory"}
    assert "result" in peer.call("set_api_key", given, LIMIT_S)
    asked = {"provider": "local", "request": ask("demo", max_tokens=1)}
    assert "result" in peer.call("call_ai_provider", asked, LIMIT_S)
    workers = psutil.Process(peer.process_id).children(recursive=True)
    assert workers
    for worker in workers:
        environment = Path(f"/proc/{worker.pid}/environ").read_bytes()
        assert b"canary" not in environment
        assert b"canary" not in "\0".join(worker.cmdline()).encode()
        limits = Path(f"/proc/{worker.pid}/limits").read_text(encoding="ascii")
        assert re.search(r"Max core file size +0 ", limits)


@pytest.mark.parametrize("extra", [".DS_Store", "config.toml~", "sidecar.db.bak", ".git"])
def test_backup_copies_and_what_desktops_leave_are_no_reason_to_leave_it_open(
    home: Path, extra: str
) -> None:
    (home / extra).write_bytes(b"")
    home.chmod(0o755)
    assert len(tighten(home)) == 1
    assert home.stat().st_mode & 0o777 == 0o700
