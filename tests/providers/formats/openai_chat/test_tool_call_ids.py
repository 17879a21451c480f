"""Ids of tool calls: missing, late, shared, and another one each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.formats.openai_chat.tool_calls import ToolCalls
from sidecar.providers.formats.openai_chat.wire import CallDelta, Function
from tests.providers.formats.openai_chat.calling import TWO, calls_of, feed, piece


def test_one_id_at_several_indexes_is_several_calls() -> None:
    deltas = feed(
        [piece('{"x": 1}', name="f", index=0, call_id="same")],
        [piece('{"y"', name="g", index=1, call_id="same")],
        [piece(": 2}", index=1, call_id="same")],
    )
    assert calls_of(deltas) == [("same", "f", '{"x": 1}'), ("call_r1_1", "g", '{"y": 2}')]


@pytest.mark.parametrize("names", ["fg", "ff"])
def test_one_id_at_several_indexes_in_one_chunk_is_several_calls(names: str) -> None:
    deltas = feed(
        [piece("", name=name, index=at, call_id="a") for at, name in enumerate(names)],
        [piece('{"x": 1}', index=0)],
        [piece('{"y"', index=1)],
        [piece(": 2}", index=1, call_id="a")],
    )
    assert calls_of(deltas) == [("a", "f", '{"x": 1}'), ("call_r1_1", names[1], '{"y": 2}')]


def test_one_id_under_another_name_at_another_index_is_another_call() -> None:
    deltas = feed(
        [piece("", name="f", index=0, call_id="a")],
        [piece("", name="g", index=1, call_id="a")],
        [piece("{}", index=0), piece("[]", index=1)],
    )
    assert calls_of(deltas) == [("a", "f", "{}"), ("call_r1_1", "g", "[]")]


def test_a_call_whose_index_moves_is_one_call() -> None:
    deltas = feed(
        [piece('{"x"', name="f", index=0, call_id="a")],
        [piece(": 1}", name="f", index=1, call_id="a")],
    )
    assert calls_of(deltas) == TWO[:1]


@pytest.mark.parametrize(("index", "name"), [(None, None), (0, None), (0, "f")])
def test_an_id_that_comes_after_the_name_is_too_late_and_tears_nothing(
    index: int | None, name: str | None
) -> None:
    deltas = feed(
        [piece('{"x"', name="f", index=index)],
        [piece(":", name=name, index=index, call_id="x")],
        [piece(" 1}", index=index, call_id="x")],
    )
    assert calls_of(deltas) == [("call_r1_0", "f", '{"x": 1}')]


def test_an_id_that_comes_late_names_its_call_from_then_on() -> None:
    deltas = feed(
        [piece("", name="f", index=0), piece("", name="g", index=1)],
        [piece('{"x"', index=0, call_id="a"), piece('{"y"', index=1, call_id="b")],
        [piece(": 1}", call_id="a"), piece(": 2}", call_id="b")],
    )
    assert calls_of(deltas) == [("call_r1_0", "f", '{"x": 1}'), ("call_r1_1", "g", '{"y": 2}')]


@pytest.mark.parametrize("index", [None, 0])
def test_another_id_in_each_piece_tears_nothing(index: int | None) -> None:
    deltas = feed(
        [piece("", name="f", index=index, call_id="a")],
        [piece('{"x"', index=index, call_id="b")],
        [piece(": {}", index=index, call_id="c")],
        [piece("}", index=index, call_id="d")],
        [piece("\n", index=index, call_id="e")],
        [piece("", index=index, call_id="f")],
        [piece('{"y": 2}', name="g", index=index, call_id="g")],
    )
    assert calls_of(deltas) == [("a", "f", '{"x": {}}\n'), ("g", "g", '{"y": 2}')]


def test_another_id_after_whole_arguments_starts_a_call_also_without_a_name() -> None:
    deltas = feed(
        [piece('{"x": 1}', name="f", index=0, call_id="a")],
        [piece('{"y": 2}', index=0, call_id="b")],
    )
    assert calls_of(deltas) == [TWO[0], ("b", "", '{"y": 2}')]


def test_calls_without_names_are_kept_apart_too() -> None:
    deltas = feed(
        [piece('{"x": 1}', index=0, call_id="a")], [piece('{"y": 2}', index=0, call_id="b")]
    )
    assert calls_of(deltas) == [("a", "", '{"x": 1}'), ("b", "", '{"y": 2}')]


def test_without_an_index_a_name_may_come_after_its_id() -> None:
    deltas = feed([piece(call_id="a")], [piece(name="f")], [piece('{"x": 1}')])
    assert calls_of(deltas) == TWO[:1]


def test_the_id_null_is_no_id() -> None:
    deltas = feed(
        [piece('{"x"', name="f", index=0, call_id="null")],
        [piece(": 1}", index=0, call_id="null")],
        [piece('{"y": 2}', name="g", index=0, call_id="null")],
    )
    assert calls_of(deltas) == [("call_r1_0", "f", '{"x": 1}'), ("call_r1_1", "g", '{"y": 2}')]


@given(
    cuts=st.lists(st.integers(0, 30), max_size=6),
    ids=st.sampled_from(["none", "first", "late", "every time", "another each time"]),
    index=st.sampled_from([None, 0]),
)
def test_arguments_in_any_pieces_are_one_call_wherever_its_id_stands(
    cuts: list[int], ids: str, index: int | None
) -> None:
    arguments = '{"a": {"b": {}}, "c": "}"}'
    ends = [*sorted(cuts), len(arguments)]
    chunks = []
    for at, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        told = {
            "none": None,
            "first": None if at else "x",
            "late": "x" if at == 1 else None,
            "every time": "x",
            "another each time": f"x{at}",
        }[ids]
        name = None if at else "f"
        chunks.append([piece(arguments[start:end], name=name, index=index, call_id=told)])
    assert [call[1:] for call in calls_of(feed(*chunks))] == [("f", arguments)]


def test_calls_without_ids_get_the_same_ids_at_every_decoding() -> None:
    chunks = [[piece("{}", name="f", index=0), piece("{}", name="g", index=1)]]
    expected = [("call_r1_0", "f", "{}"), ("call_r1_1", "g", "{}")]
    assert calls_of(feed(*chunks)) == calls_of(feed(*chunks)) == expected


def test_an_empty_id_is_no_id() -> None:
    deltas = feed([piece("{}", name="f", index=0, call_id="")])
    assert calls_of(deltas) == [("call_r1_0", "f", "{}")]


def test_a_flood_of_braces_under_ever_new_ids_takes_no_time() -> None:
    calls = ToolCalls()
    calls.feed([CallDelta(index=0, id="a", function=Function("f", '{"x": "'))])
    for number in range(20_000):
        calls.feed([CallDelta(index=0, id=f"b{number}", function=Function(None, "}"))])
    assert len(calls.feed([CallDelta(index=0, function=Function(None, '"}'))])) == 1
