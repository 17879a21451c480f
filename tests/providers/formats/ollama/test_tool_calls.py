"""Tool calls: whole ones, under whatever index and id, into numbered ones with ids that stay."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sidecar.errors import InvalidResponse
from sidecar.values import AIMessage
from tests.providers.answers import CUTS, Cut
from tests.providers.formats.ollama.saying import end, line, lines, say, streamed

Json = dict[str, Any]


def call(name: str, arguments: object, **fields: object) -> Json:
    own = {key: fields.pop(key) for key in ("index",) if key in fields}
    return {**fields, "function": {"name": name, "arguments": arguments, **own}}


def called(*objects: object) -> list[tuple[str, str, str]]:
    found = say(*objects).tool_calls or []
    return [(each.id, each.name, each.arguments) for each in found]


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
@pytest.mark.parametrize("indexes", [(0, 0), (0, 1), (None, None), (7, 3)])
def test_calls_of_several_lines_are_numbered_as_they_come(
    cut: Cut, indexes: tuple[int | None, int | None]
) -> None:
    first, second = ({} if index is None else {"index": index} for index in indexes)
    body = lines(
        line(content="", tool_calls=[call("f", {"a": 1}, id="x", **first)]),
        line(content="", tool_calls=[call("g", {}, id="y", **second)]),
        end(),
    )
    chunks, response = streamed(body, cut)
    assert response.tool_calls is not None
    assert [(each.id, each.name, each.arguments) for each in response.tool_calls] == [
        ("x", "f", '{"a": 1}'),
        ("y", "g", "{}"),
    ]
    assert [each.index for chunk in chunks for each in chunk.tool_calls or ()] == [0, 1]
    assert response.finish_reason == "stop"


def test_calls_without_ids_get_some_that_are_the_same_at_every_decoding() -> None:
    objects = (line(tool_calls=[call("f", {}), call("f", {})]), line(tool_calls=[call("f", {})]))
    first, second = called(*objects, end()), called(*objects, end())
    assert first == second
    assert len({each[0] for each in first}) == 3
    assert first[0][0] == "call_20260817155712772341_0"


def test_an_id_that_comes_again_is_made_another() -> None:
    calls = called(line(tool_calls=[call("f", {}, id="x"), call("g", {}, id="x")]), end())
    assert calls[0][0] == "x"
    assert calls[1][0] not in ("x", "")


def test_calls_without_ids_and_without_a_time_have_ids_all_the_same() -> None:
    told = {**line(tool_calls=[call("f", {})]), "created_at": None}
    assert called(told, end())[0][0]


@pytest.mark.parametrize(
    "written", ['{"b" : 1e5,\n "a":1.0}', '{"n": 123456789012345678901234567890}', "[1]", "7"]
)
def test_arguments_are_kept_as_the_text_that_they_came_as(written: str) -> None:
    told = json.dumps(line(tool_calls=[call("f", "HERE")])).replace('"HERE"', written)
    told = told.replace("\n", " ")
    assert called(told, end())[0][2] == written.replace("\n", " ")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('{"a": 1}', '{"a": 1}'),  # as text: other servers that speak this format
        (None, "{}"),
        ("", ""),
    ],
)
def test_arguments_that_are_no_object(given: object, expected: str) -> None:
    assert called(line(tool_calls=[call("f", given)]), end())[0][2] == expected


def test_a_call_without_arguments_has_none() -> None:
    assert called(line(tool_calls=[{"function": {"name": "f"}}]), end())[0][2] == "{}"


@pytest.mark.parametrize("text", ["\ud83d", "\ud83d\ude00", "a\ufffd"])
def test_half_characters_in_arguments_can_be_written(text: str) -> None:
    for name in ("x", "content"):
        [(_, _, arguments)] = called(line(tool_calls=[call("f", {name: text})]), end())
        expected = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        assert json.loads(arguments) == {name: expected}


def test_broken_utf_8_in_arguments_can_be_written() -> None:
    body = lines(line(tool_calls=[call("f", {"x": "aXb"})]), end()).replace(b"X", b"\xf0\x9f")
    response = streamed(body)[1]
    msgspec.json.encode(response)
    assert response.tool_calls is not None
    assert json.loads(response.tool_calls[0].arguments) == {"x": "a\ufffdb"}


def test_a_call_without_a_name_is_kept_and_told() -> None:
    response = say(line(tool_calls=[{"function": {"arguments": {"a": 1}}}]), end())
    assert response.tool_calls is not None
    assert "without a name" in (response.warnings or [""])[0]


def test_an_end_without_a_reason_after_calls_is_taken_as_tool_calls() -> None:
    assert say(line(tool_calls=[call("f", {})]), end(None)).finish_reason == "tool_calls"


def test_calls_without_end_are_broken_off() -> None:
    many = [call("f", {}) for _ in range(1000)]
    with pytest.raises(InvalidResponse, match="tool calls"):
        say(*(line(tool_calls=many) for _ in range(5)), end())


def test_text_before_a_call_is_kept() -> None:
    response = say(line(content="I look."), line(content="", tool_calls=[call("f", {})]), end())
    assert response.content == "I look."
    assert isinstance(response.message, AIMessage)
    assert response.message.tool_calls == response.tool_calls
