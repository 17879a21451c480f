"""Tool calls in every disorder that servers send them in."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.openai_chat import tool_calls
from sidecar.providers.formats.openai_chat.tool_calls import ToolCalls
from sidecar.providers.formats.openai_chat.wire import CallDelta
from sidecar.values import ToolCallDelta
from tests.providers.formats.openai_chat.calling import TWO, calls_of, feed, piece


def test_calls_side_by_side_are_kept_apart_by_their_index() -> None:
    deltas = feed(
        [piece("", name="f", index=0, call_id="a"), piece("", name="g", index=1, call_id="b")],
        [piece('{"x"', index=0), piece('{"y"', index=1)],
        [piece(": 2}", index=1), piece(": 1}", index=0)],
    )
    assert calls_of(deltas) == TWO


def test_each_piece_is_told_when_it_comes() -> None:
    assert feed([piece("", name="f", index=0, call_id="a")], [piece("{}", index=0)]) == [
        ToolCallDelta(index=0, id="a", name="f", arguments=""),
        ToolCallDelta(index=0, arguments="{}"),
    ]


def test_one_index_for_calls_with_different_ids_is_repaired() -> None:
    deltas = feed(
        [piece('{"x": 1}', name="f", index=0, call_id="a")],
        [piece('{"y"', name="g", index=0, call_id="b")],
        [piece(": 2}", index=0)],
    )
    assert calls_of(deltas) == TWO


def test_one_index_and_the_ids_again_in_every_piece_is_repaired() -> None:
    deltas = feed(
        [piece('{"x"', name="f", index=0, call_id="a")],
        [piece('{"y"', name="g", index=0, call_id="b")],
        [piece(": 1}", name="f", index=0, call_id="a")],
        [piece(": 2}", name="g", index=0, call_id="b")],
    )
    assert calls_of(deltas) == TWO


def test_one_index_without_ids_a_name_after_whole_arguments_starts_a_call() -> None:
    deltas = feed(
        [piece('{"x":', name="f", index=0)],
        [piece(" 1}", index=0)],
        [piece('{"x": 3}', name="f", index=0)],
        [piece('{"y": 2}', name="g", index=0)],
    )
    assert [call[1:] for call in calls_of(deltas)] == [
        ("f", '{"x": 1}'),
        ("f", '{"x": 3}'),
        ("g", '{"y": 2}'),
    ]


def test_one_index_without_ids_in_one_chunk_is_a_call_for_each_name() -> None:
    deltas = feed([piece("", name="now", index=0), piece("", name="now", index=0)])
    assert [call[1:] for call in calls_of(deltas)] == [("now", ""), ("now", "")]


def test_without_an_index_a_new_id_starts_a_call_and_the_rest_continues_it() -> None:
    deltas = feed(
        [piece('{"x"', name="f", call_id="a")],
        [piece(": 1}")],
        [piece('{"y"', name="g", call_id="b")],
        [piece(": 2}")],
    )
    assert calls_of(deltas) == TWO


def test_without_index_and_id_a_name_starts_a_call() -> None:
    deltas = feed([piece('{"x": 1}', name="f"), piece('{"y"', name="g")], [piece(": 2}")])
    assert [call[1:] for call in calls_of(deltas)] == [call[1:] for call in TWO]


def test_the_id_and_the_name_again_in_every_piece_are_taken_once() -> None:
    deltas = feed(
        [piece('{"x"', name="f", index=0, call_id="a")],
        [piece(": 1}", name="f", index=0, call_id="a")],
    )
    assert calls_of(deltas) == TWO[:1]


def test_the_name_alone_again_in_every_piece_is_taken_once() -> None:
    deltas = feed([piece('{"x"', name="f", index=0)], [piece(": 1}", name="f", index=0)])
    assert [call[1:] for call in calls_of(deltas)] == [("f", '{"x": 1}')]


@pytest.mark.parametrize("index", [5, "0", 1.5, {"a": 1}])
def test_strange_indexes_are_put_in_order(index: object) -> None:
    assert calls_of(feed([piece("{}", name="f", index=index, call_id="a")])) == [("a", "f", "{}")]


def test_arguments_as_an_object_become_json_text() -> None:
    deltas = feed([piece({"x": [1, None]}, name="f", index=0, call_id="a")])
    assert calls_of(deltas) == [("a", "f", '{"x":[1,null]}')]


def test_a_name_that_comes_after_the_id_holds_the_arguments_back() -> None:
    calls = ToolCalls()
    assert calls.feed([CallDelta(index=0, id="a")]) == []
    assert calls.feed(msgspec.convert([piece("{", index=0)], list[CallDelta])) == []
    [delta] = calls.feed(msgspec.convert([piece("}", name="f", index=0)], list[CallDelta]))
    assert delta == ToolCallDelta(index=0, id="a", name="f", arguments="{}")


def test_a_call_whose_name_never_comes_is_told_at_the_end() -> None:
    assert calls_of(feed([piece("{}", index=0, call_id="a")])) == [("a", "", "{}")]


def test_a_tool_with_free_text_for_input_is_a_call() -> None:
    deltas = feed(
        [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "shell", "input": "ls "}}],
        [{"index": 0, "custom": {"input": "-l"}}],
    )
    assert calls_of(deltas) == [("a", "shell", "ls -l")]


def test_halves_of_a_character_over_two_pieces_are_joined() -> None:
    deltas = feed(
        [piece('{"x": "\ud83d', name="f", index=0, call_id="a")], [piece('\ude00"}', index=0)]
    )
    assert calls_of(deltas) == [("a", "f", '{"x": "😀"}')]


def test_half_a_character_at_the_end_is_replaced() -> None:
    deltas = feed([piece('{"x": "\ud83d', name="\ude00", index=0, call_id="\ud83d")])
    assert calls_of(deltas) == [("\ufffd", "\ufffd", '{"x": "\ufffd')]


@pytest.mark.parametrize("index", [None, 0])
@pytest.mark.parametrize("call_id", [None, "same"])
def test_in_a_whole_answer_each_entry_is_a_call(index: int | None, call_id: str | None) -> None:
    entry = piece("", name="now", index=index, call_id=call_id)
    deltas = feed([entry, entry, entry], are_whole=True)
    assert [call[1:] for call in calls_of(deltas)] == [("now", "")] * 3


@given(
    texts=st.lists(st.text(max_size=30), min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
    with_ids=st.booleans(),
)
def test_pieces_of_parallel_calls_in_any_order_give_the_calls(
    texts: list[str], order: random.Random, *, with_ids: bool
) -> None:
    waiting = {number: list(text) for number, text in enumerate(texts)}
    chunks = [
        [piece("", name="f", index=number, call_id=f"c{number}" if with_ids else None)]
        for number in waiting
    ]
    while waiting:
        number = order.choice(sorted(waiting))
        if waiting[number]:
            chunks.append([piece(waiting[number].pop(0), index=number)])
        else:
            del waiting[number]
    assert [call[2] for call in calls_of(feed(*chunks))] == texts


def test_more_calls_than_can_be_meant_are_refused() -> None:
    many = [CallDelta(index=number, id=f"c{number}") for number in range(tool_calls.MAX_CALLS)]
    calls = ToolCalls()
    calls.feed(many)
    with pytest.raises(InvalidResponse, match="tool calls"):
        calls.feed([CallDelta(index=tool_calls.MAX_CALLS, id="one more")])


def test_endless_arguments_of_a_call_without_a_name_are_refused() -> None:
    calls = ToolCalls()
    [more] = msgspec.convert([piece("x" * (tool_calls.MAX_HELD // 2), index=0)], list[CallDelta])
    calls.feed([more, more])
    with pytest.raises(InvalidResponse, match="no name"):
        calls.feed([more])
