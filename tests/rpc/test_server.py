"""Requests in, answers out, with methods of the test's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from sidecar.errors import Busy
from sidecar.handlers.models import NoParams
from sidecar.rpc.lines import Overlong
from sidecar.rpc.methods import Call, Method
from sidecar.rpc.server import Server
from sidecar.values import Said, Value

pytestmark = pytest.mark.anyio


class Text(Value, frozen=True):
    """A text."""

    text: str


class Heard(Said, frozen=True):
    """What was heard."""

    text: str


class Lines:
    """Where answers go, and a gate that some methods wait for."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.gate = anyio.Event()

    def send(self, line: bytes) -> None:
        assert b"\n" not in line
        self.sent.append(line)

    @property
    def found(self) -> list[Any]:
        return [json.loads(line) for line in self.sent]


def echo(_app: Lines, params: Text, _call: Call) -> Heard:
    """Echo."""
    return Heard(text=params.text)


async def wait(app: Lines, params: Text, call: Call) -> Heard:
    """Echo when the gate opens."""
    call.afterwards(lambda: app.sent.append(b'"afterwards"'))
    await app.gate.wait()
    return Heard(text=params.text)


def busy(_app: Lines, _params: NoParams, _call: Call) -> Heard:
    """Fail in a known way."""
    raise Busy("Too much.")


async def busy_later(app: Lines, params: NoParams, call: Call) -> Heard:
    """Fail in a known way, after a while."""
    await anyio.lowlevel.checkpoint()
    return busy(app, params, call)


def broken(_app: Lines, _params: NoParams, _call: Call) -> Heard:
    """Fail in an unknown way."""
    raise ZeroDivisionError("the secret of the house")


async def broken_later(app: Lines, params: NoParams, call: Call) -> Heard:
    """Fail in an unknown way, after a while."""
    await anyio.lowlevel.checkpoint()
    return broken(app, params, call)


def unwritable(_app: Lines, _params: NoParams, _call: Call) -> object:
    """Answer what no JSON can hold."""
    return object()


METHODS = {
    "echo": Method(Text, Heard, echo),
    "wait": Method(Text, Heard, wait),
    "busy": Method(NoParams, Heard, busy),
    "busy_later": Method(NoParams, Heard, busy_later),
    "broken": Method(NoParams, Heard, broken),
    "broken_later": Method(NoParams, Heard, broken_later),
    "unwritable": Method(NoParams, Heard, unwritable),
}


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, Lines]]:
    lines = Lines()
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            server = Server(METHODS, lines, lines, tasks, lambda _params, _but: None)
            yield server, lines
            lines.gate.set()
            await server.idle()
            tasks.cancel_scope.cancel()


def request(method: str, id_: object = 1, **params: object) -> bytes:
    message = {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}
    return json.dumps(message).encode()


def take(server: Server, *lines: bytes | Overlong) -> None:
    for line in lines:
        server.receive(line)


async def test_a_slow_one_holds_up_nobody() -> None:
    async with serving() as (server, lines):
        take(server, request("wait", 1, text="a"), request("echo", 2, text="b"))
        await anyio.wait_all_tasks_blocked()
        assert [each["id"] for each in lines.found] == [2]
    assert [each["result"] for each in lines.found if each != "afterwards"] == [
        {"text": "b"},
        {"text": "a"},
    ]


async def test_what_comes_afterwards_comes_after_the_answer() -> None:
    async with serving() as (server, lines):
        take(server, request("wait", 1, text="a"))
    assert lines.found[1:] == ["afterwards"]


async def test_idle_waits_for_every_answer() -> None:
    async with serving() as (server, lines):
        take(server, *(request("wait", number, text="") for number in range(20)))
    assert {each["id"] for each in lines.found if each != "afterwards"} == set(range(20))


@pytest.mark.parametrize("method", ["busy", "busy_later"])
async def test_an_error_of_the_interface_is_answered_as_it_is(method: str) -> None:
    async with serving() as (server, lines):
        take(server, request(method))
    [answer] = lines.found
    assert answer["error"]["code"] == -33006
    assert answer["error"]["message"] == "Too much."
    assert answer["error"]["data"] == {"kind": "busy", "hint": Busy.default_hint}


@pytest.mark.parametrize("method", ["broken", "broken_later", "unwritable"])
async def test_any_other_exception_is_internal_and_its_text_stays_here(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as (server, lines):
        take(server, request(method), request("echo", 2, text="on"))
    answers = {each["id"]: each for each in lines.found}
    assert answers[1]["error"]["code"] == -32603
    assert answers[1]["error"]["data"]["kind"] == "internal"
    assert "secret" not in str(lines.found)
    assert answers[2]["result"] == {"text": "on"}
    assert method in caplog.text


async def test_a_batch_is_answered_in_one_array_in_its_order() -> None:
    members = [
        request("wait", 1, text="a"),
        request("echo", 2, text="b"),
        request("broken", 3),
        b"{}",
        request("none", 5),
        request("busy_later", 6),
        b'{"jsonrpc":"2.0","method":"echo","params":{"text":"unheard"}}',
    ]
    async with serving() as (server, lines):
        take(server, b"[" + b",".join(members) + b"]", request("echo", 9, text="c"))
        await anyio.wait_all_tasks_blocked()
        assert [each["id"] for each in lines.found] == [9]
    [answers] = [each for each in lines.found if isinstance(each, list)]
    assert [each["id"] for each in answers] == [1, 2, 3, None, 5, 6]
    codes = [each.get("error", {}).get("code") for each in answers]
    assert codes == [None, None, -32603, -32600, -32601, -33006]


async def test_a_batch_of_notifications_is_not_answered() -> None:
    each = b'{"jsonrpc":"2.0","method":"%b"}'
    methods = (b"echo", b"busy", b"busy_later", b"none", b"broken_later")
    async with serving() as (server, lines):
        take(server, b"[" + b",".join(each % method for method in methods) + b"]")
        take(server, *(each % method for method in methods))
    assert lines.found == []


async def test_a_line_that_was_too_long_is_told() -> None:
    async with serving() as (server, lines):
        take(server, Overlong(5), request("echo", 2, text="on"))
    told, answer = lines.found
    assert (told["id"], told["error"]["code"]) == (None, -32600)
    assert "5 bytes" in told["error"]["message"]
    assert answer["result"] == {"text": "on"}


async def test_a_notification_of_its_own_is_one_line() -> None:
    async with serving() as (server, lines):
        server.notify("heard", Heard(text="a\nb"))
    assert lines.found == [{"jsonrpc": "2.0", "method": "heard", "params": {"text": "a\nb"}}]
