"""Local models, served by a worker process that may crash, hang or be killed at any time.

* The worker is started by the first request, and again by the first one after it ended. It ends
  by itself when nobody asked for anything for `keep_alive_s`, which gives the memory back.
* One piece of work (a chat, a count, an embedding) is done at a time; the others wait in order.
  `_turn` is held by whoever uses the worker.
* Who is cancelled leaves at once. The worker is then brought to rest in the background, or killed
  where that takes longer than `cancel_grace_s`; only the next request waits for it.
* An answer is read no faster than the sink takes it, and the worker writes no faster than it is
  read: the pipe between them is the only buffer.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeGuard

import anyio
from anyio.abc import TaskGroup

from sidecar.errors import (
    AIError,
    Cancelled,
    ComponentMissing,
    ContextLength,
    InvalidResponse,
    ModelNotFound,
    RequestRejected,
    WorkerCrashed,
)
from sidecar.local.models import LocalModel
from sidecar.local.process import WorkerProcess
from sidecar.local.protocol import Answer, Cancel, Chunk, Done, Failed, Vector, Work
from sidecar.local.requests import left_out, to_chat, to_count, to_embed
from sidecar.providers.format import Embedded
from sidecar.providers.sink import Facts, Sink
from sidecar.values import AIRequest, EmbedRequest, StreamChunk, TokenUsage

logger = logging.getLogger(__name__)

_STARTING = 0
_CLOSED = "local models are shut down"
_REFUSALS: dict[str, type[AIError]] = {
    refusal.kind: refusal
    for refusal in (
        ContextLength,
        ModelNotFound,
        RequestRejected,
        ComponentMissing,
        InvalidResponse,
    )
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor waits, in seconds.

    `keep_alive_s`: before an idle worker is ended. `cancel_grace_s`: until cancelled work has
    stopped. `start_s`: until a new worker is ready. `end_grace_s`: until a worker whose stdin was
    closed is gone.
    """

    keep_alive_s: float = 300.0
    cancel_grace_s: float = 2.0
    start_s: float = 60.0
    end_grace_s: float = 1.0


class _Lease:
    """A worker and the id of the work that it is busy with; None at rest, `_STARTING` at first."""

    __slots__ = ("busy", "process")

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.busy: int | None = _STARTING


