"""scripts/cargo, with a stand-in for cargo."""

from __future__ import annotations

import os
import shutil
import subprocess
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
    shutil.copy(ROOT / "scripts" / "cargo", found / "scripts")
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


def test_it_builds_outside_the_clone(clone: Path, tmp_path: Path) -> None:
    done = cargo(clone, HOME=str(tmp_path))
    target = tmp_path / ".cache" / "ai-sidecar" / "target"
    assert done.stdout == f"{clone / 'shell'}|{target}|test --quiet\n", done.stderr
    done = cargo(clone, HOME=str(tmp_path), XDG_CACHE_HOME="/cache")
    assert "|/cache/ai-sidecar/target|" in done.stdout
    assert "|/mine|" in cargo(clone, HOME=str(tmp_path), CARGO_TARGET_DIR="/mine").stdout


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
