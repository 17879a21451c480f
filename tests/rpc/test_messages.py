from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from sidecar.errors import AIError
from sidecar.rpc import messages
from sidecar.rpc.messages import MAX_BATCH, Batch, Invalid, Request


class Found(NamedTuple):
    error: AIError
    id: bytes


def decode_invalid(line: bytes) -> Found:
    found = messages.decode(line)
    assert isinstance(found, Invalid)
    assert found.id is not None
    return Found(found.error, bytes(found.id))


def decode_request(line: bytes) -> Request:
    found = messages.decode(line)
    assert isinstance(found, Request)
    return found


def test_a_request_keeps_its_parameters_and_its_id_as_they_came() -> None:
    request = decode_request(b'{"jsonrpc":"2.0","id":1.0,"method":"m","params":{"a": 1}}')
    assert (bytes(request.id), bytes(request.params)) == (b"1.0", b'{"a": 1}')  # type: ignore[arg-type]
    assert not request.is_notification


@pytest.mark.parametrize("id_", [b'"a"', b"7", b"-7", b"1.5", b"null", b"123456789012345678901234"])
def test_an_id_is_a_string_a_number_or_null(id_: bytes) -> None:
    request = decode_request(b'{"jsonrpc":"2.0","id":' + id_ + b',"method":"m"}')
    assert bytes(request.id) == id_  # type: ignore[arg-type]


@pytest.mark.parametrize("id_", [b"true", b"{}", b"[1]"])
def test_any_other_id_is_an_invalid_request_with_id_null(id_: bytes) -> None:
    found = decode_invalid(b'{"jsonrpc":"2.0","id":' + id_ + b',"method":"m"}')
    assert (found.error.code, found.id) == (-32600, b"null")


def test_without_an_id_it_is_a_notification() -> None:
    assert decode_request(b'{"jsonrpc":"2.0","method":"m"}').is_notification


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"not json",
        b'{"jsonrpc":"2.0","method":1,',
        b'{"a":"\xff"}',
        b'{"a":"\x00"}',
        b'[{"jsonrpc":"2.0","method":"m"},}]',
        b"[" * 100_000,
        b'{"jsonrpc":"2.0","method":"m","params":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"jsonrpc":"2.0","method":"m","params":{"a":"\\ud8"}}',
    ],
)
def test_what_is_not_json_in_utf_8_is_a_parse_error_with_id_null(line: bytes) -> None:
    found = decode_invalid(line)
    assert (found.error.code, found.id) == (-32700, b"null")
    assert found.error.hint


def test_invalid_utf_8_is_told_with_its_byte() -> None:
    assert "byte 6" in decode_invalid(b'{"a":"\xff"}').error.message


@pytest.mark.parametrize(
    "line",
    [
        b"1",
        b'"text"',
        b"{}",
        b'{"jsonrpc":"2.0"}',
        b'{"jsonrpc":"1.0","method":"m"}',
        b'{"method":"m"}',
        b'{"jsonrpc":"2.0","method":1}',
        b'{"jsonrpc":"2.0","method":"m","params":1}',
        b'{"jsonrpc":"2.0","method":"m","params":"bar"}',
        b'{"jsonrpc":"2.0","result":1}',
        b"[]",
    ],
)
def test_json_that_is_no_request_is_an_invalid_request(line: bytes) -> None:
    assert decode_invalid(line).error.code == -32600


def test_an_invalid_request_answers_to_its_id_where_it_has_one() -> None:
    assert bytes(decode_invalid(b'{"jsonrpc":"1.0","id":"x","method":"m"}').id) == b'"x"'


def test_each_member_of_a_batch_stands_for_itself() -> None:
    batch = messages.decode(b' [{"jsonrpc":"2.0","method":"m","id":1}, 1, {"jsonrpc":"2.0"}]')
    assert isinstance(batch, Batch)
    assert [type(member).__name__ for member in batch.members] == ["Request", "Invalid", "Invalid"]


def test_a_batch_has_a_limit() -> None:
    member = b'{"jsonrpc":"2.0","method":"m"}'
    fits = messages.decode(b"[" + b",".join([member] * MAX_BATCH) + b"]")
    assert isinstance(fits, Batch)
    over = decode_invalid(b"[" + b",".join([member] * (MAX_BATCH + 1)) + b"]")
    assert (over.error.code, str(MAX_BATCH) in over.error.message) == (-32600, True)


def test_a_line_is_one_line_whatever_the_text_holds() -> None:
    text = 'a\nb\r\u2028\u0085"\\\x00'
    line = messages.encode({"text": text})
    assert b"\n" not in line
    assert json.loads(line) == {"text": text}


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\ude00", b"x\\ud83dx", b"\\ude00\\ud83d"])
def test_a_lone_surrogate_is_told_with_its_path_and_its_request(half: bytes) -> None:
    found = decode_invalid(
        b'{"jsonrpc":"2.0","id":"7","method":"m","params":{"a":["ok",{"b":"' + half + b'"}]}}'
    )
    assert (found.error.code, found.error.path) == (-32602, "$.a[1].b")
    assert found.id == b'"7"'


def test_a_lone_surrogate_in_a_notification_is_answered_to_nobody() -> None:
    line = rb'{"jsonrpc":"2.0","method":"m","params":{"a":"\ud800"}}'
    found = messages.decode(line)
    assert isinstance(found, Invalid)
    assert found.id is None
    batch = messages.decode(b"[" + line + b"]")
    assert isinstance(batch, Batch)
    [member] = batch.members
    assert isinstance(member, Invalid)
    assert member.id is None


def test_a_pair_of_surrogates_is_a_character() -> None:
    request = decode_request(b'{"jsonrpc":"2.0","method":"m","params":{"a":"\\ud83d\\ude00"}}')
    assert json.loads(bytes(request.params)) == {"a": "\U0001f600"}  # type: ignore[arg-type]
