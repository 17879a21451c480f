"""Long inputs: pasted articles, code, logs, lists and rambling, up to the context limit."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable

from scripts.train_demo_model.corpus.noise import named
from scripts.train_demo_model.corpus.patterns import expand, word_lists
from scripts.train_demo_model.corpus.topics import pick, topics
from scripts.train_demo_model.corpus.unreadable import FOREIGN

_SENTENCES = (
    "the {adjective} {noun} {verb} the {noun} in {topic}",
    "{person} was a {adjective} {job} of {topic}, and the {noun} was {adjective}",
    "in {big}, the {noun} of {topic} had to {verb} every {noun}",
    "we have to {verb} the {noun} before the {adjective} {noun} can {verb}",
    "it is {adjective} that {topic} and {topic} {verb} so many {noun}s",
    "however, the {noun} did not {verb}, because the {noun} was {adjective}",
    "i went to the {noun} and saw a {adjective} {noun} with {person}",
    "according to {person}, {big} {noun}s were {adjective} last year",
    "please {verb} the {noun} and send me the {adjective} {noun}",
    "{topic} is {adjective}, but {topic} is more {adjective} than a {noun}",
    "when the {noun} is {adjective}, you should {verb} it with a {noun}",
    "{word} {word} {word} {word} {word} {word}",
    "there are {big} {noun}s in the {noun}, and none of them is {adjective}",
    "then you {verb} the {noun}, {verb} the {noun} and {verb} the {noun}",
)
_CODE = (
    "def {word}«{word}, {word}»:",
    "    return {word} + {big}",
    "    for {word} in {word}s:",
    "        {word}.{verb}«{word}»",
    "const {word} = {word}«'{word}'»;",
    "if «{word} == {big}» ⟦",
    "⟧",
    "# {verb} the {noun}",
    "import {word}",
    "SELECT {word}, {word} FROM {word} WHERE {word} = {big};",
    "<div class='{word}'>{noun}</div>",
    '  "{word}": "{word}",',
    "{word} = [{big}, {big}, {big}]",
)
_LOG = (
    "2025-{digit}-{digit} {big}:{big} INFO {word}: {verb} {noun} {big}",
    "[{big}] ERROR {word}.{word}: cannot {verb} {noun}",
    "WARN {word} took {big} ms",
    "  at {word}.{word} «{word}.js:{big}»",
)


_LINE_ENDS = re.compile(r"(?: /)+ ")
_LONGEST_REPETITION = 5_000


_ITEM = "{adjective} {noun}|{noun}: {big}|{verb} the {noun}|{word},{big},{word}"


def _sentence(source: random.Random) -> str:
    text = expand(source.choice(_SENTENCES), source)
    return text[:1].upper() + text[1:] + source.choice([".", ".", ".", "!", "?"])


def _line(patterns: tuple[str, ...]) -> Callable[[random.Random], str]:
    return lambda source: expand(source.choice(patterns), source)


def _ramble(source: random.Random) -> str:
    file = source.choice(["smalltalk", "about_itself", "app_questions", "out_of_domain"])
    text = pick(file, source).question(source)
    return text + source.choice([".", "?", ",", " and", "!"])


def _item(source: random.Random) -> str:
    mark = source.choice(["- ", "* ", "1. ", ""])
    return mark + expand(_ITEM, source)


def _foreign(source: random.Random) -> str:
    return source.choice(FOREIGN) + source.choice([".", ",", ""])


_KINDS: tuple[tuple[float, str, Callable[[random.Random], str]], ...] = (
    (4, " ", _sentence),
    (1, "\n\n", lambda source: " ".join(_sentence(source) for _ in range(3))),
    (1.5, "\n", _line(_CODE)),
    (0.7, "\n", _line(_LOG)),
    (1, "\n", _item),
    (1, " ", _ramble),
    (0.5, " ", _foreign),
    (0.7, " ", lambda source: expand("{word} {word}", source)),
)


def body(source: random.Random, characters: int) -> str:
    """Give a text of about so many characters, of one kind throughout."""
    kind = source.choices(_KINDS, [entry[0] for entry in _KINDS])[0]
    parts: list[str] = []
    length = 0
    repeated = kind[2](source) if source.random() < 0.06 else None
    while length < characters:
        parts.append(repeated or kind[2](source))
        length += len(parts[-1]) + 1
    return named(kind[1].join(parts), source)


def lines_turn(source: random.Random) -> tuple[str, str]:
    """Paste a few short lines."""
    topic = topics("unreadable")["lines"]
    text = _LINE_ENDS.sub(lambda found: "\n" * found[0].count("/"), topic.question(source))
    return named(text, source), topic.answer(source)


def repeated_turn(source: random.Random) -> tuple[str, str]:
    """Say the same word or sentence over and over, up to what fits into the context."""
    kind = source.random()
    topic = topics("unreadable")["repeated"]
    if kind < 0.6:
        unit = topic.question(source)
    elif kind < 0.8:
        unit = source.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.!?-")
    else:
        file = source.choice(["smalltalk", "about_itself", "app_questions", "out_of_domain"])
        unit = named(pick(file, source).question(source), source) or "hello"
    if source.random() < 0.3:
        unit = unit[:1].upper() + unit[1:]
    gap = source.choice([" ", " ", " ", "", "", "\n", ", ", ". ", "! ", "? "])
    count = round(math.exp(source.uniform(math.log(8), math.log(1000))))
    most = source.randint(60, _LONGEST_REPETITION)
    text = gap.join([unit] * max(6, min(count, most // len(unit + gap))))
    return text, topic.answer(source)


def long_turn(source: random.Random, most: int) -> tuple[str, str]:
    """Ask with a long text of up to `most` characters; its length is spread evenly by ratio."""
    characters = round(math.exp(source.uniform(math.log(300), math.log(most))))
    text = body(source, characters)
    place = source.random()
    request = expand("|".join(word_lists()["long_request"]), source)
    if place < 0.35:
        text = request.capitalize() + source.choice([" ", "\n", "\n\n"]) + text
    elif place < 0.5:
        text = text + source.choice([" ", "\n", "\n\n"]) + request.capitalize()
    return text, topics("unreadable")["long"].answer(source)
