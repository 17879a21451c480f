"""The frozen programs, made once for all workers of a run, and installed as an app would."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from freeze import FOLDER, LOCAL_ENGINE, ONE_FILE, WORKER, make, makeable
from sidecar.terminal.peer import Peer
from tests.conftest import clean_environment, install_lines, missing

MAKING_S = 600
"""Making them takes half a minute of one core, and another worker of the run may be at it."""
LIMIT_S = 30.0


@dataclass(frozen=True)
class Installed:
    """The programs in a folder: the one file with the worker beside it, and the folder's own."""

    root: Path

    @property
    def one_file(self) -> Path:
        """The sidecar as one file."""
        return self.root / ONE_FILE

    @property
    def in_folder(self) -> Path:
        """The sidecar that runs from its folder."""
        return self.root / FOLDER / FOLDER

    @property
    def worker(self) -> Path:
        """The folder of the worker that lies beside the one file."""
        return self.root / WORKER

    def form(self, name: str) -> Path:
        """The sidecar of that form."""
        return {"one file": self.one_file, "folder": self.in_folder}[name]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the first of these tests the time that making the programs takes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(MAKING_S))


@pytest.fixture(scope="session")
def made() -> Path:
    """The folder of what was made of today's sources."""
    if os.name == "nt":
        pytest.skip("not yet run on Windows")
    if importlib.util.find_spec("PyInstaller") is None:
        missing("PyInstaller", "scripts/setup --for test")
    if lines := install_lines("freezing"):
        missing("Python as a library, or objdump,", "; ".join(lines))
    return make(makeable())


@pytest.fixture(scope="session")
def installed(made: Path) -> Iterator[Installed]:
    """The programs where every user can reach them. Tests don't change them."""
    with tempfile.TemporaryDirectory(prefix="ai-sidecar-installed-") as name:
        root = Path(name)
        root.chmod(0o755)  # not pytest's own folder, which lets nobody else in
        install(made, root)
        yield Installed(root)


@pytest.fixture
def needs_worker() -> None:
    """Skip where the worker can't be made."""
    if LOCAL_ENGINE not in makeable():
        missing("the frozen worker", "; ".join([*install_lines("compiler"), "scripts/freeze"]))


def install(made: Path, root: Path) -> None:
    """Put all programs into a folder, by links where that goes."""
    shutil.copytree(made, root, symlinks=True, copy_function=_link, dirs_exist_ok=True)
    if LOCAL_ENGINE in makeable():
        inside = root / FOLDER / WORKER
        shutil.copytree(made / WORKER, inside, symlinks=True, copy_function=_link)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another disk
        shutil.copy2(source, target, follow_symlinks=False)


class Launch(Protocol):
    """Starts programs."""

    def __call__(self, program: Path, *arguments: str, **environment: str) -> Peer:
        """Start one, with this environment besides; it ends with the test."""


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start frozen sidecars. A program of one file unpacks itself below `tmp_path / "tmp"`."""
    peers: list[Peer] = []
    (tmp_path / "tmp").mkdir()

    def begin(program: Path, *arguments: str, **environment: str) -> Peer:
        peer = Peer(
            [str(program), *arguments],
            environment=surroundings(tmp_path) | environment,
            folder=tmp_path,
        )
        peers.append(peer)
        return peer

    yield begin
    for peer in peers:
        peer.close()


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a program under test, without anything that only Python would need."""
    found = clean_environment(folder / "home", TMPDIR=str(folder / "tmp"))
    del found["PYTHONPATH"]
    return found


def ask_demo(peer: Peer) -> str:
    """Ask the demo model; return what it says."""
    request = {"model": "demo", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4}
    answer = peer.call("call_ai_provider", {"provider": "local", "request": request}, LIMIT_S)
    assert "result" in answer, answer
    said: str = answer["result"]["content"]
    assert said
    return said
