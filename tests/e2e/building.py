"""Builds the app as a user's debug build is, once for all workers, and outside of the clone."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT, install_lines, missing

SHELL = ROOT / "shell"
PROGRAM = "ai-sidecar-demo"
LIMIT_S = 1500
"""How long building from cold may take, on a machine that does other things, too."""
_NEEDED = {"cargo": "rust", "WebKitWebDriver": "webkit", "Xvfb": "webkit"}


def path() -> str:
    """Where programs are looked for: Node lies beside Python, cargo where rustup puts it."""
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "bin"
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], str(cargo)])


def require() -> None:
    """Skip where the system lacks a part."""
    if sys.platform != "linux":
        pytest.skip("windows are driven by WebKitWebDriver, which is Linux's alone")
    for program, part in _NEEDED.items():
        if shutil.which(program, path=path()) is None:
            missing(program, "; ".join(install_lines(part)) or "scripts/setup --for test")
    if shutil.which("npm", path=path()) is None or not (SHELL / "node_modules").exists():
        missing("shell/node_modules", "scripts/setup --for test")


def target() -> Path:
    """The folder that cargo builds into, the same as that of scripts/cargo."""
    told = subprocess.run([ROOT / "scripts" / "target"], capture_output=True, check=True)
    return Path(os.fsdecode(told.stdout.removesuffix(b"\n")))


@contextmanager
def alone() -> Iterator[Path]:
    """Wait until nobody else builds; the folder that cargo builds into."""
    folder = target()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "e2e.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def build(into: Path) -> Path:
    """Build the page and the program around it; return a copy of it. One builds, others wait.

    A copy, since each worker builds: the next one's would take its place in mid-run.
    """
    require()
    with alone() as folder:
        run("npm", "run", "--silent", "build", "--prefix", str(SHELL))
        cargo = ("build", "--locked", "--quiet", "--package", PROGRAM)
        run("cargo", *cargo, "--manifest-path", str(SHELL / "Cargo.toml"))
        return Path(shutil.copy2(folder / "debug" / PROGRAM, into)).resolve()


def package(into: Path) -> Path:
    """Build the app's package; return a copy of it."""
    require()
    with alone():  # the page is made in the same place, and so are packages
        said = run(str(ROOT / "scripts" / "package"), "--debug")
        return Path(shutil.copy(said.splitlines()[-1], into))


def run(program: str, *arguments: str, folder: Path | None = None) -> str:
    """Run a program that builds; return what it says."""
    environment = os.environ | {"PATH": path(), "CARGO_TARGET_DIR": str(target())}
    found = shutil.which(program, path=path()) or program
    done = subprocess.run(
        [found, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, f"{program} {' '.join(arguments)}:\n{done.stdout[-8000:]}"
    return done.stdout
