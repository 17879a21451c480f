"""Executions: what runs, how far it is, how it is stopped, and how it ends.

Rules of this room:

* One id space. An id is taken until its execution has ended and been forgotten.
* Each execution runs in a task of its own with a cancel scope of its own; a cancel reaches it in
  every state, and closes what it holds (the provider's socket) on its way out.
* A stream ends with exactly one `ai_stream_end`, whatever happens, and nothing of it comes after.
  The end is published outside the cancelled scope.
* Chunks and ends are never dropped. `crowded` and `room()` hold a producer back instead: what is
  queued stays below the writer's mark and one network read of each stream.
* An ended execution is kept for `KEEP_S` seconds (and `KEEP_CHARACTERS` of text in all), so that
  a front end that was reloaded can still attach to it.

States: queued → waiting (for the provider) → streaming → done | failed | cancelled.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import anyio
import msgspec
from anyio.abc import TaskGroup

from sidecar.engine.agent_block import AgentBlockOutput, Answer
from sidecar.engine.transcript import Transcript
from sidecar.errors import (
    AIError,
    APIError,
    Busy,
    Cancelled,
    ErrorObject,
    InternalError,
    InvalidParams,
    NotFound,
)
from sidecar.providers.base import Facts, Sink
from sidecar.values import (
    BlockId,
    ExecutionId,
    FinishReason,
    Said,
    StreamChunk,
    Timing,
)

logger = logging.getLogger(__name__)

MAX_RUNNING = 4096
KEEP_S = 300.0
KEEP_COUNT = 1000
KEEP_CHARACTERS = 64 * 1024 * 1024

State = Literal["queued", "waiting", "streaming", "done", "failed", "cancelled"]
Output = Literal["response", "agent_block"]
Operation = Callable[[Sink], Awaitable[None]]
ENDED: frozenset[State] = frozenset(("done", "failed", "cancelled"))


class StreamChunkNotification(Said, frozen=True):
    """One chunk of a stream. `seq` counts from 1 and has no gaps."""

    execution_id: ExecutionId
    seq: int
    timestamp: int
    chunk: StreamChunk
    block_id: BlockId | None = None


class StreamEndNotification(Said, frozen=True):
    """The last word of a stream; exactly one comes. `response` is what was said until then."""

    execution_id: ExecutionId
    seq: int
    timestamp: int
    finish_reason: FinishReason
    response: Answer
    error: ErrorObject | None = None
    block_id: BlockId | None = None


class Audience(Protocol):
    """Who hears of executions: the other side of the pipe."""

    @property
    def crowded(self) -> bool:
        """True where producers should wait."""

    async def room(self) -> None:
        """Wait until there is room."""

    def notify(self, method: str, params: msgspec.Struct) -> None:
        """Send a notification."""


class Execution:
    """One run of one request. It is the `Sink` into which its provider talks."""

    def __init__(  # noqa: PLR0913 - what is known of a run at its start
        self,
        execution_id: str,
        audience: Audience,
        *,
        provider: str,
        model: str,
        streams: bool,
        block_id: str | None = None,
        output: Output = "response",
        metadata: dict[str, str] | None = None,
    ) -> None:
        self.id = execution_id
        self.provider = provider
        self.model = model
        self.streams = streams
        self.block_id = block_id
        self.metadata = metadata
        self.state: State = "queued"
        self.seq = 0
        self.error: AIError | None = None
        self.created_at = _now_ms()
        self.ended = anyio.Event()
        self.ended_clock = 0.0
        self._output = output
        self._audience = audience
        self._transcript = Transcript()
        self._scope = anyio.CancelScope()
        self._clock = time.monotonic()
        self._timing: dict[str, int] = {}

    # --- the sink ---

    @property
    def facts(self) -> Facts:
        """What the answer tells about itself."""
        return self._transcript.facts

    @property
    def crowded(self) -> bool:
        """True where the other side reads more slowly than this is produced."""
        return self.streams and self._audience.crowded

    def sent(self) -> None:
        """The request is on its way to the provider."""
        if self.state == "queued":
            self.state = "waiting"
            self._timing["queued_ms"] = self._elapsed_ms()

    def emit(self, chunk: StreamChunk) -> None:
        """Keep one chunk, and publish it where this is a stream."""
        if self.state != "streaming":
            self.sent()
            self.state = "streaming"
            self._timing["first_token_ms"] = self._elapsed_ms()
        self._transcript.add(chunk)
        if self.streams:
            self.seq += 1
            self._audience.notify(
                "ai_stream_chunk",
                StreamChunkNotification(
                    execution_id=self.id,
                    seq=self.seq,
                    timestamp=_now_ms(),
                    chunk=chunk,
                    block_id=self.block_id,
                ),
            )

    async def room(self) -> None:
        """Wait until the other side has read enough."""
        await self._audience.room()

    # --- its life ---

    def cancel(self) -> bool:
        """Stop it. True for the call that did so, false where it had ended or was stopped."""
        if self.state in ENDED or self._scope.cancel_called:
            return False
        self._scope.cancel()
        return True

    async def run(self, operation: Operation) -> None:
        """Run to the end, which is published before this returns."""
        error: AIError | None = None
        try:
            with self._scope:
                try:
                    await operation(self)
                except AIError as found:
                    error = found
                except Exception:
                    logger.exception("The execution %s failed.", self.id)
                    error = InternalError("Internal error.")
        except anyio.get_cancelled_exc_class():
            # The whole process is ending; even so this stream gets its last word.
            self._end(Cancelled("The sidecar was shut down.", provider=self.provider))
            raise
        # A cancel that was answered with true holds, even if the answer was whole by then.
        if self._scope.cancel_called:
            error = Cancelled("The execution was cancelled.", provider=self.provider)
        self._end(error)

    def response(self) -> Answer:
        """What was said so far."""
        timing = dict(self._timing)
        if self.facts.connect_ms is not None:
            timing["connect_ms"] = self.facts.connect_ms
        response = self._transcript.response(
            execution_id=self.id,
            provider=self.provider,
            model=self.model,
            timing=Timing(**timing) if timing else None,
        )
        if self._output == "agent_block":
            return AgentBlockOutput.of(response, self.block_id)
        return response

    @property
    def size(self) -> int:
        """Characters of text that it keeps in memory."""
        return self._transcript.text_size

    def _end(self, error: AIError | None) -> None:
        if error is None and self._transcript.finish_reason == "error":
            error = APIError(
                "The provider ended its answer with an error, and did not say which.",
                provider_message=self.facts.provider_finish_reason,
            )
        self.error = error
        if error is not None:
            error.execution_id = self.id
            error.provider = error.provider or self.provider
        self._timing["total_ms"] = self._elapsed_ms()
        finish_reason: FinishReason = self._transcript.finish_reason or "stop"
        self.state = "done"
        if isinstance(error, Cancelled):
            self.state, finish_reason = "cancelled", "cancelled"
        elif error is not None:
            self.state, finish_reason = "failed", "error"
        self._transcript.finish_reason = finish_reason
        if self.streams:
            self.seq += 1
            told = None if error is None or self.state == "cancelled" else error.to_object()
            self._audience.notify(
                "ai_stream_end",
                StreamEndNotification(
                    execution_id=self.id,
                    seq=self.seq,
                    timestamp=_now_ms(),
                    finish_reason=finish_reason,
                    response=self.response(),
                    error=told,
                    block_id=self.block_id,
                ),
            )
        self.ended_clock = time.monotonic()
        self.ended.set()

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._clock) * 1000)


class Executions:
    """The registry of what runs and of what ended a short while ago."""

    def __init__(self, tasks: TaskGroup, audience: Audience) -> None:
        self._tasks = tasks
        self._audience = audience
        self._known: dict[str, Execution] = {}
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
    ) -> Execution:
        """Enter a new execution. Raises `InvalidParams` for an id in use, `Busy` for too many."""
        self._forget()
        if self._running >= MAX_RUNNING:
            message = f"{self._running} executions are running, which is the limit."
            raise Busy(message)
        if execution_id in self._known:
            raise InvalidParams(
                f"The execution_id {execution_id!r} is in use.",
                path="$.execution_id",
                hint="Choose a new id for every execution, or leave it out.",
            )
        execution = Execution(
            execution_id or f"exec_{secrets.token_hex(8)}",
            self._audience,
            provider=provider,
            model=model,
            streams=streams,
            block_id=block_id,
            output=output,
            metadata=metadata,
        )
        self._known[execution.id] = execution
        self._running += 1
        self._idle = self._idle if not self._idle.is_set() else anyio.Event()
        return execution

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
        found = self._known.get(execution_id)
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

    async def idle(self) -> None:
        """Wait until nothing runs."""
        await self._idle.wait()

    async def _run(self, execution: Execution, operation: Operation) -> None:
        try:
            await execution.run(operation)
        finally:
            self._kept.append(execution)
            self._kept_size += execution.size
            self._running -= 1
            if self._running == 0:
                self._idle.set()

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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
