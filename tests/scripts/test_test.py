"""scripts/test, with stand-ins for what it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its stand-ins are shell scripts")
FREEZE = """
[ "$1" = build/freeze.py ] || exit 0
echo $$ >freezing.new && mv freezing.new freezing
exec tail -f /dev/null
"""
CHECK = "until [ -f freezing ]; do :; done; exit 3"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose freezing never ends, and whose check fails."""
    found = tmp_path / "clone $HOME é"
    (found / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "test", found / "scripts")
    for name, text in {
        "scripts/setup": 'dirname -- "$0"',
        "scripts/python": FREEZE,
        "scripts/check": CHECK,
    }.items():
        (found / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (found / name).chmod(0o755)
    return found


def test_a_check_that_fails_leaves_nothing_running(clone: Path) -> None:
    done = subprocess.run([clone / "scripts" / "test"], cwd=clone, timeout=60, check=False)
    assert done.returncode == 3
    freezing = int((clone / "freezing").read_text(encoding="ascii"))
    assert not psutil.pid_exists(freezing)
