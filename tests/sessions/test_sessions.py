from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar import contract
from sidecar.replay import runner
from sidecar.replay.session import Expect, Send, parse
from tests.conftest import ROOT, needs_llama_cpp

FOLDER = ROOT / "protocol" / "sessions"
SESSIONS = sorted(FOLDER.glob("*.session"))


@pytest.mark.parametrize("file", SESSIONS, ids=lambda file: file.stem)
def test_a_session_of_the_protocol_holds(file: Path) -> None:
    if "llama_cpp" in _needs(file):
        needs_llama_cpp()
    outcome = runner.replay(file)
    assert outcome.problem is None, outcome.problem
    assert outcome.skipped is None


def test_every_method_of_the_contract_is_asked_in_some_session() -> None:
    asked = "\n".join(step.text for step in _steps() if isinstance(step, Send))
    assert [name for name in contract.METHODS if f'"method": "{name}"' not in asked] == []


def test_every_notification_of_the_contract_comes_in_some_session() -> None:
    come = {
        pattern.value.get("method")
        for step in _steps()
        if isinstance(step, Expect)
        for pattern in step.patterns
        if isinstance(pattern.value, dict)
    }
    assert set(contract.NOTIFICATIONS) <= come


def test_every_session_says_in_comments_what_it_shows() -> None:
    assert [file.name for file in SESSIONS if not file.read_text("utf-8").startswith("# ")] == []


def test_every_script_is_used_by_a_session() -> None:
    sent = "\n".join(step.text for step in _steps() if isinstance(step, Send))
    names = [script.stem for script in (FOLDER / "scripted").glob("*.jsonl")]
    assert [name for name in names if f'"model": "{name}"' not in sent] == []


def _needs(file: Path) -> tuple[str, ...]:
    return parse(file.read_text("utf-8"), file.name).needs


def _steps() -> Iterator[Any]:
    for file in SESSIONS:
        yield from parse(file.read_text("utf-8"), file.name).steps
