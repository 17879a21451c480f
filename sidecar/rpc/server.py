"""Requests in, answers and notifications out.

* Every request goes through jsonrpcserver; chunks of streams never do.
* Requests are dispatched at once and in the order in which they came. A method that has to wait
  returns a coroutine, which runs in a task of its own: a slow one holds up nobody. One that has
  not, like a ping or a cancel, is answered before the next line is looked at.
* Methods are wrapped in `_invoke`. There and in `_settle` is the one boundary between exceptions
  and the wire: an `AIError` becomes its error object, anything else `InternalError`, whose text
  goes to stderr only.
"""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any, Protocol, cast

import anyio
import msgspec
from anyio.abc import TaskGroup
from jsonrpcserver import Error, Result, Success, dispatch_to_serializable
from msgspec import Raw, UnsetType

from sidecar.errors import (
    AIError,
    Busy,
    Cancelled,
    ErrorData,
    ErrorObject,
    InternalError,
    InvalidRequest,
    MethodNotFound,
)
from sidecar.rpc import messages
from sidecar.rpc.lines import Overlong
from sidecar.rpc.messages import Batch, Failure, Invalid, Notification, Request, Response
from sidecar.rpc.methods import Call, Method
from sidecar.rpc.params import decode_params

logger = logging.getLogger(__name__)

MAX_BATCH_ANSWER = 32 * 1024 * 1024

_AFTER_SHUTDOWN = "Ask again once the sidecar has been started anew."

_CALL_SIGNATURE = inspect.Signature([inspect.Parameter("call", inspect.Parameter.POSITIONAL_ONLY)])


class Outgoing(Protocol):
    """Where encoded lines go."""

    def send(self, line: bytes) -> None:
        """Queue one line."""


