"""scripts/cargo, with a stand-in for cargo."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its stand-in is a shell script")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing to build, and a cargo that says what it is called with."""
    found = tmp_path / "clone $HOME é"
    for folder in ("scripts", "shell", ".venv", "bin"):
        (found / folder).mkdir(parents=True)
    for script in ("cargo", "target"):
        shutil.copy(ROOT / "scripts" / script, found / "scripts")
    cargo = found / "bin" / "cargo"
    cargo.write_text('#!/bin/sh\necho "$PWD|$CARGO_TARGET_DIR|$*"\n', encoding="utf-8")
    cargo.chmod(0o755)
    return found


def cargo(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [clone / "scripts" / "cargo", "test", "--quiet"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={"PATH": f"{clone / 'bin'}:/usr/bin:/bin", **environment},
    )


def target(clone: Path, **environment: str) -> Path:
    """The folder that cargo is told to build into."""
    done = cargo(clone, **environment)
    folder, told, arguments = done.stdout.split("|")
    assert (folder, arguments) == (str(clone / "shell"), "test --quiet\n"), done.stderr
    return Path(told)


def test_it_builds_outside_the_clone_and_always_in_the_same_place(
    clone: Path, tmp_path: Path
) -> None:
    first = target(clone, HOME=str(tmp_path))
    assert first.parents[1] == tmp_path / ".cache" / "ai-sidecar" / "cargo"
    assert first.name == "target", "by that Tauri knows a program that was not installed"
    assert target(clone, HOME=str(tmp_path)) == first
    cache = tmp_path / "cache"
    elsewhere = target(clone, HOME=str(tmp_path), XDG_CACHE_HOME=str(cache))
    assert elsewhere == cache / "ai-sidecar" / "cargo" / first.parent.name / "target"
    assert target(clone, HOME=str(tmp_path), CARGO_TARGET_DIR="/mine") == Path("/mine")


def test_no_two_clones_build_in_one_place(clone: Path, tmp_path: Path) -> None:
    other = shutil.copytree(clone, tmp_path / "other")
    assert target(clone, HOME=str(tmp_path)) != target(other, HOME=str(tmp_path))


def test_what_no_clone_has_used_for_a_month_is_removed(clone: Path, tmp_path: Path) -> None:
    all_of_them = target(clone, HOME=str(tmp_path)).parents[1]
    for name, days in {"old $x": 32, "recent": 28}.items():
        (all_of_them / name / "target").mkdir(parents=True)
        then = time.time() - days * 86_400
        os.utime(all_of_them / name, (then, then))
    kept = target(clone, HOME=str(tmp_path)).parent
    assert {*all_of_them.iterdir()} == {kept, all_of_them / "recent"}


@pytest.mark.parametrize("part", ["rust", "webkit"])
def test_what_the_system_lacks_is_a_skip_that_shows_and_in_ci_a_failure(
    clone: Path, tmp_path: Path, part: str
) -> None:
    lacking = clone / ".venv" / "lacking"
    lacking.write_text(f"keyring\tget keyring\n{part}\tget {part} now\n", encoding="utf-8")
    skipped = cargo(clone, HOME=str(tmp_path))
    assert (skipped.returncode, skipped.stdout) == (0, "")
    assert "skipped: cargo test --quiet" in skipped.stderr
    assert f"    get {part} now\n" in skipped.stderr
    assert "keyring" not in skipped.stderr
    assert cargo(clone, HOME=str(tmp_path), AI_SIDECAR_NO_SKIPS="1").returncode == 1
    lacking.write_text("keyring\tget keyring\n", encoding="utf-8")
    assert cargo(clone, HOME=str(tmp_path)).stdout