class Supervisor:
    """Has local models work. Its background tasks live in `tasks`."""

    def __init__(
        self,
        tasks: TaskGroup,
        *,
        environment: Mapping[str, str],
        command: Sequence[str],
        patience: Patience = Patience(),
    ) -> None:
        self._tasks = tasks
        self._environment = environment
        self._command = command
        self._patience = patience
        self._turn = anyio.Semaphore(1)
        self._ids = itertools.count(_STARTING + 1)
        self._lease: _Lease | None = None
        self._retirement: anyio.CancelScope | None = None
        self._closed = False

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id, while there is one."""
        lease = self._lease
        return lease.process.pid if lease and lease.process.alive else None

    async def chat(self, request: AIRequest, model: LocalModel, sink: Sink) -> None:
        """Stream one answer into `sink`; its last chunk has finish reason and usage.

        Raises `RequestRejected`, `ContextLength`, `ModelNotFound`, `ComponentMissing`,
        `WorkerCrashed`, and `Cancelled` where the supervisor is closed.
        """
        chat = to_chat(request, model, next(self._ids))
        async with self._doing(chat) as lease:
            _tell(sink.facts, request, model)
            sink.sent()
            await _forward(lease, sink)

    async def count(self, request: AIRequest, model: LocalModel, facts: Facts) -> int:
        """Return how many tokens the prompt of a chat would have. Raises as `chat` does."""
        count = to_count(request, model, next(self._ids))
        async with self._doing(count) as lease:
            _tell(facts, request, model)
            while not isinstance(answer := await _next(lease), Done):
                continue
        return answer.usage.prompt_tokens

    async def embed(self, request: EmbedRequest, model: LocalModel, facts: Facts) -> Embedded:
        """Return a vector of length 1 for each text, in order. Raises as `chat` does."""
        embed = to_embed(request, model, next(self._ids))
        vectors: list[list[float]] = []
        async with self._doing(embed) as lease:
            facts.model = model.id
            while not isinstance(answer := await _next(lease), Done):
                if isinstance(answer, Vector):
                    vectors.append(answer.numbers)
        return Embedded(vectors, _usage(answer))

    @asynccontextmanager
    async def _doing(self, work: Work) -> AsyncIterator[_Lease]:
        """Wait for the turn, give the worker its work, and lend it until the work has ended."""
        await self._turn.acquire()
        self._put_off_retirement()
        try:
            lease = await self._worker_at_rest()
            lease.busy = work.id
            await lease.process.send(work)
            yield lease
        except (WorkerCrashed, ComponentMissing) as error:
            self._discard()
            if self._closed:
                raise Cancelled(_CLOSED) from error
            raise
        finally:
            self._hand_back()

    async def close(self) -> None:
        """End the worker. Work that is not done is cancelled; no other is taken."""
        self._closed = True
        self._put_off_retirement()
        lease, self._lease = self._lease, None
        if lease:
            await lease.process.end(self._patience.end_grace_s)

    async def _worker_at_rest(self) -> _Lease:
        """Return a worker that waits for commands, started where there is none."""
        if self._closed:
            raise Cancelled(_CLOSED)
        if self._lease and not self._lease.process.alive:
            self._discard()  # it died between two requests: nothing is lost
        if self._lease is None:
            process = await WorkerProcess.spawn(self._command, self._environment, self._tasks)
            self._lease = _Lease(process)
            await process.ready(self._patience.start_s)
            self._lease.busy = None
        return self._lease

    def _hand_back(self) -> None:
        """Give the turn to the next request, once the worker is at rest or gone."""
        lease = self._lease
        if lease is None or lease.busy is None:
            self._release()
        else:
            self._tasks.start_soon(self._settle, lease)

    async def _settle(self, lease: _Lease) -> None:
        """Bring a worker to rest whose caller has left, or end it."""
        try:
            with anyio.move_on_after(self._patience.cancel_grace_s):
                await _stop(lease)
        except AIError as error:
            logger.info("a worker ended instead of stopping: %s", error)
        finally:
            if lease.busy is not None:
                self._discard()
            self._release()

    def _release(self) -> None:
        self._turn.release()
        if self._lease:
            self._retirement = anyio.CancelScope()
            self._tasks.start_soon(self._retire, self._lease, self._retirement)

    async def _retire(self, lease: _Lease, scope: anyio.CancelScope) -> None:
        """End a worker that nobody asked for anything for a while."""
        with scope:
            await anyio.sleep(self._patience.keep_alive_s)
            try:
                self._turn.acquire_nowait()
            except anyio.WouldBlock:
                return
            try:
                self._lease = None
                await lease.process.end(self._patience.end_grace_s)
            finally:
                self._turn.release()

    def _put_off_retirement(self) -> None:
        if self._retirement:
            self._retirement.cancel()
            self._retirement = None

    def _discard(self) -> None:
        """Kill the worker, if it is not dead yet; the next request starts another."""
        lease, self._lease = self._lease, None
        if lease:
            lease.process.kill()
            self._tasks.start_soon(lease.process.reap)


async def _forward(lease: _Lease, sink: Sink) -> None:
    """Pass the answer to a chat on, to its end."""
    while not isinstance(answer := await _next(lease), Done):
        if isinstance(answer, Chunk):
            sink.emit(StreamChunk(content=answer.content))
            if sink.crowded:
                await sink.room()
    sink.emit(StreamChunk(finish_reason=answer.finish_reason, usage=_usage(answer)))


async def _next(lease: _Lease) -> Answer:
    """Return what the worker says next; with the `Done` of its work it is at rest.

    Raises the error of a `Failed`, with which it is, too.
    """
    while True:
        answer = await lease.process.answer()
        if not isinstance(answer, Done | Failed):
            return answer
        if _ends(answer, lease):
            lease.busy = None
            if isinstance(answer, Failed):
                raise _refusal(answer)
            return answer


async def _stop(lease: _Lease) -> None:
    """Cancel what the worker does and wait until it has stopped."""
    if lease.busy == _STARTING:
        await lease.process.ready(math.inf)
        lease.busy = None
    elif lease.busy is not None:
        await lease.process.send(Cancel(id=lease.busy))
        while not _ends(await lease.process.answer(), lease):
            continue
        lease.busy = None


def _ends(answer: Answer, lease: _Lease) -> TypeGuard[Done | Failed]:
    return isinstance(answer, Done | Failed) and answer.id == lease.busy


def _tell(facts: Facts, request: AIRequest, model: LocalModel) -> None:
    facts.model = model.id
    for warning in left_out(request):
        facts.warn(warning)


def _usage(done: Done) -> TokenUsage:
    usage = done.usage
    return TokenUsage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.prompt_tokens + usage.completion_tokens,
        cached_tokens=usage.cached_tokens,
    )


def _refusal(failed: Failed) -> AIError:
    kind = _REFUSALS.get(failed.kind, WorkerCrashed)
    return kind(failed.message, hint=failed.hint, path=failed.path)
