"""The worker's ear: a thread that takes commands while native code works.

* Work is queued for the main thread, which does it piece after piece. A cancel only sets the
  flag of its own, which the main thread and llama.cpp's abort callback look at.
* The end of stdin means that the parent is gone or wants no more. The thread then ends the
  process there and then: native code may be busy for minutes or hang, and must not outlive the
  parent. Nothing is lost by it, for nobody reads any more; the operating system takes back the
  memory, and that of the GPU.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Protocol

import msgspec

from sidecar.local.protocol import LINE_LIMIT, Cancel, Work, decode_command
from sidecar.rpc.lines import LineDecoder, Overlong

_READ_SIZE = 64 * 1024
BAD_COMMAND = 65
"""Exit status after a line that is no command: the parent is not the one we were made for."""


class Cancelled(Exception):
    """The flag was seen before the work was done."""


class Flag(Protocol):
    """Looked at now and then by whoever does the work."""

    @property
    def cancelled(self) -> bool:
        """True once nobody wants the rest."""


class Job:
    """One piece of work and its flag."""

    __slots__ = ("cancelled", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.cancelled = False


class Inbox:
    """Reads commands from a descriptor in its own thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._decoder = LineDecoder(LINE_LIMIT)
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._jobs: dict[int, Job] = {}
        self._thread = threading.Thread(target=self._run, name="stdin", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def next(self) -> Job:
        """Wait for the next piece of work."""
        return self._queue.get()

    def forget(self, job: Job) -> None:
        """Drop a job that has ended: a cancel for it means nothing any more."""
        del self._jobs[job.work.id]

    def _run(self) -> None:
        status = BAD_COMMAND
        try:
            while data := self._read():
                for line in self._decoder.feed(data):
                    self._take(line)
            status = 0
        except (msgspec.MsgspecError, ValueError) as error:
            sys.stderr.write(f"a line on stdin is no command: {error}\n")
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, _READ_SIZE)
        except OSError:
            return b""  # a pipe broken by the other side is the end of input (Windows)

    def _take(self, line: bytes | Overlong) -> None:
        if isinstance(line, Overlong):
            message = f"longer than {line.limit} bytes"
            raise ValueError(message)  # noqa: TRY004 - it is what the line holds that is wrong
        match decode_command(line):
            case Cancel(id=work_id):
                # The main thread may forget the job at this very moment.
                if (running := self._jobs.get(work_id)) is not None:
                    running.cancelled = True
            case work:
                job = self._jobs[work.id] = Job(work)
                self._queue.put(job)
