"""Writes a scripted session from lines that are typed or piped in.

Lines go to the sidecar as they come, and what it says is shown at once. Typed ones go when they
are typed; piped ones wait until the sidecar has answered and was silent for a moment, so that the
recording has the order in which a person would have seen it. At the end of the lines, what still
runs may go on for as long as it says something.

What differs at every run (times, generated ids, the home folder, the version) is written as a
placeholder. What a live model says also differs: record against `--scripted DIR`.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from sidecar.replay.runner import Unusable, environment, new_home, words
from sidecar.replay.session import PROGRAM
from sidecar.terminal.peer import Peer, PeerGone
from sidecar.terminal.visible import visible

_QUIET_S = 0.5
_ANSWER_S = 5.0
"""What is not answered for so long may be what the next line is to cancel."""
_ENDING_S = 5.0
_EXIT_S = 10.0
_VOLATILE = {
    "timestamp": "$number",
    "created_at": "$number",
    "latency_ms": "$number",
    "timing": "$any",
    "version": "$string",
    "response_id": "$string",
    "request_id": "$string",
}
_GENERATED_ID = re.compile(r"exec_[0-9a-f]{16}")


def record(file: Path, command: str | None, arguments: Sequence[str]) -> int:
    """Record the lines of this process's stdin into `file`, a new one. Raises `Unusable`."""
    program = words(command)
    folder = file.absolute().parent
    arguments = [_from_folder(word, folder) for word in arguments]
    lines: Iterable[bytes] = _typed(sys.stdin.buffer) if sys.stdin.isatty() else sys.stdin.buffer
    with _new(file) as target, new_home("ai-sidecar-record-") as home:
        peer = _started([*program, *arguments], home, folder)
        recording = _Recording(peer, patient=not sys.stdin.isatty())
        try:
            recording.run(lines)
        finally:
            peer.close()
        entries = recording.entries
        text = written(entries, arguments, (str(home), str(folder)))
        target.write(text.encode("utf-8", "surrogateescape"))
    sys.stderr.write(f"{file}: {len(entries)} lines; replay it with: {PROGRAM} replay {file}\n")
    return 0


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """Open a file before anything is recorded, so that no recording is lost for want of one."""
    try:
        file = path.open("xb")
    except FileExistsError:
        message = f"{path} is there already. Name another file, or remove it first."
        raise Unusable(message) from None
    except OSError as error:
        message = f"{path} can't be written: {error.strerror}."
        raise Unusable(message) from error
    try:
        with file:
            yield file
    except BaseException:
        path.unlink()  # empty, and in the way of the next try
        raise


def _started(command: Sequence[str], home: Path, folder: Path) -> Peer:
    try:
        return Peer(command, environment=environment(home), folder=folder)
    except OSError as error:
        message = f"{command[0]} can't be started: {error.strerror}."
        raise Unusable(message) from error


def written(
    entries: Sequence[tuple[str, str]], arguments: Sequence[str], folders: Sequence[str]
) -> str:
    """Return the session's text.

    Entries are (`-->` or `<--`, the line), as they went; no path below `folders` gets into it.
    """
    placeholders = _Placeholders(folders)
    lines = [f"$ {shlex.join([PROGRAM, *arguments])}"]
    for mark, line in entries:
        if mark == "-->":
            lines += ["", f"--> {placeholders.in_text(line)}"]
        else:
            lines.append(f"<-- {placeholders.in_line(line)}")
    return "\n".join(lines) + "\n"


