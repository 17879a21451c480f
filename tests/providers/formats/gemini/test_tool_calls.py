from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import InvalidResponse
from sidecar.providers.formats.gemini import tool_calls
from sidecar.values import AIResponse
from tests.providers.formats.gemini.saying import answer, part_of, say

Json = dict[str, Any]


def call(name: str | None = None, args: object = None, **fields: object) -> Json:
    """A part with a call."""
    signature = fields.pop("signature", None)
    given = {"name": name, "args": args, **fields}
    part: Json = {"functionCall": {key: value for key, value in given.items() if value is not None}}
    return part | ({"thoughtSignature": signature} if signature else {})


def more(*pieces: Json, name: str | None = None, **fields: object) -> Json:
    return call(name, None, partialArgs=list(pieces) or None, willContinue=True, **fields)


def piece(path: str, text: str, *, ends: bool = False) -> Json:
    return {"jsonPath": path, "stringValue": text} | ({} if ends else {"willContinue": True})


def calls_of(response: AIResponse) -> list[tuple[str, str, Any]]:
    found = response.tool_calls or []
    assert len({each.id for each in found}) == len(found)
    assert all(each.id for each in found)
    return [(each.id, each.name, json.loads(each.arguments)) for each in found]


STOP = part_of(finish="STOP")


def test_a_whole_call_has_its_arguments_and_an_id_of_its_own() -> None:
    response = say(part_of(call("add", {"x": 1, "y": [2.5, None]}), finish="STOP"))
    assert calls_of(response) == [("call_r1_0", "add", {"x": 1, "y": [2.5, None]})]
    assert response.finish_reason == "stop"


def test_parallel_calls_get_indexes_in_their_order_in_one_event_or_in_several() -> None:
    expected = [
        ("call_r1_0", "f", {"a": 1}), ("call_r1_1", "f", {"a": 1}), ("call_r1_2", "g", {}),
    ]  # fmt: skip
    parts = [call("f", {"a": 1}), call("f", {"a": 1}), call("g", {})]
    assert calls_of(say(part_of(*parts, finish="STOP"))) == expected
    assert calls_of(say(*(part_of(each) for each in parts), STOP)) == expected
    assert calls_of(answer(json.dumps(part_of(*parts, finish="STOP")).encode())) == expected


def test_an_id_that_the_api_gives_is_kept_and_one_given_twice_is_repaired() -> None:
    response = say(part_of(call("f", {}, id="a"), call("g", {}, id="a"), finish="STOP"))
    assert [each[:2] for each in calls_of(response)] == [("a", "f"), ("call_r1_1", "g")]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    assert calls_of(say(part_of(call("f"), finish="STOP"))) == [("call_r1_0", "f", {})]


def test_each_signature_stays_with_its_call() -> None:
    response = say(
        part_of(call("f", {}, signature="s0")),
        part_of(call("g", {}), call("h", {}, signature="s2")),
        STOP,
    )
    assert [each.signature for each in response.tool_calls or ()] == ["s0", None, "s2"]


def test_arguments_in_pieces_come_out_as_one_text_with_one_id_and_index() -> None:
    response = say(
        part_of(more(name="weather", signature="s0")),
        part_of(more(piece("$.city", "San "))),
        part_of(more(piece("$.city", "Francisco"))),
        part_of(more(piece("$.city", "", ends=True))),
        part_of({"functionCall": {}}),
        part_of(more(name="weather")),
        part_of(more(piece("$.city", "Ulm"))),
        part_of({"functionCall": {}}, finish="STOP"),
    )
    assert calls_of(response) == [
        ("call_r1_0", "weather", {"city": "San Francisco"}),
        ("call_r1_1", "weather", {"city": "Ulm"}),
    ]
    assert [each.signature for each in response.tool_calls or ()] == ["s0", None]
    assert response.warnings is None


def test_a_whole_call_may_stand_before_and_after_one_in_pieces() -> None:
    response = say(
        part_of(call("theme"), more(name="screen")),
        part_of(more(piece("$.id", "A"))),
        part_of(call("theme", {"dark": True})),
        STOP,
    )
    assert [each[1:] for each in calls_of(response)] == [
        ("theme", {}), ("screen", {"id": "A"}), ("theme", {"dark": True}),
    ]  # fmt: skip


