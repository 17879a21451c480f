"""Topics: the ways to ask one thing and the answers to it, read from the corpus's text files.

A file has blocks of ``[name] weight``, ``? pattern`` (ways to ask), ``! pattern`` (the commonest
ways to ask, used more often than their number would give) and ``= pattern`` (answers).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from functools import cache

from scripts.train_demo_model.corpus.patterns import FOLDER, expand

COMMON_SHARE = 0.2

_HEAD = re.compile(r"\[(\w+)\] ([\d.]+)")


@dataclass
class Topic:
    """One thing people ask about."""

    name: str
    weight: float
    asks: list[str] = field(default_factory=list)
    common: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def question(self, source: random.Random, common: float = COMMON_SHARE) -> str:
        """Give one way to ask; a pattern with more alternatives is used more often."""
        if self.common and source.random() < common:
            return expand(source.choice(self.common), source)
        weights = [(1 + ask.count("|") + 4 * ask.count("{")) ** 0.7 for ask in self.asks]
        return expand(source.choices(self.asks, weights)[0], source)

    def answer(self, source: random.Random) -> str:
        """Give one of the answers."""
        return expand(source.choice(self.answers), source)

    def turn(self, source: random.Random) -> tuple[str, str]:
        """Give a question with its answer."""
        return self.question(source), self.answer(source)


@cache
def topics(file: str) -> dict[str, Topic]:
    """Read the topics of one file, by name."""
    found: dict[str, Topic] = {}
    topic = Topic("", 0)
    for line in (FOLDER / f"{file}.txt").read_text(encoding="utf-8").splitlines():
        if head := _HEAD.fullmatch(line):
            topic = found[head[1]] = Topic(head[1], float(head[2]))
        elif line.startswith("! "):
            topic.common.append(line[2:])
        elif line.startswith("? "):
            topic.asks.append(line[2:])
        elif line.startswith("= "):
            topic.answers.append(line[2:])
        elif line and not line.startswith("#"):
            message = f"{file}.txt: neither topic, question nor answer: {line}"
            raise ValueError(message)
    return found


def pick(file: str, source: random.Random) -> Topic:
    """Pick a topic of a file by its weight."""
    choices = list(topics(file).values())
    return source.choices(choices, [topic.weight for topic in choices])[0]
