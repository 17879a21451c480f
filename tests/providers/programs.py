"""Other people's servers, as processes of their own on free ports."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_READY = re.compile(r"https?://127\.0\.0\.1:(\d+)")
_LIMIT_S = 60.0


@contextmanager
def program(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Start a server that says where it listens; yield `http://127.0.0.1:PORT`."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=dict(environment),
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        # Nothing is polled: a server that never says it is ready is ended, and its output with it.
        timer = threading.Timer(_LIMIT_S, process.kill)
        timer.start()
        said: list[str] = []
        found = None
        while found is None and (line := process.stdout.readline()):
            said.append(line)
            found = _READY.search(line)
        timer.cancel()
        assert found is not None, f"{command[0]} did not start: {''.join(said)}"
        # What it says from now on must not fill the pipe.
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        reader.start()
        try:
            yield found[0]
        finally:
            end_tree(psutil.Process(process.pid))
            reader.join(_LIMIT_S)


def end_tree(process: psutil.Process) -> None:
    """End a process and what it has started: a `node` may be a script around the real one."""
    every = [*process.children(recursive=True), process]
    for each in every:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(every, _LIMIT_S)
