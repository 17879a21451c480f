"""The sidecar as one file: its unpacked folder, its two processes, and what they leave."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from sidecar.terminal.peer import Peer
from sidecar.unpacked import MARK
from tests.conditions import comes_true
from tests.frozen.conftest import LIMIT_S, Installed, Launch, ask_demo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes of Unix")


def unpacked(folder: Path) -> set[str]:
    """The folders of programs of one file."""
    return {path.name for path in (folder / "tmp").glob("_MEI*")}


def family(peer: Peer) -> list[psutil.Process]:
    """The unpacking process, the sidecar, and the worker."""
    first = psutil.Process(peer.process_id)
    return [first, *first.children(recursive=True)]


def are_gone(processes: Iterable[psutil.Process]) -> bool:
    return not any(
        each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes
    )


def swept(peer: Peer, left: Path, linked: Path | None = None) -> Peer:
    """Leave a folder, and wait until a sidecar has swept it; there may be a link in it."""
    left.mkdir()
    (left / MARK).touch()
    if linked is not None:
        (left / "away").symlink_to(linked)
    assert peer.call("ping", timeout=LIMIT_S)["result"] == {}
    assert comes_true(lambda: not left.exists())
    return peer


def test_two_run_side_by_side_each_in_a_folder_of_its_own(
    installed: Installed, launch: Launch, tmp_path: Path
) -> None:
    peers = [launch(installed.one_file) for _ in range(2)]
    for peer in peers:
        assert peer.call("ping", timeout=LIMIT_S)["result"] == {}
    assert len(unpacked(tmp_path)) == 2
    peers[0].end_input()
    assert peers[0].wait(LIMIT_S) == 0
    assert len(unpacked(tmp_path)) == 1
    assert peers[1].call("rpc.discover", timeout=LIMIT_S)["result"]  # which it loads only now


@pytest.mark.usefixtures("needs_worker")
def test_its_unpacking_process_killed_leaves_nothing_running_and_the_next_start_sweeps(
    installed: Installed, launch: Launch, tmp_path: Path
) -> None:
    killed = launch(installed.one_file)
    ask_demo(killed)
    processes = family(killed)
    assert len(processes) == 3
    os.kill(killed.process_id, signal.SIGKILL)
    # what a dying app's kernel does besides: it closes the pipe
    killed.end_input()
    assert comes_true(lambda: are_gone(processes))
    [left] = unpacked(tmp_path)

    running = launch(installed.one_file)
    assert running.call("ping", timeout=LIMIT_S)["result"] == {}
    assert comes_true(lambda: left not in unpacked(tmp_path))
    assert len(unpacked(tmp_path)) == 1
    running.end_input()
    assert running.wait(LIMIT_S) == 0


def test_a_sweep_leaves_what_runs_and_what_is_not_its_own(
    installed: Installed, launch: Launch, tmp_path: Path
) -> None:
    temporary = tmp_path / "tmp"
    last = temporary / "_MEIzzz"  # by name: when it is gone, a sweep is over
    running = swept(launch(installed.one_file), last)
    [its] = unpacked(tmp_path)
    (temporary / "_MEIforeign").mkdir()
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / MARK).touch()
    (temporary / "_MEIlink").symlink_to(precious)
    (temporary / "_MEIlinked-mark").mkdir()
    (temporary / "_MEIlinked-mark" / MARK).symlink_to(precious / MARK)
    (temporary / "_MEIpipe").mkdir()
    os.mkfifo(temporary / "_MEIpipe" / MARK)
    kept = unpacked(tmp_path)
    swept(launch(installed.one_file), last, precious)
    assert kept <= unpacked(tmp_path)
    assert (precious / MARK).exists()
    assert running.call("rpc.discover", timeout=LIMIT_S)["result"]
    assert its in unpacked(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give files away")
def test_a_sweep_leaves_what_another_user_has_marked(
    installed: Installed, launch: Launch, tmp_path: Path
) -> None:
    others, own = tmp_path / "tmp" / "_MEIothers", tmp_path / "tmp" / "_MEIown"
    for folder in (others, own):
        folder.mkdir()
        (folder / MARK).touch()
    os.chown(others, 65534, 65534)
    peer = launch(installed.one_file)
    assert peer.call("ping", timeout=LIMIT_S)["result"] == {}
    assert comes_true(lambda: not own.exists())
    assert others.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.usefixtures("needs_worker")
@pytest.mark.parametrize("form", ["one file", "folder"])
def test_its_children_get_the_environment_that_the_user_gave(
    form: str, installed: Installed, launch: Launch
) -> None:
    for given in ({"LD_LIBRARY_PATH": "/nowhere"}, {}):
        peer = launch(installed.form(form), **given)
        ask_demo(peer)
        [*_, worker] = family(peer)
        raw = Path(f"/proc/{worker.pid}/environ").read_text(encoding="utf-8").split("\0")
        environment = dict(line.split("=", 1) for line in raw if line)
        # its own bootloader has put in its own folder by now, and kept what it had been given
        assert environment.get("LD_LIBRARY_PATH_ORIG") == given.get("LD_LIBRARY_PATH")
        assert "_MEI" not in str(environment)
        assert environment["_PYI_ARCHIVE_FILE"] == worker.exe()
        peer.close()
