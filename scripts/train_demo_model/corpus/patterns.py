"""The small pattern language of the corpus: ``(a|b|)`` picks one, ``{name}`` picks from a list.

As brackets are taken, a literal ( ) is written « » and a literal { } ⟦ ⟧.
``expand(pattern, source)`` gives one text; the same source of randomness gives the same text.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent

Part = str | tuple[str, ...] | list["Sequence"]
"""A literal text, a slot (a tuple of one name) or a choice between sequences."""
Sequence = list[Part]

_TOKEN = re.compile(r"[(|)]|\{[a-z_]+\}|[^(|){]+|\{")
_SPACES = re.compile(r" +")
_LITERAL = str.maketrans({"\u00ab": "(", "\u00bb": ")", "\u27e6": "{", "\u27e7": "}"})
_BEFORE_MARK = re.compile(r" +([,.?!])")


def _parse_choice(tokens: list[str], depth: int) -> list[Sequence]:
    branches: list[Sequence] = [[]]
    while tokens:
        piece = tokens.pop(0)
        if piece == "(":
            branches[-1].append(_parse_choice(tokens, depth + 1))
        elif piece == "|":
            branches.append([])
        elif piece == ")":
            if depth == 0:
                message = "a ) without its ("
                raise ValueError(message)
            return branches
        elif len(piece) > 2 and piece[0] == "{":
            branches[-1].append((piece[1:-1],))
        else:
            branches[-1].append(piece)
    if depth:
        message = "a ( without its )"
        raise ValueError(message)
    return branches


@cache
def parse(pattern: str) -> list[Sequence]:
    """Parse a pattern into its top-level alternatives."""
    return _parse_choice(_TOKEN.findall(pattern), 0)


@cache
def word_lists() -> dict[str, list[str]]:
    """Read the named lists: ``name = a|b|c`` lines of words.txt and phrases.txt."""
    lists: dict[str, list[str]] = {}
    for file in ("words.txt", "phrases.txt"):
        for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
            name, equals, entries = line.partition(" = ")
            if equals and not line.startswith("#"):
                lists.setdefault(name, []).extend(_top_level(entries))
    return lists


def _top_level(entries: str) -> list[str]:
    found, depth = [""], 0
    for letter in entries:
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return found


def _sequence(parts: Sequence, source: random.Random) -> str:
    out = []
    for part in parts:
        if isinstance(part, str):
            out.append(part)
        elif isinstance(part, tuple):
            out.append(slot(part[0], source))
        else:
            out.append(_sequence(source.choice(part), source))
    return "".join(out)


def slot(name: str, source: random.Random) -> str:
    """Give one entry of a named list, or a made-up word or number."""
    if name == "pseudo":
        return pseudo_word(source)
    if name == "big":
        return big_number(source)
    return _sequence(source.choice(parse(source.choice(word_lists()[name]))), source)


def expand(pattern: str, source: random.Random) -> str:
    """Give one text of a pattern, with its spaces tidied."""
    text = _sequence(source.choice(parse(pattern)), source)
    return _BEFORE_MARK.sub(r"\1", _SPACES.sub(" ", text)).strip().translate(_LITERAL)


def pseudo_word(source: random.Random) -> str:
    """Make up a word, so that unknown words are something the model has met."""
    parts = [word_lists()[name] for name in ("onset", "vowel", "coda")]
    syllables = source.choice([1, 2, 2, 3])
    return "".join(source.choice(part) for _ in range(syllables) for part in parts)


def big_number(source: random.Random) -> str:
    """Give a number that is too big for the model's sums."""
    kind = source.random()
    if kind < 0.4:
        return str(source.randint(11, 99))
    if kind < 0.7:
        return str(source.randint(100, 9_999))
    if kind < 0.85:
        return f"{source.randint(1, 99)}.{source.randint(1, 99)}"
    return str(source.randint(10_000, 9_999_999))
