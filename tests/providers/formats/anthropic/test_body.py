"""Requests: what each field of AIRequest becomes."""

from __future__ import annotations

import pytest

from sidecar.errors import InvalidParams
from sidecar.providers.formats.anthropic import schemas
from sidecar.providers.sink import Facts
from tests.providers.formats.anthropic.saying import Json, built

ASK = [{"role": "user", "content": "hi"}]


def body(model: str = "claude-sonnet-4-6", **fields: object) -> Json:
    found, warnings = built({"messages": ASK, **fields}, model)
    assert warnings == []
    return found


def warned(model: str = "claude-sonnet-4-6", **fields: object) -> tuple[Json, str]:
    found, warnings = built({"messages": ASK, **fields}, model)
    assert warnings
    return found, "\n".join(warnings)


def test_what_was_not_asked_for_is_not_sent_but_for_the_limit_that_the_api_wants() -> None:
    assert body() == {"model": "claude-sonnet-4-6", "max_tokens": 128_000, "messages": ASK}


def test_every_plain_field_has_its_place() -> None:
    found = body(
        temperature=0.5,
        max_tokens=7,
        stop_sequences=["END"],
        stream=True,
        metadata={"mine": "not sent"},
        extra={"service_tier": "auto"},
    )
    assert found == {
        "model": "claude-sonnet-4-6",
        "messages": ASK,
        "temperature": 0.5,
        "max_tokens": 7,
        "stop_sequences": ["END"],
        "stream": True,
        "service_tier": "auto",
    }
    assert body(top_p=0.9)["top_p"] == 0.9


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-20241022", 8192),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-haiku-4-5", 64_000),
        ("claude-opus-4-5-20251101", 64_000),
        ("anthropic/claude-opus-4.6", 128_000),
        ("claude-opus-5-5", 128_000),
        ("claude-mythos-preview", 128_000),
        ("claude-tomorrow", 128_000),
        ("deepseek-chat", 8192),
    ],
)
def test_the_limit_is_that_of_the_model(model: str, limit: int) -> None:
    assert body(model)["max_tokens"] == limit


@pytest.mark.parametrize("name", ["frequency_penalty", "presence_penalty", "seed"])
def test_what_the_api_does_not_take_is_told(name: str) -> None:
    fields: Json = {name: 1}
    found, told = warned(**fields)
    assert name not in found
    assert told == f"Anthropic takes no `{name}`; it was not sent."


# --- tools ---

TOOL = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}


def test_tools_have_the_names_of_the_api() -> None:
    control = {"type": "ephemeral", "ttl": "1h"}
    tools = [TOOL, {"name": "g", "cache_control": control}]
    assert body(tools=tools)["tools"] == [
        {"name": "f", "description": "d", "input_schema": {"type": "object"}, "strict": True},
        {
            "name": "g",
            "input_schema": {"type": "object", "properties": {}},
            "cache_control": control,
        },
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"name": "f"}, {"type": "tool", "name": "f"}),
    ],
)
def test_the_choice_of_a_tool_has_its_word(choice: object, expected: Json) -> None:
    assert body(tools=[TOOL], tool_choice=choice)["tool_choice"] == expected
    assert "tool_choice" not in body(tool_choice=choice)
    alone = body(tools=[TOOL], tool_choice=choice, parallel_tool_calls=False)["tool_choice"]
    kept = {} if choice == "none" else {"disable_parallel_tool_use": True}
    assert alone == expected | kept
    both = body(tools=[TOOL], tool_choice=choice, parallel_tool_calls=True)["tool_choice"]
    assert both == expected


def test_calls_one_at_a_time_need_no_choice() -> None:
    assert body(tools=[TOOL], parallel_tool_calls=False)["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    assert "tool_choice" not in body(tools=[TOOL], parallel_tool_calls=True)


# --- structured output ---

CITY: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def wanted(schema: Json, **more: object) -> Json:
    return {"type": "json_schema", "schema": schema, **more}


def test_a_schema_is_the_format_of_the_output() -> None:
    found = body(response_format=wanted(CITY, strict=True, name="city"))
    assert found["output_config"] == {"format": {"type": "json_schema", "schema": CITY}}
    assert "tools" not in found


def test_an_object_is_closed_since_the_api_wants_it_so() -> None:
    inner = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
    open_one = {"type": "object", "properties": {"a": inner}}
    schema = body(response_format=wanted(open_one))["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["a"]["items"]["additionalProperties"] is False


def test_what_can_not_be_enforced_becomes_guidance_and_is_told() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "description": "How many"},
            "mail": {"type": "string", "format": "email", "pattern": "@"},
            "kind": {"oneOf": [{"const": "a"}, {"enum": ["b"], "minLength": 1}]},
            "list": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "some": {"type": "array", "items": {"$ref": "#/$defs/s"}, "minItems": 1},
        },
        "$defs": {"s": {"type": "string", "format": "regex"}},
        "additionalProperties": False,
    }
    found, told = warned(response_format=wanted(schema))
    assert found["output_config"]["format"]["schema"] == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": 'How many\n\n{"minimum":1}'},
            "mail": {"type": "string", "format": "email", "description": '{"pattern":"@"}'},
            "kind": {"anyOf": [{"const": "a"}, {"enum": ["b"], "description": '{"minLength":1}'}]},
            "list": {
                "type": "array",
                "items": {"type": "string"},
                "description": '{"minItems":2}',
            },
            "some": {"type": "array", "items": {"$ref": "#/$defs/s"}, "minItems": 1},
        },
        "$defs": {"s": {"type": "string", "description": '{"format":"regex"}'}},
        "additionalProperties": False,
    }
    assert "`format`, `minItems`, `minLength`, `minimum`, `pattern`" in told


def test_a_map_is_left_as_it_is_since_to_close_it_would_empty_it() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    assert body(response_format=wanted(schema))["output_config"]["format"]["schema"] == schema


def test_a_schema_that_is_nested_too_deeply_is_refused_with_its_path() -> None:
    schema: Json = {}
    for _ in range(10_000):
        schema = {"type": "array", "items": schema}
    with pytest.raises(InvalidParams) as raised:
        schemas.compilable(schema, Facts())
    assert raised.value.path == "$.request.response_format.schema"


def test_json_without_a_schema_is_told_as_not_taken() -> None:
    found, told = warned(response_format={"type": "json_object"})
    assert "output_config" not in found
    assert "no JSON mode" in told
    assert "output_config" not in body(response_format={"type": "text"})


def test_an_effort_and_a_format_and_free_fields_stand_side_by_side() -> None:
    found = body(
        response_format=wanted(CITY),
        reasoning={"effort": "high"},
        extra={"output_config": {"effort": "max"}},
    )
    assert found["output_config"] == {
        "effort": "max",
        "format": {"type": "json_schema", "schema": CITY},
    }


def test_free_fields_win() -> None:
    control = {"type": "ephemeral"}
    found = body(extra={"cache_control": control, "max_tokens": 3, "system": "x"})
    assert (found["cache_control"], found["max_tokens"], found["system"]) == (control, 3, "x")