class Server:
    """Dispatches lines to the methods of one table, with `app` as their context.

    `look_at` sees the parameters before anybody else, and the names of those in which secrets may
    be; it raises an `AIError` for what must not go on.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        app: object,
        outgoing: Outgoing,
        tasks: TaskGroup,
        look_at: Callable[[Raw, Collection[str]], None],
    ) -> None:
        self._app = app
        self._look_at = look_at
        self._outgoing = outgoing
        self._tasks = tasks
        self._methods = {name: self._invoke(method) for name, method in methods.items()}
        self._in_flight = 0
        self._idle = anyio.Event()
        self._waiting: set[anyio.CancelScope] = set()

    async def idle(self) -> None:
        """Wait until every request that came has been answered."""
        while self._in_flight:
            await self._idle.wait()

    def cancel_all(self) -> None:
        """Stop every method that waits; each is answered with `Cancelled`."""
        for scope in self._waiting:
            scope.cancel()

    def receive(self, line: bytes | Overlong) -> None:
        """Take one line. Never waits for a method."""
        if isinstance(line, Overlong):
            self._answer(_to_failure(_overlong(line), messages.NULL))
            return
        try:
            self._receive(messages.decode(line))
        except Exception:
            # Nothing may keep the lines behind this one from being looked at.
            logger.exception("A line could not be dispatched.")
            self._answer(_to_failure(InternalError("Internal error."), messages.NULL))

    def _receive(self, message: Request | Batch | Invalid) -> None:
        if isinstance(message, Request):
            self._receive_one(Call(message))
        elif isinstance(message, Batch):
            self._receive_batch(message)
        elif (answer := _refusal(message)) is not None:
            self._answer(answer)

    def notify(self, method: str, params: msgspec.Struct) -> None:
        """Send a notification."""
        self._outgoing.send(messages.encode(Notification("2.0", method, params)))

    def _receive_one(self, call: Call) -> None:
        response = self._dispatch(call)
        if call.pending is None:
            self._respond(call, response)
        else:
            self._start(self._respond_later, call)

    async def _respond_later(self, call: Call) -> None:
        self._respond(call, await self._settle(call))

    def _respond(self, call: Call, response: object | None) -> None:
        if response is not None:
            self._answer(response)
        call.answered()

    def _receive_batch(self, batch: Batch) -> None:
        answers: list[object | None] = []
        waiting: dict[int, Call] = {}
        size = 0
        for position, member in enumerate(batch.members):
            size += _size(answers[-1]) if answers else 0
            if isinstance(member, Invalid):
                answers.append(_refusal(member))
                continue
            if size > MAX_BATCH_ANSWER:
                answers.append(_refused(member))
                continue
            call = Call(member, in_batch=True)
            answers.append(self._dispatch(call))
            if call.pending is None:
                call.answered()
            else:
                waiting[position] = call
        if waiting:
            self._start(self._finish_batch, answers, waiting)
        else:
            self._answer_batch(answers)

    async def _finish_batch(self, answers: list[object | None], waiting: dict[int, Call]) -> None:
        async def finish(position: int, call: Call) -> None:
            answers[position] = await self._settle(call)
            call.answered()

        async with anyio.create_task_group() as group:
            for position, call in waiting.items():
                group.start_soon(finish, position, call)
        self._answer_batch(answers)

    def _answer_batch(self, answers: list[object | None]) -> None:
        if given := [answer for answer in answers if answer is not None]:
            self._answer(given)

    def _start(self, run: Callable[..., Awaitable[None]], *arguments: object) -> None:
        async def counted() -> None:
            try:
                await run(*arguments)
            finally:
                self._in_flight -= 1
                if not self._in_flight:
                    self._idle.set()
                    self._idle = anyio.Event()

        self._in_flight += 1
        self._tasks.start_soon(counted)

    def _dispatch(self, call: Call) -> object | None:
        """Return what to answer, or None for a notification; `call.pending` says to wait."""
        request: dict[str, object] = {"method": call.request.method}
        if not call.request.is_notification:
            request["id"] = call.request.id
        response = dispatch_to_serializable(
            # Typed for text; with the identity as its deserializer it takes the request as it is.
            cast("str", request),
            self._methods,
            context=call,
            deserializer=_identity,
            validator=_identity,
        )
        return _with_our_errors(call.request.method, self._methods, response)

    def _invoke(self, method: Method) -> Callable[[Call], Result]:
        def run(call: Call, /) -> Result:
            try:
                given = call.request.params
                if not isinstance(given, UnsetType):
                    self._look_at(given, method.secrets)
                params = decode_params(method.params, given)
                outcome = method.handler(self._app, params, call)
                if isinstance(outcome, Coroutine):
                    call.pending = outcome
                    return Success(None)
                return Success(Raw(messages.encode(outcome)))
            except Exception as error:  # noqa: BLE001 - the boundary
                found = _explain(call, error)
                return Error(found.code, found.message, found.data)

        # jsonrpcserver binds the arguments to the signature at every call; a ready one is cheaper.
        cast("Any", run).__signature__ = _CALL_SIGNATURE
        return run

    async def _settle(self, call: Call) -> object | None:
        """Wait for a method, and return what to answer."""
        assert call.pending is not None  # noqa: S101 - who calls this has looked
        error: Exception = Cancelled("The sidecar was shut down.", hint=_AFTER_SHUTDOWN)
        answer: Response | Failure | None = None
        with anyio.CancelScope() as scope:
            self._waiting.add(scope)
            try:
                outcome = Raw(messages.encode(await call.pending))
                answer = Response("2.0", outcome, call.answer_id)
            except Exception as found:  # noqa: BLE001 - the boundary
                error = found
            finally:
                self._waiting.discard(scope)
        if answer is None:
            answer = Failure("2.0", _explain(call, error), call.answer_id)
        return None if call.request.is_notification else answer

    def _answer(self, response: object) -> None:
        self._outgoing.send(messages.encode(response))


def _explain(call: Call, error: Exception) -> ErrorObject:
    """Turn whatever a method raised into its error object."""
    if isinstance(error, AIError):
        found = error.to_object()
    else:
        logger.error("The method %s failed.", call.request.method, exc_info=error)
        found = InternalError("Internal error.").to_object()
    if call.request.is_notification:
        logger.warning("The notification %s failed: %s", call.request.method, found.message)
    return found


def _identity(value: Any) -> Any:  # noqa: ANN401 - the identity
    return value


def _overlong(line: Overlong) -> InvalidRequest:
    return InvalidRequest(
        f"A line is longer than {line.limit} bytes; it was discarded.",
        hint="Send large content as a URL, or in several requests.",
    )


def _size(answer: object | None) -> int:
    result = answer.get("result") if isinstance(answer, dict) else None
    return len(bytes(result)) if isinstance(result, Raw) else 0


def _refusal(message: Invalid) -> Failure | None:
    if message.id is None:
        logger.warning("A notification was refused: %s", message.error.message)
        return None
    return _to_failure(message.error, message.id)


def _refused(member: Request) -> Failure | None:
    """Answer for a member whose batch has said enough."""
    if isinstance(member.id, UnsetType):
        return None
    message = f"The answers of this batch are larger than {MAX_BATCH_ANSWER} bytes."
    return _to_failure(Busy(message, hint="Send these requests one by one."), member.id)


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
    close = difflib.get_close_matches(name[:100], known, n=1)
    hint = f"Did you mean `{close[0]}`? " if close else ""
    return MethodNotFound(
        f"There is no method `{name[:100]}`.", hint=hint + MethodNotFound.default_hint
    ).to_object()
