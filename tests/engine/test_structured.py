"""Structured output: JSON that is what was asked for, or an error that says what it is not."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from sidecar.engine.structured import Structured, structured
from sidecar.errors import InvalidParams, InvalidResponse
from sidecar.keys.secret import Secret
from sidecar.values import JsonObjectFormat, JsonSchemaFormat, TextFormat

pytestmark = pytest.mark.anyio

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "born": {"type": "string", "pattern": "^[0-9]{4}$"}},
    "required": ["name"],
    "additionalProperties": False,
}


def of(schema: dict[str, Any]) -> Structured:
    return Structured(JsonSchemaFormat(schema=schema))


async def refused(schema: dict[str, Any], content: str) -> InvalidResponse:
    with pytest.raises(InvalidResponse) as found:
        await of(schema).read(content)
    assert found.value.kind == "invalid_response"
    return found.value


@pytest.mark.parametrize("content", ['{"name": "Ada"}', '  {"name":"Ada","born":"1815"}\n'])
async def test_what_fits_is_returned_as_json(content: str) -> None:
    assert (await of(PERSON).read(content))["name"] == "Ada"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "no JSON"),
        ("Here it is: {}", "no JSON"),
        ('{"name": "Ada"', "no JSON"),
        ("{}", "at $: 'name' is a required property"),
        ('{"name": 5}', "at $.name: 5 is not of type 'string'"),
        ('{"name": "Ada", "age": 5}', "at $: 'age' is not one of the properties"),
        ('{"name": "Ada", "born": "in 1815"}', "at $.born: 'in 1815' does not match"),
        ("[" * 100_000, "no JSON"),
    ],
)
async def test_what_does_not_fit_says_where_and_keeps_the_words(content: str, why: str) -> None:
    error = await refused(PERSON, content)
    assert why in error.message
    assert error.provider_message == content[:300] or len(content) > 300


async def test_a_key_in_the_answer_is_not_in_the_error() -> None:
    key = Secret("sk-the-key-that-a-model-has-echoed")
    error = await refused(PERSON, f'{{"name": 5, "x": "{key.reveal()}"}}')
    assert key.reveal() not in f"{error.message} {error.provider_message}"


async def test_any_json_object_will_do_where_only_one_is_asked_for() -> None:
    asked = Structured(JsonObjectFormat())
    assert await asked.read('{"a": [1]}') == {"a": [1]}
    with pytest.raises(InvalidResponse, match="not of type 'object'"):
        await asked.read("[1]")


@pytest.mark.parametrize("wanted", [None, TextFormat()])
def test_text_is_not_read(wanted: TextFormat | None) -> None:
    assert structured(wanted) is None


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({"type": "objekt"}, "$.request.response_format.schema.type"),
        ({"properties": {"a": {"minimum": "5"}}}, ".schema.properties.a.minimum"),
        ({"pattern": "("}, ".schema.pattern"),
        ({"patternProperties": {"[": {}}}, ".schema.patternProperties"),
        ({"$schema": 5}, ".schema.$schema"),
        ({"$schema": {}}, ".schema.$schema"),
        ({"$schema": "http://[x"}, ".schema.$schema"),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": "5"}, ".minimum"),
    ],
)
def test_a_schema_that_is_none_is_told_with_its_place(schema: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidParams) as found:
        of(schema)
    assert (found.value.path or "").endswith(path)


async def test_names_may_be_told_by_patterns() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {}},
        "patternProperties": {"^n_": {"type": "integer"}},
        "additionalProperties": {"type": "string"},
    }
    assert await of(schema).read('{"id": [], "n_1": 5, "other": "text"}')
    assert "at $.n_1" in (await refused(schema, '{"n_1": "five"}')).message
    assert "at $.other" in (await refused(schema, '{"other": 5}')).message


@pytest.mark.parametrize("pattern", [r"^\p{L}+$", "^(?<first>A)d"])
async def test_patterns_may_be_those_of_ecmascript(pattern: str) -> None:
    asked = of({"type": "string", "pattern": pattern})
    assert await asked.read('"Ada"') == "Ada"
    assert "does not match" in (await refused({"pattern": pattern}, '"5"')).message


@pytest.mark.parametrize(
    ("content", "fits"),
    [
        ('[1, 2, 1.5, true, "1", [1], {"a": 1}]', True),
        ("[1, 1.0]", False),
        ('[{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}]', False),
        ("[null, null]", False),
    ],
)
async def test_items_are_the_same_where_json_schema_says_so(content: str, *, fits: bool) -> None:
    if fits:
        assert await of({"uniqueItems": True}).read(content)
        assert await of({"uniqueItems": False}).read("[1, 1]")
    else:
        assert "is there twice" in (await refused({"uniqueItems": True}, content)).message


async def test_a_number_that_is_too_large_is_no_bug_of_the_sidecars() -> None:
    error = await refused({"multipleOf": 0.5}, "1" + "0" * 400)
    assert "too large" in error.message


async def test_a_pattern_that_takes_for_ever_is_given_up() -> None:
    schema = {"type": "string", "pattern": "^(a|aa|a?a)+$"}
    error = await refused(schema, '"' + "a" * 60 + '!"')
    assert "takes too long" in error.message


async def test_nothing_is_fetched_for_a_schema() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        place = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        with pytest.raises(InvalidParams, match="which it does not have"):
            of({"$ref": place})
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"a": {}}},
        {"items": [{"$ref": "other.json"}], "$schema": "http://json-schema.org/draft-07/schema#"},
        {"$defs": {"a": {"$id": "http://a.example/", "$ref": "#/$defs/b"}, "b": {}}},
        {"$ref": "#nowhere"},
        {"minimum": 3, "properties": {"a": {"$ref": "#/minimum/0"}}},
        {"allOf": [{}], "properties": {"a": {"$ref": "#/allOf/x"}}},
        {"title": "abc", "properties": {"a": {"$ref": "#/title"}}},
        {"title": "abc", "properties": {"a": {"$ref": "#/title/0"}}},
    ],
)
def test_a_reference_that_leads_nowhere_is_told_before_anybody_is_asked(
    schema: dict[str, Any],
) -> None:
    with pytest.raises(InvalidParams, match="which it does not have") as found:
        of(schema)
    assert found.value.path == "$.request.response_format.schema"


def test_an_id_that_is_no_uri_is_told() -> None:
    with pytest.raises(InvalidParams, match="is no URI"):
        of({"$id": "http://[", "$ref": "#"})


async def test_references_lead_by_pointer_by_anchor_and_by_id() -> None:
    schema = {
        "$id": "http://a.example/root",
        "properties": {"p": {"$ref": "#/$defs/a"}, "q": {"$ref": "#b"}, "r": {"$ref": "c"}},
        "$defs": {"a": {"type": "string"}, "b": {"$anchor": "b"}, "c": {"$id": "c", "minimum": 5}},
    }
    assert await of(schema).read('{"p": "x", "q": 1, "r": 5}')
    assert "at $.r" in (await refused(schema, '{"r": 4}')).message


async def test_a_schema_may_refer_to_itself() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"properties": {"below": {"items": {"$ref": "#/$defs/node"}}}}},
    }
    assert await of(tree).read('{"below": [{"below": []}]}')
    assert (
        "$.below[0]"
        in (
            await refused(
                tree
                | {
                    "$defs": {
                        "node": {
                            "properties": {"below": {"items": {"$ref": "#/$defs/node"}}},
                            "required": ["below"],
                        }
                    }
                },
                '{"below": [{}]}',
            )
        ).message
    )


async def test_a_schema_that_leads_round_in_circles_is_told() -> None:
    assert "circles" in (await refused({"$ref": "#"}, "{}")).message
