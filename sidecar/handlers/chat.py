"""Calling a model: call, stream, cancel, and finding a running execution again."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Literal

import anyio
import msgspec

from sidecar.engine.agent_block import Answer
from sidecar.engine.execution import Execution, Operation, Output, State
from sidecar.engine.structured import structured
from sidecar.errors import ErrorObject, InvalidParams
from sidecar.rpc.methods import Call
from sidecar.values import (
    AIRequest,
    BlockId,
    ExecutionId,
    ProviderName,
    Said,
    Value,
)

if TYPE_CHECKING:
    from sidecar.app import App


class CallParams(Value, frozen=True):
    """`provider` is left out for the active one."""

    request: AIRequest
    provider: ProviderName | None = None
    execution_id: ExecutionId | None = None
    block_id: BlockId | None = None
    output: Literal["response", "agent_block"] = "response"


class StreamAccepted(Said, frozen=True):
    """The stream runs; its chunks and its end come as notifications of this id."""

    execution_id: ExecutionId


class ExecutionParams(Value, frozen=True):
    """Names an execution."""

    execution_id: ExecutionId


class CancelResult(Said, frozen=True):
    """True for the call that stopped it; false where there was nothing (more) to stop."""

    cancelled: bool


class ListExecutionsParams(Value, frozen=True):
    """With `include_ended`, also those that ended within the last minutes."""

    include_ended: bool = False


class ExecutionInfo(Said, frozen=True):
    """One execution."""

    execution_id: ExecutionId
    state: State
    provider: str
    model: str
    streams: bool
    seq: int
    created_at: int
    block_id: BlockId | None = None
    metadata: dict[str, str] | None = None


class ListExecutionsResult(Said, frozen=True):
    """Oldest first."""

    executions: list[ExecutionInfo]


class AttachResult(Said, frozen=True):
    """What was said so far; notifications go on at `seq` + 1."""

    execution_id: ExecutionId
    state: State
    seq: int
    response: Answer
    error: ErrorObject | None = None


def call_ai_provider(app: App, params: CallParams, call: Call) -> Coroutine[None, None, Answer]:
    """Ask a model and answer when it is done.

    With `request.stream: true` the stream's notifications come first. A cancelled call answers
    with error -32800.
    """
    streams = params.request.stream
    execution, run = _create(app, params, params.request, call, streams=streams)
    app.executions.start(execution, run)
    return _answer_of(execution)


def stream_ai_provider(app: App, params: CallParams, call: Call) -> StreamAccepted:
    """Ask a model and answer at once; chunks and one end follow as notifications.

    Bad parameters, an unknown provider, a missing key or a duplicate id answer as an error, and no
    stream exists. Everything later arrives in `ai_stream_end`.
    """
    request = msgspec.structs.replace(params.request, stream=True)
    execution, run = _create(app, params, request, call, streams=True)
    call.afterwards(lambda: app.executions.start(execution, run))
    return StreamAccepted(execution_id=execution.id)


def cancel_execution(app: App, params: ExecutionParams, call: Call) -> CancelResult:
    """Stop an execution. Never an error; the provider's connection is closed at once."""
    del call
    return CancelResult(cancelled=app.executions.cancel(params.execution_id))


def list_executions(app: App, params: ListExecutionsParams, call: Call) -> ListExecutionsResult:
    """List what runs."""
    del call
    found = app.executions.listing(ended=params.include_ended)
    return ListExecutionsResult(executions=[_info(each) for each in found])


def attach_execution(app: App, params: ExecutionParams, call: Call) -> AttachResult:
    """Return what an execution has said so far, for a front end that was reloaded."""
    del call
    found = app.executions.get(params.execution_id)
    return AttachResult(
        execution_id=found.id,
        state=found.state,
        seq=found.seq,
        response=found.response(),
        error=found.error.to_object() if found.error else None,
    )


def _create(
    app: App, params: CallParams, request: AIRequest, call: Call, *, streams: bool
) -> tuple[Execution, Operation]:
    """Enter the execution; return it and what it has to run.

    Whoever calls this must not have waited before: a cancel on the next line must find it.
    """
    if streams and call.in_batch and params.execution_id is None:
        message = "A stream in a batch must name its execution_id."
        hint = "Its chunks may come before the batch's answer does."
        raise InvalidParams(message, path="$.execution_id", hint=hint)
    row, model, run = app.manager.prepare(params.provider, request, params.execution_id)
    output: Output = params.output
    execution = app.executions.create(
        params.execution_id,
        provider=row.vendor.name,
        model=model,
        streams=streams,
        block_id=params.block_id,
        output=output,
        metadata=request.metadata,
        structured=structured(request.response_format),
    )
    return execution, run


async def _answer_of(execution: Execution) -> Answer:
    # Whatever ends the waiting ends the execution as well, and that is what is answered.
    with anyio.CancelScope(shield=True):
        await execution.ended.wait()
    if execution.error is not None:
        raise execution.error
    return execution.response()


def _info(execution: Execution) -> ExecutionInfo:
    return ExecutionInfo(
        execution_id=execution.id,
        state=execution.state,
        provider=execution.provider,
        model=execution.model,
        streams=execution.streams,
        seq=execution.seq,
        created_at=execution.created_at,
        block_id=execution.block_id,
        metadata=execution.metadata,
    )
