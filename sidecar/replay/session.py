"""A scripted session (`*.session`): plain text to steps. Pure: no IO, no clock.

One step a line, blank lines and `# comments` between them:

    $ ai-sidecar ARGS         start a sidecar with these arguments; relative paths are relative to
                              the session's folder. Without such a line, one starts without any.
                              A second one ends the first and starts another in the same home.
    --> TEXT                  a line to send, as it stands; it need not be JSON. A quoted
                              "$get:name" in it becomes the value that was kept under that name.
    --> <eof>                 close the sidecar's stdin
    <-- JSON                  the next line that must come. It may go on in indented lines.
    <-- ~ JSON                the same; a group of such lines may come in any order
    <-- * METHOD              here, any number of this notification may come, until the next
                              line that must come does; several in a row may come in any order
    <-- <exit N>              the sidecar ends with this status, and said nothing more

How values are compared stands in `matching.py`. A session that ends without `<exit N>` closes
stdin and expects status 0. Lines come in the order in which they stand, `~` aside, which is for
what the contract leaves open (the answer to a cancel, and the end of what was cancelled): write
sessions that ask one thing at a time, with scripts that hang until they are cancelled.

A first line `# needs: llama_cpp` names Python modules without which the session is skipped.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

PROGRAM = "ai-sidecar"
_NEEDS = re.compile(r"#\s*needs:\s*(.+)")
_EXIT = re.compile(r"<exit (\d+)>")
_METHOD = re.compile(r"[A-Za-z_][\w.]*")
_NAME = r"[A-Za-z_]\w*"
SET = re.compile(rf"\$set:({_NAME})")
GET = re.compile(rf"\$get:({_NAME})")
_GET_IN_TEXT = re.compile(rf'"\$get:({_NAME})"')


class SessionError(Exception):
    """A session that can't be read; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a sidecar."""

    line: int
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a line."""

    line: int
    text: str

    def filled(self, kept: dict[str, Any]) -> bytes:
        """Return the bytes to send, with the kept values in their places."""
        text = _GET_IN_TEXT.sub(lambda found: json.dumps(kept[found[1]]), self.text)
        return text.encode("utf-8", "surrogateescape") + b"\n"


@dataclass(frozen=True, slots=True)
class EndInput:
    """Close the sidecar's stdin."""

    line: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line that must come."""

    line: int
    value: Any


@dataclass(frozen=True, slots=True)
class Expect:
    """Lines that must come, in any order; mostly it is one."""

    line: int
    patterns: tuple[Pattern, ...]
    loose: bool = False


@dataclass(frozen=True, slots=True)
class AnyNumber:
    """Notifications that may come."""

    line: int
    method: str


@dataclass(frozen=True, slots=True)
class Exit:
    """The sidecar must end."""

    line: int
    status: int


Step = Start | Send | EndInput | Expect | AnyNumber | Exit


@dataclass(frozen=True, slots=True)
class Session:
    """A session: what it needs and its steps, a `Start` first."""

    name: str
    needs: tuple[str, ...]
    steps: tuple[Step, ...]


def parse(text: str, name: str) -> Session:
    """Parse a session's text. Raises `SessionError`, with `name` as the file's."""
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    steps: list[Step] = []
    for number, line in _joined(lines, name):
        step = _step(number, line, name)
        if not steps and not isinstance(step, Start):
            steps.append(Start(number, ()))
        before = steps[-1] if steps else None
        if isinstance(step, Expect) and step.loose and isinstance(before, Expect) and before.loose:
            steps[-1] = Expect(before.line, (*before.patterns, *step.patterns), loose=True)
        else:
            steps.append(step)
    _check(steps, name)
    needs = _NEEDS.match(lines[0])
    return Session(name, tuple(needs[1].replace(",", " ").split()) if needs else (), tuple(steps))


def _joined(lines: list[str], name: str) -> Iterator[tuple[int, str]]:
    """Give each step's line with its number; indented lines go on with a `<--` before them."""
    number, whole = 0, ""
    for here, line in enumerate(lines, start=1):
        if line[:1] in (" ", "\t") and line.strip():
            if not whole.startswith("<--"):
                raise _wrong(
                    name, here, "an indented line goes on with a `<--` line, and none is before"
                )
            whole += "\n" + line
            continue
        if whole:
            yield number, whole
        number, whole = here, "" if line.startswith("#") else line.rstrip(" \t")
    if whole:
        yield number, whole


def _step(number: int, line: str, name: str) -> Step:
    mark, _, rest = line.partition(" ")
    match mark:
        case "$":
            return Start(number, _arguments(number, rest, name))
        case "-->":
            return EndInput(number) if rest.strip() == "<eof>" else Send(number, rest)
        case "<--":
            return _coming(number, rest.strip(), name)
        case _:
            known = "`$`, `-->`, `<--` or `#`"
            raise _wrong(name, number, f"a line begins with {known}, not with {mark[:20]!r}")


def _coming(number: int, text: str, name: str) -> Step:
    if text.startswith("* "):
        method = text[2:].strip()
        if not _METHOD.fullmatch(method):
            raise _wrong(name, number, f"{method!r} is not the name of a notification")
        return AnyNumber(number, method)
    if found := _EXIT.fullmatch(text):
        return Exit(number, int(found[1]))
    loose = text.startswith("~ ")
    try:
        return Expect(number, (Pattern(number, json.loads(text[2:] if loose else text)),), loose)
    except ValueError as error:
        raise _wrong(name, number, f"what must come is not JSON: {error}") from error


def _arguments(number: int, text: str, name: str) -> tuple[str, ...]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise _wrong(name, number, f"the command can't be split into words: {error}") from error
    if words[:1] != [PROGRAM]:
        raise _wrong(name, number, f"a command is `$ {PROGRAM} ARGS`")
    return tuple(words[1:])


def _check(steps: list[Step], name: str) -> None:
    """Find what could only fail, or wait for nothing, when it is run."""
    if not any(not isinstance(step, Start) for step in steps):
        raise _wrong(name, 1, "nothing is sent and nothing is expected")
    known: set[str] = set()
    before: Step = steps[0]
    closed = False
    for step in steps:
        closed = (closed or isinstance(before, EndInput)) and not isinstance(step, Start)
        if isinstance(before, Exit) and not isinstance(step, Start):
            raise _wrong(name, step.line, "the sidecar has ended here")
        if closed and isinstance(step, Send | EndInput):
            raise _wrong(name, step.line, "stdin is closed here")
        before = step
        used = _GET_IN_TEXT.findall(step.text) if isinstance(step, Send) else []
        patterns = step.patterns if isinstance(step, Expect) else ()
        for word in _words([pattern.value for pattern in patterns]):
            if found := SET.fullmatch(word):
                known.add(found[1])
            elif found := GET.fullmatch(word):
                used.append(found[1])
        if missing := [word for word in used if word not in known]:
            raise _wrong(
                name, step.line, f"`$get:{missing[0]}` comes before its `$set:{missing[0]}`"
            )


def _words(pattern: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(pattern, str):
        yield pattern
    elif isinstance(pattern, dict | list):
        for each in pattern.values() if isinstance(pattern, dict) else pattern:
            yield from _words(each)


def _wrong(name: str, number: int, what: str) -> SessionError:
    return SessionError(f"{name}:{number}: {what}.")
