"""Asking the finished model, through llama.cpp, and judging its answers.

The questions are a JSON file of three lists (`in_domain`, `out_of_domain`, `always`), each entry
with the text to `ask` (or `messages`) and a regular expression that the answer must match.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

MOST_TOKENS = 160
PASS_SHARE = 0.95


class Engine(Protocol):
    """The part of `llama_cpp.Llama` that is used here."""

    metadata: dict[str, str]

    def create_chat_completion(self, **options: Any) -> Any:  # noqa: ANN401 - llama_cpp's own
        """Answer a conversation."""

    def tokenize(self, text: bytes, *, add_bos: bool, special: bool) -> list[int]:
        """Give the tokens of a text."""


@dataclass(frozen=True)
class Failure:
    """A question whose answer was not what was expected."""

    question: str
    expected: str
    answer: str


@dataclass(frozen=True)
class Score:
    """How one list of questions went."""

    name: str
    asked: int
    failures: list[Failure]

    @property
    def share(self) -> float:
        """The share of the questions that were answered as expected."""
        return 1 - len(self.failures) / max(1, self.asked)


def load_engine(path: Path, threads: int) -> Engine:
    """Load a model with llama.cpp, at the context length that the file names."""
    import llama_cpp  # noqa: PLC0415 - only evaluation needs it

    engine: Any = llama_cpp.Llama(
        str(path), n_ctx=0, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    loaded: Engine = engine
    return loaded


def conversation(entry: dict[str, Any]) -> list[dict[str, str]]:
    """Give an entry's messages: its conversation, or its one question."""
    messages: list[dict[str, str]] = entry.get("messages") or []
    return messages or [{"role": "user", "content": entry["ask"]}]


def answer(engine: Engine, messages: list[dict[str, str]]) -> str:
    """Give the model's answer at temperature 0."""
    reply = engine.create_chat_completion(
        messages=messages, temperature=0.0, repeat_penalty=1.0, max_tokens=MOST_TOKENS
    )
    return str(reply["choices"][0]["message"]["content"] or "").strip()


def judge(engine: Engine, name: str, entries: Iterable[dict[str, Any]]) -> Score:
    """Ask every question of a list."""
    failures = []
    asked = 0
    for entry in entries:
        asked += 1
        messages = conversation(entry)
        given = answer(engine, messages)
        if not re.search(entry["expect"], given, re.IGNORECASE):
            failures.append(Failure(messages[-1]["content"], entry["expect"], given))
    return Score(name, asked, failures)


def evaluate(engine: Engine, questions: Path) -> list[Score]:
    """Ask all lists of a question file."""
    lists = json.loads(questions.read_text(encoding="utf-8"))
    return [judge(engine, name, entries) for name, entries in lists.items()]


def report(scores: list[Score]) -> str:
    """Say how it went: every failure with its answer, then the shares."""
    lines = []
    for score in scores:
        lines += [
            f"{score.name}: {failure.question!r}\n    wanted /{failure.expected}/"
            f"\n    got    {failure.answer!r}"
            for failure in score.failures
        ]
    for score in scores:
        right = score.asked - len(score.failures)
        lines.append(f"{score.name}: {right} of {score.asked} right ({score.share:.1%})")
    return "\n".join(lines)
