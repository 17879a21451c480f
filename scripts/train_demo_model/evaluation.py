"""Asking the finished model, through llama.cpp, and judging its answers.

The questions are a JSON file of lists.  An entry has the text to `ask` (`times` times over), or
`messages` that end with the question, or `turns`: what a person says one after the other, with the
model's own answers between.  The last answer must match the regular expression `expect`, and must
not match `never`.  All is kept out of the training text but for `reported`, faults that somebody
met.  Of a conversation the whole is kept out; short turns in it, such as "thanks", can't be.
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

    import sidecar.local.engine  # noqa: F401, PLC0415 - loads llama.cpp's code for this processor

    engine: Any = llama_cpp.Llama(
        str(path), n_ctx=0, n_threads=threads, n_threads_batch=threads, verbose=False
    )
    loaded: Engine = engine
    return loaded


def asked(entry: dict[str, Any]) -> list[str]:
    """Give what a person says in an entry, one text after the other."""
    turns: list[str] = entry.get("turns") or [entry["ask"] * entry.get("times", 1)]
    return turns


def answer(engine: Engine, messages: list[dict[str, str]]) -> str:
    """Give the model's answer at temperature 0."""
    reply = engine.create_chat_completion(
        messages=messages, temperature=0.0, repeat_penalty=1.0, max_tokens=MOST_TOKENS
    )
    return str(reply["choices"][0]["message"]["content"] or "").strip()


def conversation(engine: Engine, entry: dict[str, Any]) -> list[dict[str, str]]:
    """Give an entry's messages up to its last question; answers between are the model's own."""
    if "messages" in entry:
        messages: list[dict[str, str]] = entry["messages"]
        return messages
    messages = []
    for text in asked(entry):
        if messages:
            messages.append({"role": "assistant", "content": answer(engine, messages)})
        messages.append({"role": "user", "content": text})
    return messages


def judge(engine: Engine, name: str, entries: Iterable[dict[str, Any]]) -> Score:
    """Ask every question of a list."""
    failures = []
    count = 0
    for entry in entries:
        count += 1
        messages = conversation(engine, entry)
        given = answer(engine, messages)
        if not is_right(entry, given):
            wanted = entry["expect"] + (f" but not {entry['never']}" if "never" in entry else "")
            said = " | ".join(each["content"][:100] for each in messages)
            failures.append(Failure(said, wanted, given))
    return Score(name, count, failures)


def is_right(entry: dict[str, Any], given: str) -> bool:
    """Say whether an answer is what an entry expects."""
    if "never" in entry and re.search(entry["never"], given, re.IGNORECASE):
        return False
    return re.search(entry["expect"], given, re.IGNORECASE) is not None


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
