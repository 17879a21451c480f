"""One execution: how far it is, how it is stopped, and how it ends.

Rules of this room:

* It runs in a task of its own with a cancel scope of its own; a cancel reaches it in every state,
  and closes what it holds (the provider's socket) on its way out.
* A stream ends with exactly one `ai_stream_end`, whatever happens, and nothing of it comes after.
  The end is published outside the cancelled scope.
* Chunks and ends are never dropped. `crowded` and `room()` hold a producer back instead: what is
  queued stays below the writer's mark and one network read of each stream.

States: queued → waiting (for the provider) → streaming → done | failed | cancelled.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import anyio
import msgspec

from sidecar.engine.agent_block import AgentBlockOutput, Answer
from sidecar.engine.structured import Structured
from sidecar.engine.transcript import Transcript
from sidecar.errors import (
    AIError,
    APIError,
    Cancelled,
    ErrorObject,
    InternalError,
    InvalidResponse,
)
from sidecar.providers.sink import Facts, Sink
from sidecar.values import BlockId, ExecutionId, FinishReason, Said, StreamChunk, Timing

logger = logging.getLogger(__name__)

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
        structured: Structured | None = None,
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
        self._structured = structured
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
    def execution_id(self) -> str:
        """Its own."""
        return self.id

    @property
    def begun(self) -> bool:
        """True once a chunk was published."""
        return self.state == "streaming"

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
                    await self._read_structured()
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

    async def _read_structured(self) -> None:
        said = self._transcript
        if self._structured is not None and said.is_text:
            try:
                said.parsed = await self._structured.read(said.content)
            except InvalidResponse as error:
                if said.finish_reason == "length":
                    error.hint = "The answer was cut off: raise `max_tokens`, or ask for less."
                raise

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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
