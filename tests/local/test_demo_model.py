"""The bundled demo model, asked through a real sidecar what a newcomer would ask it.

The questions of demo_questions.json were written by hand and kept out of the training text but for
`reported`, faults that somebody met.  `conversations` are kept out as a whole: short turns in them,
such as "thanks", can't be.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from sidecar.local.models import bundled
from tests.conftest import Start, needs_llama_cpp

needs_llama_cpp()

FOLDER = Path(bundled().path).parent
QUESTIONS: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("demo_questions.json").read_text(encoding="utf-8")
)
LIMIT_S = 60


def answers(start: Start, conversations: list[list[dict[str, str]]]) -> list[str]:
    """Let each conversation go on for one turn, at temperature 0."""
    peer = start()
    found: dict[int, str] = {}
    ids = [
        peer.request(
            "call_ai_provider",
            {
                "provider": "local",
                "request": {
                    "model": "demo",
                    "temperature": 0,
                    "messages": messages,
                },
            },
        )
        for messages in conversations
    ]
    peer.messages_until(lambda message: _keep(message, found) == len(ids), LIMIT_S)
    return [found[each] for each in ids]


def _keep(message: dict[str, Any], found: dict[int, str]) -> int:
    found[message["id"]] = message["result"]["content"]
    return len(found)


def turns_of(entry: dict[str, Any]) -> list[str]:
    """What a person says in an entry, one text after the other."""
    return entry.get("turns") or [entry["ask"] * entry.get("times", 1)]


def conversations(start: Start, group: str) -> list[list[dict[str, str]]]:
    """Every entry's conversation up to its last question, with the model's own answers between."""
    asked = QUESTIONS[group]
    found = [list(each.get("messages", ())) for each in asked]
    rest = [[] if "messages" in each else turns_of(each) for each in asked]
    for step in range(max(len(turns) for turns in rest)):
        going_on = [place for place, turns in enumerate(rest) if step < len(turns)]
        talks = [found[place] for place in going_on]
        said = answers(start, talks) if step else [""] * len(talks)
        for place, talk, answer in zip(going_on, talks, said, strict=True):
            if step:
                talk.append({"role": "assistant", "content": answer})
            talk.append({"role": "user", "content": rest[place][step]})
    return found


def is_right(entry: dict[str, Any], answer: str) -> bool:
    if "never" in entry and re.search(entry["never"], answer):
        return False
    return re.search(entry["expect"], answer) is not None


def misses(start: Start, group: str) -> list[str]:
    talks = conversations(start, group)
    said = answers(start, talks)
    return [
        f"{talk[-1]['content'][:200]!r} → {answer!r}"
        for talk, each, answer in zip(talks, QUESTIONS[group], said, strict=True)
        if not is_right(each, answer)
    ]


@pytest.mark.parametrize("group", ["always", "reported"])
def test_it_always_answers_what_everybody_asks_first_and_what_once_went_wrong(
    start: Start, group: str
) -> None:
    assert misses(start, group) == []


@pytest.mark.parametrize(
    ("group", "least"), [("in_domain", 60), ("out_of_domain", 30), ("conversations", 40)]
)
def test_it_answers_or_says_what_it_is_nineteen_times_of_twenty(
    start: Start, group: str, least: int
) -> None:
    assert len(QUESTIONS[group]) >= least
    missed = misses(start, group)
    assert len(missed) <= len(QUESTIONS[group]) * 0.05, "\n".join(missed)


def test_its_file_is_the_one_that_its_facts_describe() -> None:
    facts = json.loads((FOLDER / "demo.json").read_bytes())
    data = (FOLDER / "demo.gguf").read_bytes()
    assert facts["sha256"] == hashlib.sha256(data).hexdigest()
    assert facts["bytes"] == len(data) <= 4_000_000


def test_a_conversation_longer_than_its_context_is_told_before_it_is_evaluated(
    start: Start,
) -> None:
    request = {"model": "demo", "messages": [{"role": "user", "content": "long " * 5000}]}
    peer = start()
    error = peer.call("call_ai_provider", {"provider": "local", "request": request}, LIMIT_S)[
        "error"
    ]
    assert error["data"]["kind"] == "context_length"
    assert "1024" in error["message"]
