"""scripts/run, with a stand-in for the sidecar that it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="its stand-ins are shell scripts")

SETUP = """#!/bin/sh
CDPATH= cd -- "$(dirname -- "$0")" && pwd
"""
PYTHON = """#!/bin/sh
printf '<%s>' "$@"
[ $# -gt 3 ] || cat
"""

TOLD = """#!/bin/sh
[ "${0##*/}" = npm ] || set -- "$@" "$AI_SIDECAR_COMMAND"
echo "${0##*/} $*"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone that is ready, in a folder whose name a shell could take for something else."""
    scripts = tmp_path / "a $HOME é" / "scripts"
    scripts.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "run", scripts / "run")
    for name, text in (("setup", SETUP), ("python", PYTHON)):
        (scripts / name).write_text(text, encoding="utf-8")
        (scripts / name).chmod(0o755)
    return scripts.parent


def run(clone: Path, *words: str, given: str | None = None) -> str:
    return subprocess.run(
        [clone / "scripts" / "run", *words],
        input=given,
        stdin=None if given is not None else subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    ).stdout


def test_its_words_go_to_the_chat(clone: Path) -> None:
    assert run(clone, "--model", "m", "Who are you?") == (
        "<-m><sidecar><chat><--model><m><Who are you?>"
    )


def test_a_question_that_is_piped_in_is_read_by_the_chat(clone: Path) -> None:
    assert run(clone, given="Tell me a joke\n") == "<-m><sidecar><chat>Tell me a joke\n"


def test_where_nobody_types_and_nothing_is_piped_in_it_asks_a_question(clone: Path) -> None:
    assert run(clone) == "<-m><sidecar><chat><Who are you?>"


def test_without_a_display_it_opens_no_app_and_says_what_is_missing(clone: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere there is always one")
    done = subprocess.run(
        [clone / "scripts" / "run", "--shell"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "DISPLAY" in done.stderr


def test_the_app_is_built_and_opened_with_the_sidecar_from_source(clone: Path) -> None:
    for name in ("npm", "cargo"):
        told = clone / "scripts" / name
        told.write_text(TOLD, encoding="utf-8")
        told.chmod(0o755)
    done = subprocess.run(
        [clone / "scripts" / "run", "--shell"],
        env={"PATH": os.environ["PATH"], "DISPLAY": ":0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    built, _, opened = done.stdout.partition("cargo run --locked --package ai-sidecar-demo ")
    assert built.startswith("npm run --silent build ")
    assert opened.startswith(
        "<-c><import json"
    )  # what the stand-in for Python makes of the command
