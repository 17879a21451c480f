"""Skills that need counting: small sums, subtractions, number neighbours, counting aloud."""

from __future__ import annotations

import random
import re

from scripts.train_demo_model.corpus.patterns import expand, word_lists
from scripts.train_demo_model.corpus.topics import topics

Turn = tuple[str, str]

NUMERALS = word_lists()["count"]
_LARGEST = 10
_NEGATIVE_SHARE = 0.06
DAYS = word_lists()["day"]
_RESULT = re.compile(r"is (minus )?(\d+)\.$")


def _written(number: int, digits: bool) -> str:  # noqa: FBT001 - two spellings of a number
    return str(number) if digits else NUMERALS[number]


def _phrase(pattern: str, a: str, b: str, source: random.Random) -> str:
    return expand(pattern.replace("{a}", a).replace("{b}", b), source)


def _compact(a: str, sign: str, b: str, source: random.Random) -> str:
    gap = source.choice(["", " ", " "])
    equals = source.choice(["", "", "=", " =", " = ?", "=?", " equals", " = what"])
    return f"{a}{gap}{sign}{gap}{b}{equals}"


def calculation(source: random.Random, opener: str = "") -> list[Turn]:
    """Give a sum or difference of numbers up to ten, asked in one of many ways."""
    if not opener and source.random() < _NEGATIVE_SHARE:
        return [(topics("sums")["negative"].question(source), _too_hard(source))]
    a, b = source.randint(0, 10), source.randint(0, 10)
    adding = source.random() < 0.6
    if not adding and a < b and source.random() < 0.85:
        a, b = b, a
    digits = source.random() < 0.65
    left, right = _written(a, digits), _written(b, digits)
    kind = source.random()
    asks = topics("sums")
    lead = expand(asks["lead"].asks[0], source)
    if kind < 0.35 and digits:
        ask = f"{lead} {_compact(left, '+' if adding else '-', right, source)}"
    elif kind < 0.7:
        words = asks["words"].asks if adding else asks["words"].answers
        ask = f"{lead} {_phrase(words[0], left, right, source)}"
    else:
        phrases = asks["sum" if adding else "difference"].asks
        ask = _phrase(source.choice(phrases), left, right, source)
    return [(f"{opener} {ask.strip()}".strip(), _result(a, b, adding=adding))]


def _too_hard(source: random.Random) -> str:
    return topics("out_of_domain")["mathematics"].answer(source)


def _result(a: int, b: int, *, adding: bool) -> str:
    result = a + b if adding else a - b
    shown = str(result) if result >= 0 else f"minus {-result}"
    return f"{a} {'plus' if adding else 'minus'} {b} is {shown}."


def result_of(answer: str) -> int | None:
    """Give the number that an answer to a calculation ends with."""
    found = _RESULT.search(answer)
    return None if found is None else int(found[2]) * (-1 if found[1] else 1)


def going_on(source: random.Random, total: int | None) -> Turn:
    """Go on from the result of the calculation before, or from none."""
    chain = topics("sums")["chain"]
    adding = source.random() < 0.6
    b = source.randint(0, _LARGEST)
    pattern = source.choice(chain.asks if adding else chain.answers)
    ask = _phrase(pattern, "", _written(b, source.random() < 0.7), source)
    if total is None:
        return ask, topics("sums")["chain_first"].answer(source)
    if not 0 <= total <= _LARGEST:
        return ask, _too_hard(source)
    return ask, _result(total, b, adding=adding)


def counting(source: random.Random) -> list[Turn]:
    """Count up to a number, or down from one."""
    if source.random() < 0.08:
        far = "(count|can you count|please count) to (25|30|50|100|1000|{big}|a hundred|a million)"
        listed = ", ".join(NUMERALS[1:20])
        return [(expand(far, source), f"I can only count to twenty: {listed} and twenty.")]
    if source.random() < 0.18:
        top = source.randint(3, 10)
        shown = _written(top, source.random() < 0.5)
        ask = f"(count|please count|can you count) (down |backwards |)from {shown}( to one|)"
        answer = ", ".join(reversed(NUMERALS[1 : top + 1]))
        return [(expand(ask, source), f"{answer.capitalize()}.")]
    if source.random() < 0.1:
        top, ask = 10, "(count|count please|can you count|do you know how to count|count for me)"
    else:
        top = source.choice([2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10, 12, 15, 20])
        shown = _written(top, source.random() < 0.5)
        ask = (
            "(|please |can you |could you |now |i want you to |)count( up|) (from one |from 1 |)"
            f"(to|to|up to|till|until) {shown}( for me| please| slowly||)"
        )
    listed = ", ".join(NUMERALS[1:top])
    return [(expand(ask, source), f"{listed.capitalize()} and {NUMERALS[top]}.")]


def neighbours(source: random.Random) -> list[Turn]:
    """Say which number or day comes after or before another."""
    step = source.choice([1, -1])
    word = "after" if step > 0 else "before"
    if source.random() < 0.4:
        place = source.randrange(7)
        day, other = DAYS[place], DAYS[(place + step) % 7]
        asked = source.choice([day, day.lower()])
        ask = f"(what|which) day (comes|is|follows|comes right) {word} {asked}"
        return [(expand(ask, source), f"{other} comes {word} {day}.")]
    number = source.randint(1, 19)
    shown = _written(number, source.random() < 0.5)
    ask = f"(what number|which number|what|which numeral) (comes|is|comes right) {word} {shown}"
    other = NUMERALS[number + step]
    return [(expand(ask, source), f"{other.capitalize()} comes {word} {NUMERALS[number]}.")]
