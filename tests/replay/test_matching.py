from __future__ import annotations

import json

import pytest

from sidecar.replay.matching import Difference, Expectations
from sidecar.replay.session import Pattern


def difference(pattern: object, came: object) -> Difference | None:
    found = Expectations().match([Pattern(1, pattern)], json.dumps(came).encode())
    return found.difference if found else None


@pytest.mark.parametrize(
    ("pattern", "came"),
    [
        ({"a": 1, "b": [2]}, {"b": [2], "a": 1}),
        (1, 1.0),
        ("$any", None),
        ({"a": "$any"}, {"a": {"deep": [1]}}),
        ("$string", "text"),
        ("$number", 1.5),
        ("$set:name", {"any": "value"}),
        ("$.request.model", "$.request.model"),
        ({"a": "$set:x", "b": "$get:x"}, {"a": [1], "b": [1]}),
    ],
)
def test_these_fit(pattern: object, came: object) -> None:
    assert difference(pattern, came) is None


@pytest.mark.parametrize(
    ("pattern", "came", "expected"),
    [
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, Difference("$.a.b[1]", "2", "3")),
        ({"a": 1}, {}, Difference("$.a", "1", "nothing")),
        ({}, {"a": None}, Difference("$.a", "nothing", "null")),
        ([1], [1, 2], Difference("$[1]", "nothing", "2")),
        ([1, 2], [1], Difference("$[1]", "2", "nothing")),
        (1, True, Difference("$", "1", "true")),
        (0, None, Difference("$", "0", "null")),
        ("$number", "1", Difference("$", '"$number"', '"1"')),
        ("$number", True, Difference("$", '"$number"', "true")),
        ("$string", 1, Difference("$", '"$string"', "1")),
        ({"a": "$any"}, {}, Difference("$.a", '"$any"', "nothing")),
        ({"a": "$set:x", "b": "$get:x"}, {"a": 1, "b": 2}, Difference("$.b", "1", "2")),
        ("é", "e", Difference("$", '"é"', '"e"')),
    ],
)
def test_the_first_difference_has_its_path(
    pattern: object, came: object, expected: Difference
) -> None:
    assert difference(pattern, came) == expected


def test_two_long_texts_are_shown_from_shortly_before_they_part() -> None:
    found = difference("x" * 5000 + "a", "x" * 5000 + "b")
    assert found == Difference("$", f'… "{"x" * 40}a"', f'… "{"x" * 40}b"')


@pytest.mark.parametrize("line", [b"nonsense", b'{"a": NaN}', b'"\xff"', b""])
def test_what_is_not_json_does_not_fit_even_any(line: bytes) -> None:
    found = Expectations().match([Pattern(7, "$any")], line)
    assert found is not None
    assert (found.line, found.difference.expected) == (7, "JSON")


def test_a_value_is_kept_only_from_a_line_that_fits() -> None:
    expectations = Expectations()
    pattern = Pattern(1, {"a": "$set:x", "b": 1})
    assert expectations.match([pattern], b'{"a": "no", "b": 2}')
    assert expectations.kept == {}
    assert expectations.match([pattern], b'{"a": "yes", "b": 1}') is None
    assert expectations.kept == {"x": "yes"}


def test_notifications_may_come_only_where_they_are_allowed_and_until_the_next_line() -> None:
    expectations = Expectations()
    note = b'{"jsonrpc": "2.0", "method": "note"}'
    assert not expectations.is_allowed(note)
    expectations.allow("note")
    expectations.allow("other")
    assert expectations.is_allowed(note)
    assert not expectations.is_allowed(b'{"jsonrpc": "2.0", "id": 1, "method": "note"}')
    assert not expectations.is_allowed(b"nonsense")
    assert expectations.match([Pattern(1, 1)], b"2")
    assert expectations.is_allowed(note)
    assert expectations.match([Pattern(1, 1)], b"1") is None
    assert not expectations.is_allowed(note)


def test_the_lines_of_a_group_come_in_any_order_each_once() -> None:
    expectations = Expectations()
    waiting = [Pattern(1, 1), Pattern(2, 2)]
    assert expectations.match(waiting, b"2") is None
    assert expectations.match(waiting, b"2")
    assert expectations.match(waiting, b"1") is None
    assert waiting == []


def test_in_a_group_the_difference_is_to_the_line_that_was_meant() -> None:
    waiting = [Pattern(1, {"id": 1, "result": 0}), Pattern(2, {"id": 2, "result": 0})]
    found = Expectations().match(waiting, b'{"id": 2, "result": 5}')
    assert found is not None
    assert (found.line, found.difference) == (2, Difference("$.result", "0", "5"))
