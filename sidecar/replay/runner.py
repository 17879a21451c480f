"""Runs scripted sessions against a sidecar: source, frozen, anyone's.

Each session gets a home folder of its own, which goes with it, and an environment without keys,
tokens and proxies; the sidecar is started in the session's folder. The first difference ends a
session and is shown with file, line and JSON path, and with what the sidecar said on stderr.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sidecar.local import place
from sidecar.replay import session as sessions
from sidecar.replay.matching import Expectations, shown_line
from sidecar.replay.session import Session, SessionError, Step
from sidecar.terminal.peer import Peer, PeerGone, own_command
from sidecar.terminal.visible import visible

LINE_S = 30.0
"""How long a line that must come may take."""
_ENDING_S = 10.0
_LOG_LINES = 40
_CONFIG = '[key_store]\norder = ["memory", "vault", "environment"]\n'
_SECRETS = ("_KEY", "_TOKEN", "_PROXY")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one session went: `problem` says where it failed, `skipped` why it was not run."""

    seconds: float
    problem: str | None = None
    skipped: str | None = None


class Unusable(Exception):
    """What the command line names can't be used; the text says why."""


class Failed(Exception):
    """The sidecar did not do what the session says."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def main(files: Sequence[Path], command: str | None) -> int:
    """Run sessions and tell how each went; the exit status is 0 where none failed.

    Raises `Unusable`.
    """
    words(command)
    outcomes = []
    for file in files:
        outcome = replay(file, command)
        outcomes.append(outcome)
        _say(_line(file, outcome))
        if outcome.problem is not None:
            _say(_indented(outcome.problem))
    failed = sum(outcome.problem is not None for outcome in outcomes)
    skipped = sum(outcome.skipped is not None for outcome in outcomes)
    parts = [f"{len(outcomes) - failed - skipped} ok"]
    parts += [f"{failed} FAILED"] if failed else []
    parts += [f"{skipped} skipped"] if skipped else []
    _say(", ".join(parts))
    return 1 if failed else 0


def replay(file: Path, command: str | None = None) -> Outcome:
    """Run one session. `command` is run in the place of `ai-sidecar`."""
    began = time.monotonic()
    try:
        session = sessions.parse(file.read_bytes().decode("utf-8", "surrogateescape"), str(file))
    except SessionError as error:
        return Outcome(0.0, problem=str(error))
    except OSError as error:
        return Outcome(0.0, problem=_unread(file, error))
    if command is None and (reason := _missing(session)):
        return Outcome(0.0, skipped=reason)
    with new_home("ai-sidecar-replay-") as home:
        problem = _run(session, file.absolute().parent, words(command), home)
    return Outcome(time.monotonic() - began, problem=problem)


@contextmanager
def new_home(prefix: str) -> Iterator[Path]:
    """A home folder that goes again, with keys in memory: nobody's keyring is touched."""
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        home = Path(name)
        (home / "config.toml").write_text(_CONFIG, encoding="utf-8")
        yield home


def words(command: str | None) -> list[str]:
    """Split a command as a shell would; its program is found from where the user stands.

    Raises `Unusable`.
    """
    if command is None:
        return own_command()
    try:
        found = shlex.split(command, posix=os.name != "nt")
    except ValueError as error:
        message = f"--command can't be split into words: {error}."
        raise Unusable(message) from error
    if not found:
        raise Unusable("--command is empty.")
    program = found[0].strip('"')
    if Path(program).name != program:
        program = str(Path(program).absolute())
    return [program, *found[1:]]


def environment(home: Path) -> dict[str, str]:
    """Return this process's environment without keys, tokens and proxies, with `home`."""
    kept = {
        name: value for name, value in os.environ.items() if not name.upper().endswith(_SECRETS)
    }
    # The sidecar of a source tree must be found from the session's folder, too.
    path = [str(Path(__file__).parents[2]), kept.get("PYTHONPATH", "")]
    return kept | {
        "AI_SIDECAR_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(each for each in path if each),
    }


