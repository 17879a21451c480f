from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.gemini.arguments import MAX_DEPTH, ArgumentsText
from sidecar.providers.sink import Facts

Json = dict[str, Any]
TEXT = st.text(max_size=12)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
LEAVES = TEXT | st.integers(-(2**53), 2**53) | st.booleans() | st.none() | st.floats(-1e9, 1e9)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)
ARGUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


def text_of(*batches: list[Json]) -> str:
    text = ArgumentsText()
    return "".join(text.feed(batch, Facts()) for batch in batches) + text.close()


def pieces_of(value: object, path: str, cut: int) -> list[Json]:
    """Take a value apart as Google does: depth first, strings in pieces."""
    match value:
        case dict():
            return [
                piece
                for name, each in value.items()
                for piece in pieces_of(each, f"{path}[{quoted(name)}]", cut)
            ]
        case list():
            return [
                piece
                for at, each in enumerate(value)
                for piece in pieces_of(each, f"{path}[{at}]", cut)
            ]
        case str():
            more = {"jsonPath": path, "willContinue": True}
            return [
                {**more, "stringValue": value[:cut]},
                {**more, "stringValue": value[cut:]},
                {"jsonPath": path, "stringValue": ""},
            ]
        case bool():
            return [{"jsonPath": path, "boolValue": value}]
        case None:
            return [{"jsonPath": path, "nullValue": "NULL_VALUE"}]
    return [{"jsonPath": path, "numberValue": value}]


def quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@given(ARGUMENTS, st.integers(0, 5), st.integers(1, 4))
def test_any_arguments_come_out_as_the_json_that_they_were(
    arguments: Json, cut: int, size: int
) -> None:
    pieces = pieces_of(arguments, "$", cut)
    batches = [pieces[at : at + size] for at in range(0, len(pieces), size)]
    assert json.loads(text_of(*batches)) == arguments


def test_each_piece_is_told_as_it_comes() -> None:
    text, facts = ArgumentsText(), Facts()
    steps = [
        ({"jsonPath": "$.city", "stringValue": "Bos", "willContinue": True}, '{"city":"Bos'),
        ({"jsonPath": "$.city", "stringValue": "ton", "willContinue": True}, "ton"),
        ({"jsonPath": "$.city", "stringValue": ""}, ""),
        ({"jsonPath": "$.days[0].high", "numberValue": 21.5}, '","days":[{"high":21.5'),
        ({"jsonPath": "$.days[1].high", "numberValue": 20}, '},{"high":20'),
        ({"jsonPath": "$.metric", "boolValue": True}, '}],"metric":true'),
        ({"jsonPath": "$.note", "nullValue": None}, ',"note":null'),
    ]
    for piece, told in steps:
        assert text.feed([piece], facts) == told
    assert text.close() == "}"
    assert facts.warnings == []


@pytest.mark.parametrize(
    "more",
    [
        [{"jsonPath": "$.a", "stringValue": "on"}],
        [{"jsonPath": "$.a", "stringValue": "on"}, {"jsonPath": "$.a", "stringValue": ""}],
        [{"jsonPath": "$.a", "stringValue": "o"}, {"jsonPath": "$.a", "stringValue": "n"}],
    ],
)
def test_a_string_may_go_on_where_it_was_not_said_to(more: list[Json]) -> None:
    first = {"jsonPath": "$.a", "stringValue": "Bost"}
    last = {"jsonPath": "$.b", "numberValue": 1}
    assert json.loads(text_of([first], more, [last])) == {"a": "Boston", "b": 1}
    assert json.loads(text_of([first], more)) == {"a": "Boston"}


@pytest.mark.parametrize("path", ["$", "$."])
def test_a_piece_of_no_place_is_told_and_left_out(path: str) -> None:
    text, facts = ArgumentsText(), Facts()
    told = text.feed([{"jsonPath": path}, {"jsonPath": "$.a", "numberValue": 1}], facts)
    assert told + text.close() == '{"a":1}'
    assert "has no place" in facts.warnings[0]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert text_of() == "{}"
    assert text_of([]) == "{}"


def test_a_string_that_is_not_ended_is_ended_by_what_comes_next() -> None:
    first = {"jsonPath": "$.a", "stringValue": "x", "willContinue": True}
    assert text_of([first], [{"jsonPath": "$.b", "numberValue": 1}]) == '{"a":"x","b":1}'
    assert text_of([first]) == '{"a":"x"}'


def test_the_end_of_a_string_may_come_without_a_value() -> None:
    first = {"jsonPath": "$.a", "stringValue": "x", "willContinue": True}
    assert text_of([first], [{"jsonPath": "$.a"}], [{"jsonPath": "$.b", "boolValue": False}]) == (
        '{"a":"x","b":false}'
    )


def test_a_character_torn_between_two_pieces_is_whole_again() -> None:
    half = {"jsonPath": "$.a", "willContinue": True}
    found = text_of([{**half, "stringValue": "\ud83d"}], [{**half, "stringValue": "\ude00"}])
    assert json.loads(found) == {"a": "😀"}
    alone = text_of([{**half, "stringValue": "\ud83d"}], [{"jsonPath": "$.b", "boolValue": True}])
    assert json.loads(alone) == {"a": "�", "b": True}


def test_a_piece_without_a_value_is_told() -> None:
    facts = Facts()
    text = ArgumentsText()
    assert text.feed([{"jsonPath": "$.a", "structValue": {}}], facts) == ""
    assert text.close() == "{}"
    assert facts.warnings


@pytest.mark.parametrize(
    "paths",
    [
        ["$.a.b", "$.c", "$.a.d"],
        ["$.a", "$.a"],
        ["$.a[1]"],
        ["$.a[0]", "$.a[2]"],
        ["$.a[1]", "$.a[0]"],
        ["$.a[0]", "$.a.b"],
        ["$.a", "$.a.b"],
    ],
)
def test_what_goes_back_or_leaves_a_gap_is_refused(paths: list[str]) -> None:
    with pytest.raises(InvalidResponse, match="order"):
        text_of([{"jsonPath": path, "numberValue": 1} for path in paths])


@pytest.mark.parametrize(
    "path",
    [None, 7, "", "$..a", "$[0]", "$.a[", "$.a[-1]", "$.a[x]", "$.a[" + "1" * 50 + "]",
     "$.a" * 1000, "$" + "[0]" * 10, "$.a" + "[0]" * (MAX_DEPTH + 1), "$." + "a" * 30_000],
)  # fmt: skip
def test_a_piece_without_a_usable_place_is_refused(path: object) -> None:
    with pytest.raises(InvalidResponse, match="place"):
        text_of([{"jsonPath": path, "numberValue": 1}])


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["jsonPath", "stringValue", "numberValue", "boolValue", "nullValue"]),
            st.sampled_from(["$.a", "$.a[0]", "$.b.c", "x", 1, True, None, [], {}]),
        ),
        max_size=5,
    )
)
def test_nonsense_is_refused_or_makes_json(pieces: list[Json]) -> None:
    try:
        found = text_of(pieces)
    except InvalidResponse:
        return
    assert isinstance(json.loads(found), dict)
