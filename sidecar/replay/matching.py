"""Lines that came against lines that must come. Pure: no IO, no clock.

Objects are compared whole, the order of their keys aside; arrays in their order; numbers by value
(1 is 1.0, and not true). In the place of any value may stand:

    "$any"                    any value; the key must be there
    "$string"  "$number"      any string, any number
    "$set:name"               any value, which is kept under this name
    "$get:name"               the very value that was kept
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import takewhile, zip_longest
from typing import Any, NoReturn

from sidecar.replay.session import GET, SET, Pattern

_SHOWN = 300
_BEFORE = 40
"""Of two long texts, what is shown begins this many characters before they part."""
_NOTHING = object()
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which two values differ; `path` is a JSONPath."""

    path: str
    expected: str
    came: str

    def __str__(self) -> str:
        return f"at {self.path}\n  expected: {self.expected}\n  came:     {self.came}"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A line that was not the one that must come; `line` is the session's."""

    line: int
    difference: Difference

    def alike(self, message: Any, waiting: list[Pattern]) -> bool:  # noqa: ANN401 - any JSON value
        """True where the line answers the same request, or is the same notification."""
        pattern = next(each.value for each in waiting if each.line == self.line)
        if not isinstance(pattern, dict) or not isinstance(message, dict):
            return False
        return all(pattern.get(key) == message.get(key) for key in ("id", "method"))


class Expectations:
    """What must come next, what may come before it, and the values kept on the way."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self._free: list[str] = []

    def allow(self, method: str) -> None:
        """Let notifications of `method` come until the next line that must come."""
        self._free.append(method)

    def clear(self) -> None:
        """Let nothing come that is not expected."""
        self._free.clear()

    def is_allowed(self, line: bytes) -> bool:
        """True for a notification that may come here."""
        try:
            message = decode(line)
        except ValueError:
            return False
        return (
            isinstance(message, dict)
            and "id" not in message
            and message.get("method") in self._free
        )

    def match(self, waiting: list[Pattern], line: bytes) -> Mismatch | None:
        """Compare the next line with those that must come; the one that has come is removed.

        With the last of them gone, what might come before it may come no more.
        """
        try:
            message = decode(line)
        except ValueError as error:
            came = f"{shown_line(line)} ({error})"
            return Mismatch(waiting[0].line, Difference("the whole line", "JSON", came))
        found = []
        for pattern in waiting:
            comparison = _Comparison(self.kept)
            difference = comparison.difference(pattern.value, message)
            if difference is None:
                self.kept = comparison.kept
                waiting.remove(pattern)
                if not waiting:
                    self._free.clear()
                return None
            found.append(Mismatch(pattern.line, difference))
        return max(found, key=lambda each: each.alike(message, waiting))


def decode(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Decode one line strictly: UTF-8, and no NaN. Raises `ValueError`."""
    return json.loads(line.decode("utf-8"), parse_constant=_no_constant)


def shown_line(line: bytes) -> str:
    """Return a line as a person can read it."""
    return _cut(line.decode("utf-8", "backslashreplace"), _SHOWN * 4)


class _Comparison:
    """One line against its pattern, with the values kept before and in it."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = dict(kept)

    def difference(self, pattern: Any, came: Any, path: str = "$") -> Difference | None:  # noqa: ANN401 - any JSON value
        """Return the first difference, in the pattern's order."""
        if isinstance(pattern, str):
            return self._of_text(pattern, came, path)
        if isinstance(pattern, dict) and isinstance(came, dict):
            return self._of_objects(pattern, came, path)
        if isinstance(pattern, list) and isinstance(came, list):
            return self._of_arrays(pattern, came, path)
        return None if _same(pattern, came) else _told(path, pattern, came)

    def _of_objects(self, pattern: Json, came: Json, path: str) -> Difference | None:
        for key in [*pattern, *(key for key in came if key not in pattern)]:
            place = f"{path}.{key}"
            if key not in pattern or key not in came:
                return _told(place, pattern.get(key, _NOTHING), came.get(key, _NOTHING))
            if found := self.difference(pattern[key], came[key], place):
                return found
        return None

    def _of_arrays(self, pattern: list[Any], came: list[Any], path: str) -> Difference | None:
        for index, (one, other) in enumerate(zip_longest(pattern, came, fillvalue=_NOTHING)):
            place = f"{path}[{index}]"
            if one is _NOTHING or other is _NOTHING:
                return _told(place, one, other)
            if found := self.difference(one, other, place):
                return found
        return None

    def _of_text(self, pattern: str, came: Any, path: str) -> Difference | None:  # noqa: ANN401 - any JSON value
        expected: Any = pattern
        if pattern == "$any":
            return None
        if pattern == "$string":
            fits = isinstance(came, str)
        elif pattern == "$number":
            fits = _is_number(came)
        elif found := SET.fullmatch(pattern):
            self.kept[found[1]] = came
            return None
        elif found := GET.fullmatch(pattern):
            expected = self.kept.get(found[1])
            fits = json.dumps(expected, sort_keys=True) == json.dumps(came, sort_keys=True)
        else:
            fits = pattern == came
        return None if fits else _told(path, expected, came)


def _same(one: Any, other: Any) -> bool:  # noqa: ANN401 - any JSON value
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    return type(one) is type(other) and bool(one == other)


def _is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, int | float) and not isinstance(value, bool)


def _told(path: str, expected: Any, came: Any) -> Difference:  # noqa: ANN401 - any JSON value
    skipped = 0
    if isinstance(expected, str) and isinstance(came, str):
        skipped = max(0, _parting(expected, came) - _BEFORE)
    return Difference(path, _shown(expected, skipped), _shown(came, skipped))


def _parting(one: str, other: str) -> int:
    """Return how many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _shown(value: Any, skipped: int = 0) -> str:  # noqa: ANN401 - any JSON value
    if value is _NOTHING:
        return "nothing"
    value = value[skipped:] if skipped else value
    return ("… " if skipped else "") + _cut(json.dumps(value, ensure_ascii=False), _SHOWN)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _no_constant(word: str) -> NoReturn:
    message = f"{word} is not JSON"
    raise ValueError(message)
