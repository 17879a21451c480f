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


@pytest.mark.parametrize(
    "goes_wrong",
    [
        "raise RuntimeError(key)",
        "threading.Thread(target=fail, name='a thread').start()",
        "Broken()",
        "warnings.warn(key)",
        "asyncio.run(lose_a_task())",
    ],
)
def test_what_python_writes_by_itself_has_no_secret_in_it_either(goes_wrong: str) -> None:
    program = f"""
import asyncio, gc, threading, warnings
from sidecar import logs
from sidecar.keys.secret import Secret

logs.configure()
secret = Secret("a-canary-of-the-logs")
key = f"it was {{secret.reveal()}}"

def fail():
    raise RuntimeError(key)

class Broken:
    def __del__(self):
        fail()

async def fails():
    fail()

async def lose_a_task():
    asyncio.create_task(fails())
    await asyncio.sleep(0)

{goes_wrong}
gc.collect()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False,
        timeout=20,
    )  # fmt: skip
    assert "a-canary-of-the-logs" not in done.stdout + done.stderr
    assert "it was [redacted]" in done.stderr
    assert done.returncode == (1 if goes_wrong.startswith("raise") else 0)
