"""One measured program: a child process with a pipe to its stdin and one from its stdout.

Reads and writes block, so that a measured round trip holds nothing of our own but two system
calls; a timer kills a child that takes too long, which ends the read.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import psutil

ROOT = Path(__file__).resolve().parents[2]
_READ_SIZE = 1024 * 1024
_CLOSE_S = 5.0


class Gone(Exception):
    """A child ended, or was killed because it took too long."""


class Child:
    """A running program; used as a context manager, which ends it."""

    def __init__(self, name: str, command: Sequence[str], **environment: str) -> None:
        self.name = name
        self._rest = b""
        self._process = subprocess.Popen(  # noqa: S603 - programs of our own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment() | environment,
            cwd=ROOT,
            bufsize=0,
        )
        self._in, self._out = _pipes(self._process)
        self._psutil = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._in.close()
            # Read on: a child that is blocked by a full pipe could not end.
            with self.within(_CLOSE_S):
                while self._out.read(_READ_SIZE):
                    pass
                self._process.wait(_CLOSE_S)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            self._out.close()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Kill the child if what follows is not done in time; the read in it raises `Gone`."""
        timer = threading.Timer(seconds, self._process.kill)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def send(self, data: bytes) -> None:
        """Write all of it."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._in.write(view) or 0 :]
        except OSError as error:
            raise Gone(f"{self.name} reads no more: {error}") from error

    def read(self) -> bytes:
        """Return what has come, at least one byte. Raises `Gone`."""
        data = self._out.read(_READ_SIZE)
        if not data:
            raise Gone(f"{self.name} has ended or took too long (status {self._process.wait()})")
        return data

    def line(self) -> bytes:
        """Return the next line; not to be mixed with `read` while more than one line is due."""
        while b"\n" not in self._rest:
            self._rest += self.read()
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def cpu_ns(self) -> int:
        """CPU time so far in nanoseconds, user and system, all threads."""
        if sys.platform == "linux":
            # The kernel's clock of another process: CPUCLOCK_SCHED of clock_getcpuclockid(3).
            # /proc/PID/stat, which psutil reads, counts in steps of 10 ms.
            return time.clock_gettime_ns((~self._process.pid << 3) | 2)
        times = self._psutil.cpu_times()
        return round((times.user + times.system) * 1e9)

    def rss_mb(self) -> float:
        """Resident memory now, in 10⁶ bytes."""
        return self._psutil.memory_info().rss / 1e6


@contextmanager
def temporary_home(port: int = 1) -> Iterator[Path]:
    """A home whose config.toml has one provider, `bench`: the server at `port`."""
    folder = tempfile.TemporaryDirectory(prefix="ai-sidecar-bench-", ignore_cleanup_errors=True)
    with folder as name:
        home = Path(name)
        (home / "config.toml").write_text(
            f'[providers.bench]\nformat = "openai_chat"\nbase_url = "http://127.0.0.1:{port}/v1"\n',
            encoding="utf-8",
        )
        yield home


def program(module: str, *arguments: object) -> list[str]:
    """Return the command of a program of this package."""
    return [sys.executable, "-m", f"scripts.bench.{module}", *map(str, arguments)]


def sidecar(home: Path) -> Child:
    """Start the sidecar as an app would."""
    return Child("sidecar", [sys.executable, "-m", "sidecar"], AI_SIDECAR_HOME=str(home))


class Bench:
    """The server and whoever is measured against it, for one run."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.server = self._stack.enter_context(Child("server", program("server")))
        with self.server.within(20):
            self.port = int(self.server.line())
        self.home = self._stack.enter_context(temporary_home(self.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, name: str) -> Child:
        """Start `floor`, `sidecar` or `sdk`; it ends with this run."""
        child = sidecar(self.home) if name == "sidecar" else Child(name, program(name, self.port))
        return self._stack.enter_context(child)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[io.FileIO, io.FileIO]:
    """Its stdin and stdout, which are raw files where no buffer is asked for."""
    ends = process.stdin, process.stdout
    if not isinstance(ends[0], io.FileIO) or not isinstance(ends[1], io.FileIO):
        raise TypeError("the pipes of a child are buffered")
    return ends[0], ends[1]


def _environment() -> dict[str, str]:
    """Ours, without keys, proxies, and what keeps Python from caching what it compiled."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_KEY", "_TOKEN", "_PROXY")) and not name.startswith("PYTHON")
    }
    return kept | {"PYTHONPATH": str(ROOT)}
