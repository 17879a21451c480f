"""JSON that strict readers refuse, and values of another kind than was agreed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.formats import lenient
from tests.providers.answers import answer, delta, streamed
from tests.providers.formats.openai_chat.saying import whole_answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@pytest.mark.parametrize("raw", ["\t", "\x00", "\x1f", "\r"])
def test_raw_control_characters_do_not_cost_the_answer(raw: str) -> None:
    body = whole_answer(content="aXb").replace(b"X", raw.encode())
    assert answer(body).content == f"a{raw}b"


def test_a_raw_tab_does_not_cost_the_stream() -> None:
    text = json.dumps(delta("stop", content="aXb")).replace("X", "\t")
    assert streamed(f"data: {text}\n\n".encode())[1].content == "a\tb"


def test_numbers_that_are_none_are_null() -> None:
    assert lenient.read(b"[NaN, Infinity, -Infinity, 1e999, 1.5]") == [None, None, None, None, 1.5]


def test_half_a_character_is_kept_where_more_may_come() -> None:
    body = rb'{"content": ["\ud83d"], "id": "\ud83d"}'
    assert lenient.read(body, ("content",)) == {"content": ["\ud83d"], "id": "\ufffd"}


@given(value=JSON)
def test_what_is_json_is_read_as_json(value: object) -> None:
    assert lenient.read(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), ("3", 3), (3.0, 3), (0, 0), (2**53, 2**53)],
)
def test_a_count_is_a_whole_number_however_it_is_written(value: object, expected: int) -> None:
    assert lenient.count(value) == expected


@pytest.mark.parametrize(
    "value", [True, -1, 1.5, 2**53 + 1, "", "-3", "3.5", "\u0663", "9" * 5000, [], None]
)
def test_what_is_no_whole_number_from_0_on_is_no_count(value: object) -> None:
    assert lenient.count(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3.0), (0.5, 0.5), (True, None), ("3", None), (float("nan"), None), (10**400, None)],
)
def test_an_amount_is_a_number_that_can_be_written(value: object, expected: float | None) -> None:
    assert lenient.amount(value) == expected


@given(value=st.integers() | st.floats() | st.text() | st.booleans())
def test_whatever_is_counted_nothing_is_raised(value: object) -> None:
    lenient.count(value)
    lenient.amount(value)
