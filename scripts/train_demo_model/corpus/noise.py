"""Questions as people really type them: case, marks, politeness, lost words, slips.

`noisy` is for ordinary questions.  `tidy` only touches case and end marks, for texts whose every
letter counts (sums, code).
"""

from __future__ import annotations

import random
import re

from scripts.train_demo_model.corpus.patterns import word_lists

_QUESTION = re.compile(
    r"(what|who|how|where|when|why|is|are|do|does|can|could|which|will|would|whats|what's|may|did"
    r"|should|have|has|whom)\b",
    re.IGNORECASE,
)
_NEIGHBOURS = {
    "a": "qs", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o",
    "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc",
    "y": "tu", "z": "x",
}  # fmt: skip


def _marked(text: str, source: random.Random) -> str:
    """Put an end mark, mostly the right one."""
    if not text or not text[-1].isalnum():
        return text
    if _QUESTION.match(text):
        return text + source.choice(["?", "?", "?", "?", "?", "?", "", "", "??", ".", " ?", "?!"])
    return text + source.choice([".", "!", "", "", "", "", "?", " :)"])


def _cased(text: str, source: random.Random) -> str:
    kind = source.random()
    if kind < 0.62:
        text = re.sub(r"\bi\b", "I", text)
        text = re.sub(r"\bapi\b", "API", text) if source.random() < 0.7 else text
        text = re.sub(r"\bai\b", "AI", text) if source.random() < 0.8 else text
        return text[:1].upper() + text[1:]
    if kind < 0.645:
        return text.upper()
    if kind < 0.655:
        return text.title()
    return text.lower()


def _slip(text: str, source: random.Random) -> str:
    """Swap, drop, double or mistype one letter."""
    place = source.randrange(1, len(text) - 1)
    letter = text[place]
    if not letter.isalpha():
        return text
    kind = source.random()
    if kind < 0.25:
        return text[:place] + text[place + 1 :]
    if kind < 0.5:
        return text[:place] + text[place + 1] + letter + text[place + 2 :]
    if kind < 0.7:
        return text[:place] + letter + text[place:]
    wrong = source.choice(_NEIGHBOURS.get(letter.lower(), "e"))
    return text[:place] + wrong + text[place + 1 :]


def _thinned(text: str, source: random.Random) -> str:
    """Leave out one or two small words, as in a hasty note."""
    words = text.split(" ")
    left_out = word_lists()["small_word"]
    small = [place for place, word in enumerate(words) if word.lower() in left_out]
    if len(words) < 4 or not small:
        return text
    gone = set(source.sample(small, min(len(small), source.choice([1, 1, 2]))))
    return " ".join(word for place, word in enumerate(words) if place not in gone)


def named(text: str, source: random.Random) -> str:
    """Write some words with a capital, as the names among them would be."""
    share = source.choice([0, 0, 0.15, 0.3])
    if not share:
        return text
    return re.sub(
        r"\b[a-z]{4,}\b",
        lambda word: word[0].title() if source.random() < share else word[0],
        text,
    )


def tidy(text: str, source: random.Random) -> str:
    """Vary what comes before, the case and the end mark only."""
    if source.random() < 0.12:
        text = f"{source.choice(word_lists()['opener'])} {text}"
    return _marked(_cased(text, source), source) if text else text


def noisy(text: str, source: random.Random) -> str:
    """Give the text as a person might have typed it."""
    if not text:
        return text
    if source.random() < 0.12:
        text = f"{source.choice(word_lists()['opener'])} {text}"
    if source.random() < 0.07:
        text += source.choice(word_lists()["closer"])
    if source.random() < 0.06:
        text = _thinned(text, source)
    text = _cased(_marked(text, source), source)
    if source.random() < 0.12:
        text = text.replace("'", source.choice(["", "\u2019"]))
    if source.random() < 0.13 and len(text) > 4:
        for _ in range(source.choice([1, 1, 2])):
            text = _slip(text, source)
    return text