def test_a_call_ends_at_the_first_piece_that_does_not_say_that_it_goes_on() -> None:
    response = say(
        part_of(more(name="f")),
        part_of(call(partialArgs=[{"jsonPath": "$.n", "numberValue": 1}])),
        part_of({"functionCall": {}}),
        part_of({"text": ""}, finish="STOP"),
    )
    assert calls_of(response) == [("call_r1_0", "f", {"n": 1})]


@pytest.mark.parametrize("after", [{"text": "So."}, {"text": "Hm.", "thought": True}])
def test_a_call_whose_end_never_came_is_closed_by_what_follows(after: Json) -> None:
    begun = (part_of(more(name="f")), part_of(more(piece("$.a", "x"))))
    assert calls_of(say(*begun, part_of(after), STOP)) == [("call_r1_0", "f", {"a": "x"})]
    assert calls_of(say(*begun, STOP)) == [("call_r1_0", "f", {"a": "x"})]


def test_a_call_that_the_limit_cut_off_is_left_as_it_is_and_told() -> None:
    response = say(
        part_of(more(name="f")), part_of(more(piece("$.a", "x"))), part_of(finish="MAX_TOKENS")
    )
    assert [each.arguments for each in response.tool_calls or ()] == ['{"a":"x']
    assert "not whole" in (response.warnings or [""])[0]


def test_a_name_that_each_piece_repeats_starts_no_call() -> None:
    response = say(
        part_of(more(name="f")),
        part_of(more(piece("$.a", "x"), name="f")),
        part_of(more(piece("$.a", "y"), name="f")),
        part_of({"functionCall": {}}, finish="STOP"),
    )
    assert calls_of(response) == [("call_r1_0", "f", {"a": "xy"})]


def test_another_id_starts_a_call_and_the_same_goes_on() -> None:
    response = say(
        part_of(more(name="f", id="a")),
        part_of(more(piece("$.a", "x"), id="a")),
        part_of(more(piece("$.b", "y"), name="f", id="b")),
        STOP,
    )
    assert calls_of(response) == [("a", "f", {"a": "x"}), ("b", "f", {"b": "y"})]


def test_a_call_without_a_name_is_told_and_its_arguments_are_kept() -> None:
    response = say(part_of(call(args={"a": 1}), finish="STOP"))
    assert calls_of(response) == [("call_r1_0", "", {"a": 1})]
    assert "without a name" in (response.warnings or [""])[0]


def test_arguments_that_come_twice_are_told() -> None:
    response = say(
        part_of(call("f", {"a": 1}, willContinue=True)), part_of(call(args={"a": 2})), STOP
    )
    assert calls_of(response) == [("call_r1_0", "f", {"a": 1})]
    assert "twice" in (response.warnings or [""])[0]


def test_an_end_without_a_call_is_none() -> None:
    assert say(part_of({"functionCall": {}}, finish="STOP")).tool_calls is None


def test_arguments_of_another_kind_are_kept_as_the_text_they_have() -> None:
    response = say(part_of(call("f", '{"a": 1}'), call("g", [1]), finish="STOP"))
    assert [each.arguments for each in response.tool_calls or ()] == ['{"a": 1}', "[1]"]


def test_half_characters_and_numbers_that_json_has_not_cost_no_call() -> None:
    text = json.dumps(part_of(call("f", {"a": "\ud83d", "b": 1}), finish="STOP"))
    response = say(text.replace('"b": 1', '"b": NaN'))
    assert calls_of(response) == [("call_r1_0", "f", {"a": "�", "b": None})]


def test_half_a_character_in_an_argument_of_any_name_costs_no_call() -> None:
    args = {"text": "a\ud83d", "stringValue": ["\ude00"]}
    response = say(part_of(call("f", args), finish="STOP"))
    assert calls_of(response) == [("call_r1_0", "f", {"text": "a�", "stringValue": ["�"]})]


def test_more_calls_than_can_be_meant_are_refused() -> None:
    parts = [call("f")] * (tool_calls.MAX_CALLS + 1)
    with pytest.raises(InvalidResponse, match="tool calls"):
        answer(json.dumps(part_of(*parts, finish="STOP")).encode())
