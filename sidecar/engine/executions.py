"""All executions: what runs, and what ended a short while ago.

One id space: an id is taken until its execution has ended and been forgotten. An ended one is
kept for `KEEP_S` seconds (and `KEEP_CHARACTERS` of text in all), so that a front end that was
reloaded can still attach to it.
"""

from __future__ import annotations

import secrets
import time
from collections import deque

import anyio
from anyio.abc import TaskGroup

from sidecar.engine.execution import ENDED, Audience, Execution, Operation, Output
from sidecar.engine.jobs import Job
from sidecar.engine.structured import Structured
from sidecar.errors import Busy, InvalidParams, NotFound

MAX_RUNNING = 4096
KEEP_S = 300.0
KEEP_COUNT = 1000
KEEP_CHARACTERS = 64 * 1024 * 1024


class Executions:
    """The registry of what runs and of what ended a short while ago."""

    def __init__(self, tasks: TaskGroup, audience: Audience) -> None:
        self._tasks = tasks
        self._audience = audience
        self._known: dict[str, Execution] = {}
        self._jobs: dict[str, Job] = {}
        self._kept: deque[Execution] = deque()
        self._kept_size = 0
        self._running = 0
        self._closing = False
        self._idle = anyio.Event()
        self._idle.set()

    def create(  # noqa: PLR0913 - what is known of a run at its start
        self,
        execution_id: str | None,
        *,
        provider: str,
        model: str,
        streams: bool,
        block_id: str | None = None,
        output: Output = "response",
        metadata: dict[str, str] | None = None,
        structured: Structured | None = None,
    ) -> Execution:
        """Enter a new execution. Raises `InvalidParams` for an id in use, `Busy` for too many."""
        self._forget()
        self._refuse(execution_id)
        execution = Execution(
            execution_id or f"exec_{secrets.token_hex(8)}",
            self._audience,
            provider=provider,
            model=model,
            streams=streams,
            block_id=block_id,
            output=output,
            metadata=metadata,
            structured=structured,
        )
        self._known[execution.id] = execution
        self._begun()
        return execution

    def job(self, execution_id: str | None) -> Job:
        """Enter work that is no conversation. Raises what `create` does."""
        self._refuse(execution_id)
        name = execution_id or f"job_{secrets.token_hex(8)}"

        def ended() -> None:
            del self._jobs[name]
            self._done()

        job = self._jobs[name] = Job(name, ended)
        self._begun()
        if self._closing:
            job.cancel()
        return job

    def start(self, execution: Execution, operation: Operation) -> None:
        """Run it in a task of its own."""
        if self._closing:
            execution.cancel()
        self._tasks.start_soon(self._run, execution, operation, name=execution.id)

    def get(self, execution_id: str) -> Execution:
        """Return a known execution. Raises `NotFound`."""
        self._forget()
        found = self._known.get(execution_id)
        if found is None:
            message = f"There is no execution {execution_id!r}."
            raise NotFound(message, path="$.execution_id")
        return found

    def cancel(self, execution_id: str) -> bool:
        """Stop an execution; false where there is nothing to stop."""
        found = self._known.get(execution_id) or self._jobs.get(execution_id)
        return found is not None and found.cancel()

    def listing(self, *, ended: bool) -> list[Execution]:
        """What runs, oldest first; with `ended` also what is still kept."""
        self._forget()
        return [each for each in self._known.values() if ended or each.state not in ENDED]

    def cancel_all(self) -> None:
        """Stop everything, and whatever should still be started."""
        self._closing = True
        for execution in self._known.values():
            execution.cancel()
        for job in self._jobs.values():
            job.cancel()

    async def idle(self) -> None:
        """Wait until nothing runs."""
        await self._idle.wait()

    async def _run(self, execution: Execution, operation: Operation) -> None:
        try:
            await execution.run(operation)
        finally:
            self._kept.append(execution)
            self._kept_size += execution.size
            self._done()

    def _begun(self) -> None:
        self._running += 1
        self._idle = self._idle if not self._idle.is_set() else anyio.Event()

    def _done(self) -> None:
        self._running -= 1
        if self._running == 0:
            self._idle.set()

    def _refuse(self, execution_id: str | None) -> None:
        if self._running >= MAX_RUNNING:
            message = f"{self._running} executions are running, which is the limit."
            raise Busy(message)
        if execution_id in self._known or execution_id in self._jobs:
            raise InvalidParams(
                f"The execution_id {execution_id!r} is in use.",
                path="$.execution_id",
                hint="Choose a new id for every execution, or leave it out.",
            )

    def _forget(self) -> None:
        """Drop the ended executions that are too old, or too many or too large together."""
        horizon = time.monotonic() - KEEP_S
        while self._kept and (
            self._kept[0].ended_clock < horizon
            or len(self._kept) > KEEP_COUNT
            or self._kept_size > KEEP_CHARACTERS
        ):
            oldest = self._kept.popleft()
            self._kept_size -= oldest.size
            del self._known[oldest.id]
