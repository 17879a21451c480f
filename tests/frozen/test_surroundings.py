"""The frozen programs where apps and users start them: odd places, users, and descriptors."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.frozen.conftest import LIMIT_S, Installed, Launch, ask_demo, install, surroundings

FORMS = pytest.mark.parametrize("form", ["one file", "folder"])
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
PONG = b'{"jsonrpc":"2.0","result":{},"id":1}\n'
NOBODY = 65534


def pinged(
    program: Path, folder: Path, *before: str, redirected: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Start a program as a shell would, and send it one request."""
    words = [*before, "sh", "-c", f'exec "$0" {redirected}', str(program)]
    return subprocess.run(
        words,
        input=PING,
        capture_output=True,
        env=surroundings(folder) | environment,
        cwd=folder,
        timeout=LIMIT_S,
        check=False,
    )


@FORMS
@pytest.mark.parametrize(
    "redirected", ["2>&-", "1>&-", "0<&-", "0<&- 1>&- 2>&-"], ids=["2", "1", "0", "all"]
)
def test_it_starts_and_ends_with_descriptors_closed(
    form: str, redirected: str, installed: Installed, tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    done = pinged(installed.form(form), tmp_path, redirected=redirected)
    expected = PONG if redirected == "2>&-" else b""
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, b"")
    assert list((tmp_path / "tmp").iterdir()) == []


@FORMS
@pytest.mark.parametrize("locale", [{"LANG": "C", "LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {}])
def test_text_is_utf_8_whatever_the_locale(
    form: str, locale: dict[str, str], installed: Installed, launch: Launch
) -> None:
    peer = launch(installed.form(form), **locale)
    answer = peer.call("ping", {"größe — 大": 1}, LIMIT_S)
    assert "größe — 大" in answer["error"]["message"] + str(answer["error"]["data"])
    peer.end_input()
    assert peer.wait(LIMIT_S) == 0


@FORMS
def test_without_a_home_it_answers(form: str, installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    unset = ("env", "-u", "HOME", "-u", "AI_SIDECAR_HOME", "-u", "XDG_DATA_HOME")
    done = pinged(installed.form(form), tmp_path, *unset)
    assert (done.returncode, done.stdout) == (0, PONG), done.stderr


@pytest.fixture(scope="module")
def oddly_placed(made: Path) -> Iterator[Installed]:
    """The programs in a folder whose name has what names have."""
    with tempfile.TemporaryDirectory(prefix="Programme für 大 $HOME 'x' ") as name:
        install(made, Path(name))
        yield Installed(Path(name))


@pytest.mark.usefixtures("needs_worker")
@FORMS
def test_a_path_with_blanks_and_letters_of_all_kinds(
    form: str, oddly_placed: Installed, launch: Launch, tmp_path: Path
) -> None:
    home = tmp_path / "ein Zuhause — 家"
    temporary = tmp_path / "tmp" / "zeitweilig 時"
    temporary.mkdir(parents=True)
    peer = launch(
        oddly_placed.form(form), AI_SIDECAR_HOME=str(home), TMPDIR=str(temporary), LC_ALL="C"
    )
    assert ask_demo(peer)
    peer.call("set_active_provider", {"provider": "local"}, LIMIT_S)
    assert (home / "sidecar.db").exists()


@pytest.mark.usefixtures("needs_worker")
@FORMS
def test_an_installation_that_its_user_may_not_write_to(form: str, installed: Installed) -> None:
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        missing("setpriv", "apt-get install -y util-linux")
    with tempfile.TemporaryDirectory(prefix="ai-sidecar-user-") as name:
        own = Path(name)
        (own / "tmp").mkdir()
        program = str(installed.form(form))
        command = [program, "chat", "Who are you?"]
        if os.geteuid() == 0:
            for folder in (own, own / "tmp"):
                os.chown(folder, NOBODY, NOBODY)
            as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
            command = [*as_nobody, *command]
            write = [*as_nobody, "touch", str(installed.root / "new")]
            assert subprocess.run(write, capture_output=True, check=False).returncode != 0
        before = {path: path.lstat().st_mtime_ns for path in installed.root.rglob("*")}
        done = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            env=surroundings(own) | {"HOME": str(own), "AI_SIDECAR_HOME": str(own / "home")},
            cwd=own,
            timeout=LIMIT_S * 2,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert {path: path.lstat().st_mtime_ns for path in installed.root.rglob("*")} == before


@FORMS
def test_stdin_s_end_ends_it_with_status_0(form: str, installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    done = pinged(installed.form(form), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, PONG, b"")
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
@FORMS
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_leaves_nothing(
    form: str, kind: signal.Signals, installed: Installed, launch: Launch, tmp_path: Path
) -> None:
    peer = launch(installed.form(form))
    assert peer.call("ping", timeout=LIMIT_S)["result"] == {}
    os.kill(peer.process_id, kind)
    assert peer.wait(LIMIT_S) == 0
    assert list((tmp_path / "tmp").iterdir()) == []
