from __future__ import annotations

from msgspec import Struct

from sidecar.rpc import messages
from sidecar.rpc.messages import NULL, Request
from sidecar.rpc.methods import Call, Method, NotificationType


class Params(Struct):
    """What is told.

    In two paragraphs.
    """


class One(Struct):
    """One result."""


class Other(Struct):
    """Another one."""


def handle(_app: object, _params: Params, _call: Call) -> One:
    """Do it.

    In two paragraphs.
    """
    return One()


def request(line: bytes) -> Request:
    found = messages.decode(line)
    assert isinstance(found, Request)
    return found


def test_the_summary_is_the_docstring_in_one_line() -> None:
    assert Method(Params, One, handle).summary == "Do it. In two paragraphs."
    assert NotificationType(Params).summary == "What is told. In two paragraphs."


def test_results_are_one_or_several() -> None:
    assert Method(Params, One, handle).results == (One,)
    assert Method(Params, (One, Other), handle).results == (One, Other)


def test_an_answer_goes_to_the_id_as_it_came_and_to_null_where_none_was_given() -> None:
    with_id = Call(request(b'{"jsonrpc":"2.0","id":1.0,"method":"ping"}'))
    assert bytes(with_id.answer_id) == b"1.0"
    without = Call(request(b'{"jsonrpc":"2.0","method":"ping"}'))
    assert without.answer_id is NULL


def test_what_comes_afterwards_is_done_in_its_order_and_not_before_the_answer() -> None:
    call = Call(request(b'{"jsonrpc":"2.0","id":1,"method":"ping"}'))
    done: list[int] = []
    call.afterwards(lambda: done.append(1))
    call.afterwards(lambda: done.append(2))
    assert done == []
    call.answered()
    assert done == [1, 2]
