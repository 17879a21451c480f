"""Questions that are no English: other languages, emoji and key mashing."""

from __future__ import annotations

import random
import string

from scripts.train_demo_model.corpus.patterns import FOLDER
from scripts.train_demo_model.corpus.topics import topics

Turn = tuple[str, str]

FOREIGN = tuple((FOLDER / "foreign.txt").read_text(encoding="utf-8").splitlines())
EMOJI = tuple(
    chr(code)
    for code in (
        *range(0x1F600, 0x1F645),
        *(0x1F44D, 0x1F44E, 0x1F64F, 0x1F44F, 0x1F525, 0x1F389, 0x1F680, 0x1F431, 0x1F436),
        *(0x1F355, 0x1F30D, 0x1F308, 0x1F4A1, 0x1F916, 0x1F44B, 0x2728, 0x1F970, 0x2764),
    )
)
SMILEYS = (":)", ":-)", ":D", "xD", "<3", ":(", ";)", ":P", ":-D", "^^")
_SCRIPTS = (
    (0x430, 0x44F),
    (0x4E00, 0x9000),
    (0x3040, 0x30FF),
    (0x627, 0x64A),
    (0xAC00, 0xD000),
    (0x905, 0x939),
    (0x3B1, 0x3C9),
    (0x5D0, 0x5EA),
    (0xE01, 0xE2E),
)


def _answer(name: str, source: random.Random) -> str:
    return topics("unreadable")[name].answer(source)


def foreign(source: random.Random) -> Turn:
    """Ask something in another language, or in the letters of one."""
    kind = source.random()
    text = source.choice(FOREIGN)
    if kind < 0.3:
        low, high = source.choice(_SCRIPTS)
        letters = source.randint(2, 24)
        text = "".join(
            chr(source.randint(low, high)) if source.random() < 0.85 else " "
            for _ in range(letters)
        )
    elif kind < 0.6:
        other = source.choice(FOREIGN)
        words = text.split() + other.split()
        text = " ".join(source.sample(words, min(len(words), source.randint(2, 7))))
    return text.strip() or FOREIGN[0], _answer("foreign", source)


def emoji(source: random.Random) -> Turn:
    """Send nothing but emoji."""
    count = source.choice([1, 1, 2, 3, 5])
    pool = EMOJI if source.random() < 0.7 else SMILEYS
    text = "".join(source.choice(pool) + source.choice(["", " "]) for _ in range(count))
    return text.strip(), _answer("emoji", source)


def _mashed(source: random.Random) -> str:
    kind = source.random()
    if kind < 0.4:
        keys, least, most = "asdfghjklqwertyuiopzxcvbnm", 4, 18
    elif kind < 0.6:
        keys, least, most = "asdfghjklqwertyuiopzxcvbnm ;,.[]=-0123456789", 8, 50
    elif kind < 0.75:
        keys, least, most = string.punctuation, 3, 20
    else:
        keys, least, most = string.digits, 3, 20
    return "".join(source.choice(keys) for _ in range(source.randint(least, most)))


def gibberish(source: random.Random) -> Turn:
    """Hit keys at random."""
    kind = source.random()
    if kind < 0.15:
        text = source.choice(string.ascii_letters) * source.randint(1, 40)
    elif kind < 0.35:
        syllable = _mashed(source)[:4]
        text = syllable * source.randint(2, 8)
    elif kind < 0.5:
        text = " ".join(_mashed(source)[:8] for _ in range(source.randint(2, 6)))
    else:
        text = _mashed(source)
    return text.strip() or "qwertz", _answer("gibberish", source)
