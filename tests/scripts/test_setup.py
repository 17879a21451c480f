"""scripts/setup, with a stand-in for the Python that it calls."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its stand-in is a shell script")

MADE_OF = (
    "scripts/setup",
    "build/constraints.txt",
    "build/llama_cpp.cmake",
    "pyproject.toml",
    "tests/aimock/package-lock.json",
    "protocol/typescript/package-lock.json",
    "shell/package-lock.json",
)
PYTHON = """#!/bin/sh
for last; do :; done
printf '%s\\n' "$*" >>"$(dirname "$0")/called"
case $* in *" wheel "*)
    while [ "$1" != --wheel-dir ]; do shift; done
    : >"$2/llama_cpp_python-${last##*==}-py3-none-any.whl" ;;
esac
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose environment is there, and in it a Python that only builds empty wheels."""
    found = tmp_path / "clone $HOME é"
    for name in MADE_OF:
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, found / name)
    python = found / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON, encoding="utf-8")
    python.chmod(0o755)
    (found / ".venv" / "root").write_text(f"{found}\n", encoding="utf-8")
    return found


def setup(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "scripts" / "setup"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "CXX": "sh", **environment},
    )


def test_llama_cpp_is_built_once_and_stdout_is_the_folder_of_programs(
    clone: Path, tmp_path: Path
) -> None:
    done = setup(clone, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{clone / '.venv' / 'bin'}\n"), done.stderr
    steps = [line.partition(":")[0].partition(" …")[0] for line in done.stderr.splitlines()]
    assert steps == ["· llama.cpp, built from source", "· Python packages"]
    again = setup(clone, HOME=str(tmp_path))
    assert (again.stdout, again.stderr) == (done.stdout, "")


def test_packages_come_in_the_versions_that_are_written_down_and_anew_when_these_change(
    clone: Path, tmp_path: Path
) -> None:
    called = clone / ".venv" / "bin" / "called"
    constraints = clone / "build" / "constraints.txt"
    for text in ("anyio==4.16.0\n", "anyio==4.17.0\n"):
        constraints.write_text(text, encoding="ascii")
        called.unlink(missing_ok=True)
        assert setup(clone, HOME=str(tmp_path)).returncode == 0
        install = called.read_text(encoding="utf-8").splitlines()[-1]
        assert "pip install" in install
        assert "--constraint build/constraints.txt" in install


def test_what_an_interrupted_build_left_is_swept_and_a_running_build_is_left_alone(
    clone: Path, tmp_path: Path
) -> None:
    assert setup(clone, HOME=str(tmp_path)).returncode == 0
    [wheel] = (tmp_path / ".cache" / "ai-sidecar" / "wheels").glob("*/*.whl")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    dead, alive, elsewhere = (
        wheel.parent / f"building.{host}.{number}"
        for host, number in [
            (platform.node(), ended.pid),
            (platform.node(), os.getpid()),
            ("another-machine", ended.pid),
        ]
    )
    for folder in (dead, alive, elsewhere):
        folder.mkdir()
    wheel.unlink()
    (clone / ".venv" / "ready-local").unlink()
    assert setup(clone, HOME=str(tmp_path)).returncode == 0
    assert sorted(wheel.parent.iterdir()) == sorted([wheel, alive, elsewhere])


def test_another_build_of_the_engine_takes_the_place_of_the_installed_one(
    clone: Path, tmp_path: Path
) -> None:
    called = clone / ".venv" / "bin" / "called"

    def uninstalls(**environment: str) -> int:
        called.unlink(missing_ok=True)
        assert setup(clone, HOME=str(tmp_path), **environment).returncode == 0
        return called.read_text(encoding="utf-8").count("pip uninstall")

    assert uninstalls() == 1  # whatever was there before
    (clone / ".venv" / "ready-local").unlink()
    assert uninstalls() == 0
    assert uninstalls(CMAKE_ARGS="-DGGML_NATIVE=ON") == 1


def test_without_a_home_it_says_what_to_set(clone: Path, tmp_path: Path) -> None:
    done = setup(clone)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("✗ HOME is not set")
    assert setup(clone, XDG_CACHE_HOME=str(tmp_path)).returncode == 0