class _Recording:
    """What went over the pipe, in its order."""

    def __init__(self, peer: Peer, *, patient: bool) -> None:
        self.entries: list[tuple[str, str]] = []
        self._peer = peer
        self._patient = patient
        self._news = threading.Condition()
        self._ended = False
        self._open: set[str] = set()
        self._asked: set[str] = set()
        """Of what is open, what the last line has asked for."""
        self._listener = threading.Thread(target=self._listen, name="recorder", daemon=True)

    def run(self, lines: Iterable[bytes]) -> None:
        """Send every line, then close stdin, and wait for the end."""
        self._listener.start()
        try:
            for line in lines:
                self._add("-->", line.rstrip(b"\r\n"))
                self._peer.send(line.rstrip(b"\n") + b"\n")
                if self._patient:
                    self._await_answer()
                    self._settle(_QUIET_S)
        except (KeyboardInterrupt, PeerGone):
            pass  # both end the lines: the one by wish, the other shows in the exit status
        self._settle(_ENDING_S if self._open else 0)
        if not self._ended:
            self._add("-->", b"<eof>")
            self._peer.end_input()
        self._listener.join()
        self._add("<--", f"<exit {self._peer.wait(_EXIT_S)}>".encode())

    def _listen(self) -> None:
        while (line := self._peer.receive()) is not None:
            sys.stdout.write(visible(line.decode("utf-8", "replace")) + "\n")
            sys.stdout.flush()
            self._add("<--", line)
        with self._news:
            self._ended = True
            self._news.notify_all()

    def _add(self, mark: str, line: bytes) -> None:
        with self._news:
            if mark == "-->":
                self._asked = set()
            self.entries.append((mark, line.decode("utf-8", "surrogateescape")))
            self._keep_book(mark, line)
            self._news.notify_all()

    def _keep_book(self, mark: str, line: bytes) -> None:
        """Know what is still to be answered, and which streams still run."""
        try:
            message = json.loads(line)
        except ValueError:
            return
        for each in message if isinstance(message, list) else [message]:
            if not isinstance(each, dict):
                continue
            if "id" in each:
                id_ = f"id {json.dumps(each['id'])}"
                if mark == "-->":
                    self._open.add(id_)
                    self._asked.add(id_)
                else:
                    self._open.discard(id_)
            stream = (each.get("params") or {}) if "method" in each else each.get("result")
            if mark == "<--" and isinstance(stream, dict) and "execution_id" in stream:
                self._follow(each, stream)

    def _follow(self, message: dict[str, Any], stream: dict[str, Any]) -> None:
        name = f"stream {stream['execution_id']}"
        if message.get("method") == "ai_stream_end":
            self._open.discard(name)
        elif set(stream) == {"execution_id"}:
            self._open.add(name)

    def _await_answer(self) -> None:
        """One that has just been started, or waits for a processor, is not silent."""
        with self._news:
            self._news.wait_for(lambda: self._ended or not self._asked & self._open, _ANSWER_S)

    def _settle(self, quiet_s: float) -> None:
        """Wait until nothing has come for so long, or nothing more can come."""
        with self._news:
            if not quiet_s:
                return
            while not self._ended and self._news.wait(quiet_s):
                if quiet_s == _ENDING_S and not self._open:
                    return


class _Placeholders:
    """Takes the place of what differs at every run."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = {*folders, *(os.path.realpath(folder) for folder in folders)}
        self._names: dict[str, str] = {}

    def in_text(self, line: str) -> str:
        """Return a line to send, with the ids that the sidecar made replaced."""
        for made, name in self._names.items():
            line = line.replace(f'"{made}"', f'"$get:{name}"')
        return line

    def in_line(self, line: str) -> str:
        """Return a line that came, with everything that differs replaced."""
        try:
            message = json.loads(line)
        except ValueError:
            return line
        return json.dumps(self._replaced(message), ensure_ascii=False)

    def _replaced(self, value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON value
        if key in _VOLATILE:
            return _VOLATILE[key]
        if isinstance(value, dict):
            return {name: self._replaced(each, name) for name, each in value.items()}
        if isinstance(value, list):
            return [self._replaced(each) for each in value]
        if isinstance(value, str):
            return self._text(value)
        return value

    def _text(self, value: str) -> str:
        if any(folder in value for folder in self._folders):
            return "$string"
        if not _GENERATED_ID.fullmatch(value):
            return value
        if value in self._names:
            return f"$get:{self._names[value]}"
        self._names[value] = f"execution_{len(self._names) + 1}"
        return f"$set:{self._names[value]}"


def _typed(stdin: BinaryIO) -> Iterable[bytes]:
    sys.stderr.write("Type lines to send; Ctrl-D ends the recording.\n")
    return iter(stdin.readline, b"")


def _from_folder(word: str, folder: Path) -> str:
    """Paths in the session are relative to its folder, so that both can be moved together."""
    path = Path(word)
    if not path.exists() or word.startswith("-"):
        return word
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:  # on Windows, another drive
        return str(path.absolute())
