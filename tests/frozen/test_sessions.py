"""What the protocol promises, of the frozen programs."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sidecar.replay import runner
from tests.conftest import ROOT
from tests.frozen.conftest import Installed

SESSIONS = sorted((ROOT / "protocol" / "sessions").glob("*.session"))
SMOKE = ("hello", "stream", "cancel", "end_of_input", "demo_model")


@pytest.mark.usefixtures("needs_worker")
@pytest.mark.parametrize("file", SESSIONS, ids=lambda file: file.stem)
def test_a_session_holds_in_the_folders_form(file: Path, installed: Installed) -> None:
    outcome = runner.replay(file, shlex.quote(str(installed.in_folder)))
    assert (outcome.problem, outcome.skipped) == (None, None)


@pytest.mark.usefixtures("needs_worker")
@pytest.mark.parametrize("name", SMOKE)
def test_a_session_holds_in_one_file(name: str, installed: Installed) -> None:
    file = ROOT / "protocol" / "sessions" / f"{name}.session"
    outcome = runner.replay(file, shlex.quote(str(installed.one_file)))
    assert (outcome.problem, outcome.skipped) == (None, None)
