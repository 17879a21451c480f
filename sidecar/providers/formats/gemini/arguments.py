"""A tool call's arguments that come value by value, as one JSON text.

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/PartialArg: each piece
names its place by a JSON path (RFC 9535), `$.recipe.steps[0].text`, and has one value. A string may
come in pieces; not all of them say by `willContinue` that more follows, so the next place ends it.
Places come in the order in which the text has them, so each piece can be told as it comes;
what goes back to a place that is closed can not be written any more, and is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.surrogates import SurrogateJoiner, whole
from sidecar.providers.sink import Facts

MAX_DEPTH = 200
_MAX_PATH = 20_000
_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]]+)|\[(?P<place>\d{1,9})\]"""
    r"""|\['(?P<single>(?:[^'\\]|\\.)*)'\]|\["(?P<double>(?:[^"\\]|\\.)*)"\]""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
Step = str | int


@dataclass(slots=True)
class _Level:
    """An object or array that is open."""

    step: Step | None
    is_array: bool
    count: int = 0
    names: set[str] = field(default_factory=set)


_ROOT = ("$", "$.")
"""The arguments as a whole, of which nothing can be told by a piece."""


class ArgumentsText:
    """Writes the text of one call. Raises `InvalidResponse` for pieces that make no JSON."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._string: list[Step] | None = None
        """The place of the string that is open."""
        self._joiner = SurrogateJoiner()

    def feed(self, pieces: object, facts: Facts) -> str:
        """Return what these pieces add."""
        if not isinstance(pieces, list):
            return ""
        placed = [each for each in pieces if isinstance(each, dict)]
        if any(each.get("jsonPath") in _ROOT for each in placed):
            facts.warn("A piece of a tool call's arguments has no place among them; left out.")
            placed = [each for each in placed if each.get("jsonPath") not in _ROOT]
        return "".join(self._piece(each, facts) for each in placed)

    def close(self) -> str:
        """Return what makes it whole."""
        rest = self._end_string() + (self._open_root() if not self._levels else "")
        while self._levels:
            rest += "]" if self._levels.pop().is_array else "}"
        return rest

    def _piece(self, piece: dict[str, Any], facts: Facts) -> str:
        path = _steps(piece.get("jsonPath"))
        value = piece.get("stringValue")
        if path == self._string and (isinstance(value, str) or not _has_value(piece)):
            # It is closed by what follows: some pieces do not say that more of them come.
            return self._characters(value or "")
        told = self._end_string()
        if not isinstance(value, str):
            if not _has_value(piece):
                facts.warn("A piece of a tool call's arguments came without a value.")
                return told
            return told + self._at(path) + _literal(piece)
        told += self._at(path) + '"'
        self._string = path
        return told + self._characters(value)

    def _characters(self, text: str) -> str:
        return _escaped(self._joiner.feed(text) or "")

    def _end_string(self) -> str:
        if self._string is None:
            return ""
        self._string = None
        return _escaped(self._joiner.flush()) + '"'

    def _open_root(self) -> str:
        self._levels.append(_Level(None, is_array=False))
        return "{"

    def _at(self, path: list[Step]) -> str:
        """Go to a place: close what it is not in, open what it is in, write its name."""
        told = "" if self._levels else self._open_root()
        *above, _ = path
        depth = 0
        while depth < min(len(above), len(self._levels) - 1):
            if self._levels[depth + 1].step != above[depth]:
                break
            depth += 1
        while len(self._levels) > depth + 1:
            told += "]" if self._levels.pop().is_array else "}"
        for at in range(depth, len(above)):
            is_array = isinstance(path[at + 1], int)
            told += self._name(path[at]) + ("[" if is_array else "{")
            self._levels.append(_Level(path[at], is_array=is_array))
        return told + self._name(path[-1])

    def _name(self, step: Step) -> str:
        level = self._levels[-1]
        comma = "," if level.count else ""
        if isinstance(step, int):
            if not level.is_array or step != level.count:
                raise _out_of_order()
            level.count += 1
            return comma
        if level.is_array or step in level.names:
            raise _out_of_order()
        level.count += 1
        level.names.add(step)
        return f'{comma}"{_escaped(step)}":'


def _steps(path: object) -> list[Step]:
    given = path if isinstance(path, str) and len(path) <= _MAX_PATH else ""
    rest = given.removeprefix("$")
    if rest and rest[0] not in ".[":
        rest = "." + rest
    steps: list[Step] = []
    at = 0
    while at < len(rest) and len(steps) <= MAX_DEPTH and (found := _STEP.match(rest, at)):
        at = found.end()
        if (place := found["place"]) is not None:
            steps.append(int(place))
        else:
            quoted = found["single"] if found["single"] is not None else found["double"]
            name = found["name"] if quoted is None else _ESCAPED.sub(r"\1", quoted)
            steps.append(whole(name) or "")
    if not steps or at < len(rest) or len(steps) > MAX_DEPTH or isinstance(steps[0], int):
        message = "The provider sent a piece of a tool call's arguments without a usable place."
        raise InvalidResponse(message)
    return steps


def _has_value(piece: dict[str, Any]) -> bool:
    names = ("stringValue", "numberValue", "boolValue")
    return any(piece.get(name) is not None for name in names) or "nullValue" in piece


def _literal(piece: dict[str, Any]) -> str:
    number, truth = piece.get("numberValue"), piece.get("boolValue")
    if isinstance(truth, bool):
        return "true" if truth else "false"
    if isinstance(number, int | float) and not isinstance(number, bool):
        return msgspec.json.encode(number).decode()
    return "null"


def _escaped(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1] if text else ""


def _out_of_order() -> InvalidResponse:
    message = "The provider sent a tool call's arguments in an order that makes no JSON."
    return InvalidResponse(message)
