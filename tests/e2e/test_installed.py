"""The app's package installed, used without the sources, closed or killed, and removed."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.conditions import comes_true
from tests.conftest import ROOT
from tests.e2e.building import LIMIT_S, PROGRAM
from tests.e2e.processes import belonging_to, is_alive, named
from tests.e2e.screen import close_windows
from tests.e2e.webdriver import Driver
from tests.e2e.window import ANSWER, Folders, Window

pytestmark = [pytest.mark.long, pytest.mark.timeout(LIMIT_S)]
NAME = "ai-sidecar"
WORKER = "/usr/lib/AI Sidecar/ai-sidecar-llama/ai-sidecar-llama"
PLACES = ("/usr", "/etc", "/opt", "/var")
"""Where a package may put something."""
OURS = re.compile(r"ai[- ]?sidecar", re.IGNORECASE)


@pytest.fixture
def system(deb: Path) -> Iterator[Path]:
    """The system, which nobody else installs anything on meanwhile; the package for it."""
    with (Path(tempfile.gettempdir()) / "ai-sidecar-installed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield deb


@pytest.fixture
def installed(system: Path) -> Iterator[Path]:
    """The package, installed; the path of its program. It is removed again, whatever happens."""
    if _status():
        pytest.skip(f"a package {NAME} is installed here, which is not for tests to remove")
    as_root = _as_root()
    _run(*as_root, "dpkg", "--install", str(system))
    try:
        yield Path("/usr/bin") / PROGRAM
    finally:
        _run(*as_root, "dpkg", "--purge", NAME)


@pytest.fixture
def environment(folders: Folders, display: str, tmp_path: Path) -> dict[str, str]:
    """That of a user who has nothing but the package: no sources, no Python."""
    (tmp_path / "tmp").mkdir()
    found = folders.environment(display, TMPDIR=str(tmp_path / "tmp"))
    del found["AI_SIDECAR_COMMAND"], found["PYTHONPATH"]
    nowhere = "http://127.0.0.1:9"
    found |= {"HTTPS_PROXY": nowhere, "HTTP_PROXY": nowhere, "NO_PROXY": "127.0.0.1"}
    return found | {"PATH": "/usr/bin:/bin"}


def family(window: Window) -> dict[str, int]:
    """The processes that the installed app has started, as they hang together."""
    words = f"/usr/bin/ai-sidecar --home {window.folders.home} --worker {WORKER}"
    sidecars = window.named(words)
    assert len(sidecars) == 2, sidecars
    [unpacking] = [pid for pid in sidecars if named(pid, words)]
    [sidecar] = named(unpacking, words)
    [model] = {*named(sidecar, "ai-sidecar-llama")}
    assert Path(f"/proc/{model}/exe").readlink() == Path(WORKER)
    return {"unpacking": unpacking, "sidecar": sidecar, "worker": model}


def chat(window: Window) -> None:
    window.ask("Who are you?")
    assert "demo model" in window.answered()
    window.shows(f"{ANSWER} footer", "tokens")


@pytest.mark.usefixtures("system")
def test_installed_it_chats_offline_and_once_closed_and_removed_nothing_is_left(
    request: pytest.FixtureRequest,
    folders: Folders,
    environment: dict[str, str],
    display: str,
    tmp_path: Path,
) -> None:
    before = _of_ours_on_disk()
    program = request.getfixturevalue("installed")
    assert _of_ours_on_disk() > before
    with closing(Driver(environment, tmp_path / "app.log")) as driver:
        shots = Path(os.environ.get("AI_SIDECAR_SCREENSHOTS") or tmp_path)
        window = Window(driver, program, folders, shots)
        window.shows("h1", "Talk to the demo model")
        window.choose("local", "demo")
        chat(window)
        window.screenshot("installed")
        assert family(window)
        assert window.violations() == ""
        assert close_windows(display) > 0
        assert comes_true(lambda: not _left(folders, driver)), _left(folders, driver)
    assert list((tmp_path / "tmp").iterdir()) == []  # the one file has taken away what it unpacked
    data = sorted(folders.home.rglob("*"))
    assert data

    _run(*_as_root(), "dpkg", "--remove", NAME)
    assert "config-files" not in _status()  # there are none that a purge would have to remove
    assert _of_ours_on_disk() == before
    assert sorted(folders.home.rglob("*")) == data  # the user's own


def test_whichever_process_of_the_installed_app_is_killed_nothing_of_it_is_left(
    installed: Path, folders: Folders, environment: dict[str, str], tmp_path: Path
) -> None:
    with closing(Driver(environment, tmp_path / "app.log")) as driver:
        window = Window(driver, installed, folders, tmp_path)
        for victim in ("worker", "sidecar", "unpacking"):
            chat(window)
            former = family(window)
            os.kill(former[victim], signal.SIGKILL)
            if victim == "worker":
                gone = [former["worker"]]
            else:
                window.shows("[data-banner=restarted]")
                gone = [*former.values()]
            assert comes_true(partial(_are_gone, gone)), victim
        chat(window)
        assert family(window)
        os.kill(window.pid, signal.SIGKILL)
        assert comes_true(lambda: not _left(folders, driver)), _left(folders, driver)
    # what a killed unpacking process has left was swept by the one after it
    assert list((tmp_path / "tmp").iterdir()) == []


def _are_gone(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


def _left(folders: Folders, driver: Driver) -> dict[int, str]:
    """What runs of the app. The driver has its environment, and may run."""
    found = belonging_to(folders.root)
    return {pid: words for pid, words in found.items() if pid != driver.pid}


def _of_ours_on_disk() -> set[str]:
    """Every path outside of home folders that has our name in it."""
    found = set()
    for place in PLACES:
        for folder, folders, files in os.walk(place):
            here = [name for name in (*folders, *files) if OURS.search(name)]
            found |= {f"{folder}/{name}" for name in here}
            # what lies in a folder of ours is told by its own path, whatever it is called
            if OURS.search(folder):
                found |= {f"{folder}/{name}" for name in (*folders, *files)}
    return {path for path in found if not path.startswith(str(ROOT))}


def _status() -> str:
    """What dpkg knows of the package; empty where it knows nothing."""
    done = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Status}", NAME],  # noqa: S607 - PATH's
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.stdout if done.returncode == 0 else ""


def _as_root() -> list[str]:
    """What a command has to begin with so that it may install."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "--non-interactive"]
    if shutil.which("sudo") and not subprocess.run([*sudo, "true"], check=False).returncode:
        return sudo
    pytest.skip("only root may install a package, and sudo wants a password or is not there")


def _run(*command: str) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout
