from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
import logging
from sidecar import logs
logs.configure()
log = logging.getLogger("a.room")
log.debug("a detail")
log.info("a step")
log.warning("a doubt: %s", "sk-abcdefgh12345678")
try:
    raise ValueError("no: Bearer abcdefghijkl")
except ValueError:
    log.exception("an accident")
"""


def logged(level: str | None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=True,
        cwd=ROOT,
        env={} if level is None else {"AI_SIDECAR_LOG": level},
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("level", [None, "WARNING", "warning", "LOUD", ""])
def test_warnings_and_more_are_told_and_an_unknown_level_is_as_none(level: str | None) -> None:
    told = logged(level)
    assert " WARNING a.room: a doubt" in told
    assert " ERROR a.room: an accident" in told
    assert "a step" not in told


def test_the_variable_names_the_level() -> None:
    assert "a detail" in logged("debug")
    assert "a detail" not in logged("INFO")
    assert "a step" in logged("INFO")
    assert "a doubt" not in logged("ERROR")


def test_nothing_shaped_like_a_key_gets_out_of_a_traceback_either() -> None:
    told = logged(None)
    assert "ValueError: no: " in told
    assert "sk-abcdefgh12345678" not in told
    assert "abcdefghijkl" not in told
