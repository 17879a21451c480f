"""One worker process as its parent sees it: spawn, send, listen, end.

Knows processes and the protocol, and nothing of requests, sinks and queues.

* Answers that were read and not yet taken stay here, so that a reader that is cancelled loses
  none. Nobody reads ahead: while answers are not taken, the pipe fills and the worker waits.
* stderr is always read; its last lines tell why a worker died.
* The worker's environment has no secrets: it needs none.
"""

from __future__ import annotations

import logging
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence

import anyio
import msgspec
from anyio.abc import ByteReceiveStream, ByteSendStream, Process, TaskGroup

from sidecar.errors import ComponentMissing, WorkerCrashed
from sidecar.local.protocol import (
    LINE_LIMIT,
    Answer,
    Command,
    Failed,
    Ready,
    decode_answer,
    encode,
)
from sidecar.rpc.lines import LineDecoder, Overlong

logger = logging.getLogger(__name__)

if sys.platform == "win32":
    _CREATION_FLAGS = subprocess.CREATE_NO_WINDOW
else:
    _CREATION_FLAGS = 0
_READ_SIZE = 64 * 1024
_LOG_LINES = 12
_LOG_LINE_LENGTH = 500
_SIGKILL = 9  # Windows has no such name
_LAST_WORDS_S = 1.0
"""How long a process that closed its stdout may take to end before it is killed."""
_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|COOKIE|SESSION|_DSN$|_UR[LI]$|_PROXY$", re.IGNORECASE
)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out every variable whose name is one of those that hold secrets.

    Addresses go too, since they may carry a password: the worker opens no connection.
    """
    return {name: value for name, value in environment.items() if not _SECRET_NAME.search(name)}


class WorkerProcess:
    """A running worker. Its methods raise `WorkerCrashed` once the process is gone."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stdin, self._stdout, self._stderr = _pipes(process)
        self._decoder = LineDecoder(LINE_LIMIT)
        self._answers: deque[Answer] = deque()
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._log_ended = anyio.Event()
        self._killed = False

    @classmethod
    async def spawn(
        cls, command: Sequence[str], environment: Mapping[str, str], tasks: TaskGroup
    ) -> WorkerProcess:
        """Start the process; it is not ready yet. Raises `ComponentMissing`."""
        try:
            process = await anyio.open_process(
                command,
                env=without_secrets(environment),
                creationflags=_CREATION_FLAGS,
            )
        except OSError as error:
            raise ComponentMissing(
                f"the local engine can't be started: {command[0]}: {error.strerror or error}",
                hint="Install AI Sidecar's local engine, or choose an online provider.",
            ) from error
        worker = cls(process)
        tasks.start_soon(worker._listen_to_log)
        return worker

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """False once its end is known."""
        return self._process.returncode is None

    async def ready(self, limit_s: float) -> None:
        """Wait until it takes commands. Raises `ComponentMissing`, `WorkerCrashed`."""
        with anyio.move_on_after(limit_s):
            match await self.answer():
                case Ready():
                    return
                case Failed(kind=ComponentMissing.kind, message=message, hint=hint):
                    raise ComponentMissing(message, hint=hint)
                case other:
                    raise self._broken(f"began with {type(other).__name__}")
        self.kill()
        raise self._crash(f"the local model's process did not start within {limit_s:g} s")

    async def send(self, command: Command) -> None:
        """Write one command. Cut short by a cancellation, it is written all the same."""
        try:
            await self._stdin.send(encode(command))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise await self._ended() from error

    async def answer(self) -> Answer:
        """Return the next answer."""
        while not self._answers:
            try:
                data = await self._stdout.receive(_READ_SIZE)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                raise await self._ended() from None
            for line in self._decoder.feed(data):
                self._answers.append(self._decode(line))
        return self._answers.popleft()

    def kill(self) -> None:
        """End it by force; `reap` afterwards."""
        self._killed = True
        if self._process.returncode is None:
            self._process.kill()

    async def end(self, grace_s: float) -> None:
        """Close its stdin, wait for its end, kill it where it does not come."""
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(grace_s):
                try:
                    await self._stdin.aclose()
                except (anyio.BrokenResourceError, OSError):
                    logger.debug("the worker closed its stdin first")
                await self._process.wait()
            self.kill()
            await self.reap()

    async def reap(self) -> None:
        """Wait for the end of a process that was killed, and give its pipes back."""
        with anyio.CancelScope(shield=True):
            await self._process.wait()
            with anyio.move_on_after(_LAST_WORDS_S):
                await self._log_ended.wait()
            await self._process.aclose()

    def _decode(self, line: bytes | Overlong) -> Answer:
        if isinstance(line, Overlong):
            raise self._broken(f"wrote a line longer than {line.limit} bytes")
        try:
            return decode_answer(line)
        except msgspec.MsgspecError as error:
            raise self._broken(f"wrote a line that is none of the protocol: {error}") from error

    def _broken(self, what: str) -> WorkerCrashed:
        self.kill()
        return self._crash(f"the local model's process {what}")

    async def _ended(self) -> WorkerCrashed:
        """Wait for the exit status and the last lines of the log; return what to raise."""
        with anyio.move_on_after(_LAST_WORDS_S):
            await self._process.wait()
            await self._log_ended.wait()
        if self._process.returncode is None:
            self.kill()
            return self._crash("the local model's process closed its output and was killed")
        return self._crash(f"the local model's process {_ending(self._process.returncode)}")

    def _crash(self, message: str) -> WorkerCrashed:
        hint = None
        if self._process.returncode == -_SIGKILL and not self._killed:
            hint = "The system may have run out of memory: choose a smaller model or context."
        log = "\n".join(self._log)
        return WorkerCrashed(f"{message}\n{log}" if log else message, hint=hint)

    async def _listen_to_log(self) -> None:
        decoder = LineDecoder(_READ_SIZE)
        try:
            while True:
                self._keep(decoder.feed(await self._stderr.receive(_READ_SIZE)))
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self._keep(decoder.close())
        finally:
            self._log_ended.set()

    def _keep(self, lines: list[bytes | Overlong]) -> None:
        for line in lines:
            if isinstance(line, bytes):
                text = line[:_LOG_LINE_LENGTH].decode("utf-8", "replace")
                self._log.append(text)
                logger.warning("llama.cpp: %s", text)


def _pipes(process: Process) -> tuple[ByteSendStream, ByteReceiveStream, ByteReceiveStream]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("the process was opened without its three pipes")
    return process.stdin, process.stdout, process.stderr


def _ending(status: int) -> str:
    if status >= 0:
        # Windows tells an access violation and its like by numbers known in hexadecimal.
        return f"ended with exit code {status if status < 256 else hex(status)}"  # noqa: PLR2004
    try:
        return f"was ended by signal {-status} ({signal.Signals(-status).name})"
    except ValueError:
        return f"was ended by signal {-status}"