class _Stage:
    """One session under way: the sidecar that runs, if any, and what is expected of it."""

    def __init__(self, folder: Path, command: list[str], home: Path, log: IO[bytes]) -> None:
        self._folder = folder
        self._command = command
        self._environment = environment(home)
        self._log = log
        self._expectations = Expectations()
        self._peer: Peer | None = None

    def do(self, step: Step) -> None:
        """Do one step. Raises `Failed`."""
        try:
            match step:
                case sessions.Start(arguments=arguments):
                    self._start(arguments, step)
                case sessions.Send():
                    self._send(step)
                case sessions.EndInput():
                    self._running(step).end_input()
                case sessions.AnyNumber(method=method):
                    self._expectations.allow(method)
                case sessions.Expect():
                    self._expect(step)
                case sessions.Exit(status=status):
                    self._exit(step, status)
        except PeerGone as error:
            raise Failed(step.line, f"{error}.") from error

    def end(self, step: Step) -> None:
        """Close stdin where a sidecar still runs, and expect it to end with status 0."""
        if self._peer is not None:
            self._peer.end_input()
            try:
                self._exit(step, 0)
            except PeerGone as error:
                raise Failed(step.line, f"after the session's end: {error}.") from error

    def close(self) -> None:
        """Leave nothing running."""
        if self._peer is not None:
            self._peer.close()

    def _start(self, arguments: Sequence[str], step: Step) -> None:
        self.end(step)
        command = [*self._command, *arguments]
        try:
            self._peer = Peer(
                command, environment=self._environment, folder=self._folder, stderr=self._log
            )
        except OSError as error:
            raise Failed(step.line, f"{command[0]} can't be started: {error}.") from error

    def _running(self, step: Step) -> Peer:
        if self._peer is None:
            raise Failed(step.line, "no sidecar runs here.")
        return self._peer

    def _send(self, step: sessions.Send) -> None:
        try:
            self._running(step).send(step.filled(self._expectations.kept))
        except PeerGone as error:
            what = f"this line could not be sent: the sidecar ended{self._status()}."
            raise Failed(step.line, what) from error

    def _expect(self, step: sessions.Expect) -> None:
        waiting = list(step.patterns)
        while waiting:
            line = self._running(step).receive(LINE_S)
            if line is None:
                what = f"the sidecar ended{self._status()}; this line did not come."
                raise Failed(waiting[0].line, what)
            mismatch = self._expectations.match(waiting, line)
            if mismatch is not None and not self._expectations.is_allowed(line):
                what = f"{mismatch.difference}\n  the line:  {shown_line(line)}"
                raise Failed(mismatch.line, what)

    def _exit(self, step: Step, status: int) -> None:
        peer = self._running(step)
        while (line := peer.receive(LINE_S)) is not None:
            if not self._expectations.is_allowed(line):
                what = "nothing more was expected, and this came:"
                raise Failed(step.line, f"{what}\n  {shown_line(line)}")
        self._expectations.clear()
        found = peer.wait(_ENDING_S)
        self._peer = None
        peer.close()
        if found != status:
            raise Failed(step.line, f"the exit status\n  expected: {status}\n  came:     {found}")

    def _status(self) -> str:
        return f" with status {self._peer.wait(_ENDING_S)}" if self._peer else ""


def _run(session: Session, folder: Path, command: list[str], home: Path) -> str | None:
    """Return where the session failed, or None."""
    with tempfile.TemporaryFile() as log:
        stage = _Stage(folder, command, home, log)
        try:
            for step in session.steps:
                stage.do(step)
            stage.end(session.steps[-1])
        except Failed as failure:
            stage.close()
            place = f"{session.name}:{failure.line}: {failure}"
            return place + _log_tail(log)
        finally:
            stage.close()
    return None


def _unread(file: Path, error: OSError) -> str:
    """Say in plain words why a file can't be read."""
    if os.path.isdir(file):  # noqa: PTH112 - where this can't look, Path.is_dir raises
        return f"{file} is a folder. Name the files in it: {file / '*.session'}"
    if isinstance(error, FileNotFoundError):
        return f"There is no file {file}."
    return f"{file} can't be read: {error.strerror}."


def _log_tail(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").splitlines()[-_LOG_LINES:]
    return "\nthe sidecar's stderr:\n" + _indented("\n".join(lines)) if lines else ""


def _missing(session: Session) -> str | None:
    """Say which of the modules that the session needs are not installed."""
    missing = [name for name in session.needs if not _is_there(name)]
    return f"needs {', '.join(missing)}, which is not installed" if missing else None


def _is_there(module: str) -> bool:
    if module == "llama_cpp":  # what is frozen has it in the worker's program alone
        return place.of_the_worker().has_engine()
    return importlib.util.find_spec(module) is not None


def _line(file: Path, outcome: Outcome) -> str:
    if outcome.skipped is not None:
        return f"skipped  {file}  {outcome.skipped}"
    word = "ok" if outcome.problem is None else "FAILED"
    return f"{word:8} {file}  {outcome.seconds:.2f} s"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _say(line: str) -> None:
    sys.stdout.write(visible(line) + "\n")
    sys.stdout.flush()
