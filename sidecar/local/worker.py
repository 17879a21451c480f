"""The worker process: takes work as JSON lines, does it, answers as JSON lines.

Started as `python -m sidecar.local.worker`, or frozen as `ai-sidecar-llama`. What it speaks stands
in `local/protocol.py`. Rules:

* llama_cpp is imported before a thread waits on stdin: on Windows the import hangs otherwise.
* Inference is serial and stays on the main thread. One model is loaded at a time.
* What the request made impossible is answered with `Failed`; anything else that goes wrong ends
  the process with its traceback on stderr, and the supervisor tells it as a crash.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from sidecar.errors import AIError, ComponentMissing
from sidecar.frozen import is_frozen
from sidecar.local.inbox import Inbox, Job
from sidecar.local.protocol import (
    Answer,
    Chat,
    Chunk,
    Count,
    Embed,
    Failed,
    Loaded,
    ModelSpec,
    Ready,
    Vector,
    Work,
    encode,
)
from sidecar.rpc.descriptors import claim

if TYPE_CHECKING:
    from sidecar.local.engine import Engine


class Worker:
    """Takes job after job and answers."""

    def __init__(self, inbox: Inbox, output: int, load: Callable[[ModelSpec], Engine]) -> None:
        self._inbox = inbox
        self._output = output
        self._load = load
        self._engine: Engine | None = None

    def serve(self) -> NoReturn:
        """Serve until the inbox ends the process."""
        while True:
            job = self._inbox.next()
            answer = self._run(job)
            self._inbox.forget(job)
            _send(self._output, answer)

    def _run(self, job: Job) -> Answer:
        work = job.work

        def say(text: str) -> None:
            _send(self._output, Chunk(id=work.id, content=text))

        def give(vector: list[float]) -> None:
            _send(self._output, Vector(id=work.id, numbers=vector))

        try:
            engine = self._loaded(work)
            match work:
                case Chat():
                    return engine.answer(work, job, say)
                case Embed():
                    return engine.embed(work, job, give)
                case Count():
                    return engine.count(work)
        except AIError as error:
            return _failed(error, work.id)

    def _loaded(self, work: Work) -> Engine:
        """Return the engine for the work's model, loading it where another one is loaded."""
        if self._engine is None or self._engine.spec != work.model:
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            started = time.monotonic()
            self._engine = self._load(work.model)
            elapsed = round((time.monotonic() - started) * 1000)
            _send(self._output, Loaded(id=work.id, load_ms=elapsed))
        return self._engine


def _failed(error: AIError, work_id: int | None) -> Failed:
    return Failed(
        id=work_id, kind=error.kind, message=error.message, hint=error.hint, path=error.path
    )


def _send(output: int, answer: Answer) -> None:
    view = memoryview(encode(answer))
    while view:
        view = view[os.write(output, view) :]


def main() -> None:
    """Run the worker on this process's stdin and stdout."""
    # Ctrl-C in a terminal reaches the whole group; what ends a worker is the end of its stdin.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Claimed before llama_cpp is imported: what a native library prints must not tear a line.
    descriptor, output = claim()
    try:
        from sidecar.local import engine  # noqa: PLC0415
    except (ImportError, OSError, RuntimeError) as error:
        # Not installed, or built for another machine: its native library can't be loaded.
        # By path: the name is not ours on PyPI yet, and might be somebody else's tomorrow.
        source = (
            "Run scripts/setup in the clone, or `pip install '.[local]'` there with your own pip."
        )
        missing = ComponentMissing(
            f"the local engine is not usable: {error}",
            hint="Install AI Sidecar again, or choose an online provider."
            if is_frozen()
            else source,
        )
        _send(output, _failed(missing, None))
        return
    log = engine.NativeLog()
    inbox = Inbox(descriptor)
    inbox.start()
    _send(output, Ready(version=engine.VERSION))
    Worker(inbox, output, partial(engine.load, log=log)).serve()


if __name__ == "__main__":
    main()
