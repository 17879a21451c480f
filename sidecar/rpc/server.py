"""Requests in, answers and notifications out.

* `receive` never awaits a method: each request gets a task of its own, so that a slow one holds
  up nobody. Tasks start in the order in which their requests came.
* Every request goes through jsonrpcserver; chunks of streams never do.
* Methods are wrapped in `_invoke`, the one boundary between exceptions and the wire: an `AIError`
  becomes its error object, anything else `InternalError`, and its text goes to stderr only.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar, cast

import anyio
import msgspec
from anyio.abc import TaskGroup
from jsonrpcserver import Error, Result, Success, async_dispatch_to_serializable
from msgspec import Raw

from sidecar.errors import (
    AIError,
    ErrorData,
    ErrorObject,
    InternalError,
    InvalidRequest,
    MethodNotFound,
)
from sidecar.rpc import messages
from sidecar.rpc.lines import Overlong
from sidecar.rpc.messages import Batch, Failure, Invalid, Notification, Request
from sidecar.rpc.methods import Call, Method
from sidecar.rpc.params import decode_params

logger = logging.getLogger(__name__)

M = TypeVar("M")
_CALL_SIGNATURE = inspect.Signature([inspect.Parameter("call", inspect.Parameter.POSITIONAL_ONLY)])


class Outgoing(Protocol):
    """Where encoded lines go."""

    def send(self, line: bytes) -> None:
        """Queue one line."""


class Server:
    """Dispatches lines to the methods of one table, with `app` as their context."""

    def __init__(
        self, methods: Mapping[str, Method], app: object, outgoing: Outgoing, tasks: TaskGroup
    ) -> None:
        self._app = app
        self._outgoing = outgoing
        self._tasks = tasks
        self._methods = {name: self._invoke(name, method) for name, method in methods.items()}
        self._in_flight = 0
        self._idle = anyio.Event()

    async def idle(self) -> None:
        """Wait until every request that came has been answered."""
        while self._in_flight:
            await self._idle.wait()

    def receive(self, lines: list[bytes | Overlong]) -> None:
        """Take lines as they come; answers follow in their own time."""
        for line in lines:
            if isinstance(line, Overlong):
                self._answer(_to_failure(_overlong(line), messages.NULL))
                continue
            message = messages.decode(line)
            if isinstance(message, Request):
                self._start(self._run_one, message)
            elif isinstance(message, Batch):
                self._start(self._run_batch, message)
            else:
                self._answer(_to_failure(message.error, message.id))

    def notify(self, method: str, params: msgspec.Struct) -> None:
        """Send a notification."""
        self._outgoing.send(messages.encode(Notification("2.0", method, params)))

    def _start(self, run: Callable[[M], Awaitable[None]], message: M) -> None:
        async def counted() -> None:
            try:
                await run(message)
            finally:
                self._in_flight -= 1
                if not self._in_flight:
                    self._idle.set()
                    self._idle = anyio.Event()

        self._in_flight += 1
        self._tasks.start_soon(counted)

    async def _run_one(self, request: Request) -> None:
        call = Call(request)
        response = await self._dispatch(call)
        if response is not None:
            self._answer(response)
        call.answered()

    async def _run_batch(self, batch: Batch) -> None:
        answers: list[object] = [None] * len(batch.members)

        async def run(position: int, member: Request) -> None:
            call = Call(member, in_batch=True)
            answers[position] = await self._dispatch(call)
            call.answered()

        async with anyio.create_task_group() as group:
            for position, member in enumerate(batch.members):
                if isinstance(member, Invalid):
                    answers[position] = _to_failure(member.error, member.id)
                else:
                    group.start_soon(run, position, member)
        if given := [answer for answer in answers if answer is not None]:
            self._answer(given)

    async def _dispatch(self, call: Call) -> object | None:
        """Return what to answer, or None for a notification."""
        request: dict[str, object] = {"method": call.request.method}
        if not call.request.is_notification:
            request["id"] = call.request.id
        response = await async_dispatch_to_serializable(
            # Typed for text; with the identity as its deserializer it takes the request as it is.
            cast("str", request),
            methods=self._methods,
            context=call,
            deserializer=_identity,
            validator=_identity,
        )
        return _with_our_errors(call.request.method, self._methods, response)

    def _invoke(self, name: str, method: Method) -> Callable[[Call], Awaitable[Result]]:
        async def run(call: Call, /) -> Result:
            try:
                params = decode_params(method.params, call.request.params)
                result = await method.handler(self._app, params, call)
                return Success(Raw(msgspec.json.encode(result)))
            except AIError as error:
                found = error.to_object()
            except Exception:
                logger.exception("The method %s failed.", name)
                found = InternalError("Internal error.").to_object()
            if call.request.is_notification:
                logger.warning("The notification %s failed: %s", name, found.message)
            return Error(found.code, found.message, found.data)

        # jsonrpcserver binds the arguments to the signature at every call; a ready one is cheaper.
        cast("Any", run).__signature__ = _CALL_SIGNATURE
        return run

    def _answer(self, response: object) -> None:
        self._outgoing.send(messages.encode(response))


def _identity(value: Any) -> Any:  # noqa: ANN401 - the identity
    return value


def _overlong(line: Overlong) -> InvalidRequest:
    return InvalidRequest(
        f"A line is longer than {line.limit} bytes; it was discarded.",
        hint="Send large content as a URL, or in several requests.",
    )


def _to_failure(error: AIError, id_: Raw) -> Failure:
    return Failure("2.0", error.to_object(), id_)


def _with_our_errors(name: str, known: Mapping[str, object], response: object) -> object | None:
    """Give the library's own errors (unknown method, its own failure) this contract's `data`."""
    if not isinstance(response, dict) or "error" not in response:
        return response
    error = response["error"]
    if not isinstance(error.get("data"), ErrorData):
        response["error"] = _library_error(name, known, error["code"])
    return response


def _library_error(name: str, known: Mapping[str, object], code: int) -> ErrorObject:
    if code != MethodNotFound.code:
        logger.error("jsonrpcserver could not dispatch %s (code %s).", name, code)
        return InternalError("Internal error.").to_object()
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    return MethodNotFound(
        f"There is no method `{name[:100]}`.", hint=hint + MethodNotFound.default_hint
    ).to_object()
