"""Requests: what each field of AIRequest becomes for Ollama."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts
from sidecar.values import AIRequest
from tests.providers.answers import target_of
from tests.providers.formats.ollama.saying import WIRE, end, line, say, target

Json = dict[str, Any]
ASK = [{"role": "user", "content": "hi"}]


def built(**fields: object) -> tuple[Json, list[str]]:
    facts = Facts()
    request = msgspec.convert({"messages": ASK, **fields}, AIRequest)
    http = WIRE.build_request(request, target(), facts)
    assert http.url == "http://127.0.0.1:11434/api/chat"
    found: Json = json.loads(http.body or b"")
    return found, facts.warnings


def body(**fields: object) -> Json:
    found, warnings = built(**fields)
    assert warnings == []
    return found


def test_what_was_not_asked_for_is_not_sent_but_whether_it_streams() -> None:
    assert body() == {"model": "m", "messages": ASK, "stream": False}
    assert body(stream=True)["stream"] is True


def test_every_plain_field_has_its_place_among_the_options() -> None:
    found = body(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        stop_sequences=["END"],
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=3,
        metadata={"mine": "not sent"},
    )
    assert found["options"] == {
        "temperature": 0.5,
        "top_p": 0.9,
        "num_predict": 7,
        "stop": ["END"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "seed": 3,
    }


def test_extra_options_stand_beside_those_of_the_request_and_go_before_them() -> None:
    extra = {"keep_alive": "10m", "options": {"num_ctx": 8192, "temperature": 0}}
    found = body(temperature=1, seed=3, extra=extra)
    assert found["options"] == {"num_ctx": 8192, "temperature": 0, "seed": 3}
    assert found["keep_alive"] == "10m"


def test_a_key_goes_into_the_header_of_a_hosted_one() -> None:
    request = msgspec.convert({"messages": ASK}, AIRequest)
    hosted = target_of("ollama", base_url="https://ollama.com", key="my-own-key")
    http = WIRE.build_request(request, hosted, Facts())
    assert http.url == "https://ollama.com/api/chat"
    assert http.headers["authorization"] == "Bearer my-own-key"
    assert "authorization" not in WIRE.build_models_request(target()).headers


# --- thinking, formats, tools ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reasoning", "think", "told"),
    [
        ({}, True, False),
        ({"effort": "none"}, False, False),
        ({"effort": "low"}, "low", False),
        ({"effort": "high"}, "high", False),
        ({"effort": "minimal"}, "low", True),
        ({"effort": "xhigh"}, "high", True),
        ({"max_tokens": 100}, True, True),
        ({"max_tokens": 100, "effort": "medium"}, "medium", True),
    ],
)
def test_how_much_it_may_think(reasoning: Json, think: object, *, told: bool) -> None:
    found, warnings = built(reasoning=reasoning)
    assert found["think"] == think
    assert type(found["think"]) is type(think)
    assert bool(warnings) == told


def test_json_mode_and_a_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert body(response_format={"type": "json_object"})["format"] == "json"
    assert "format" not in body(response_format={"type": "text"})
    wanted = {"type": "json_schema", "schema": schema, "name": "n", "strict": True}
    assert body(response_format=wanted)["format"] == schema
    _, warnings = built(response_format={**wanted, "description": "for what"})
    assert "description" in warnings[0]


def test_tools() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tools = [{"name": "f", "description": "d", "parameters": schema}, {"name": "g"}]
    for choice in (None, "auto"):
        assert body(tools=tools, tool_choice=choice)["tools"] == [
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": schema},
            },
            {
                "type": "function",
                "function": {"name": "g", "parameters": {"type": "object", "properties": {}}},
            },
        ]
    assert "tools" not in body(tools=tools, tool_choice="none")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"name": "f"}}, "tool_choice"),
        ({"parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": [{"name": "f", "strict": True}]}, "strict"),
    ],
)
def test_what_it_can_not_be_told_of_tools_is_told(fields: Json, word: str) -> None:
    found, [warning] = built(**{"tools": [{"name": "f"}], **fields})
    assert word in warning
    assert word not in json.dumps(found)


# --- messages -------------------------------------------------------------------------------------


def message(*parts: Json) -> Json:
    [found] = body(messages=[{"role": "user", "content": list(parts)}])["messages"]
    return dict(found)


def test_texts_are_one_text_and_images_are_bare_base64() -> None:
    assert message(
        {"type": "text", "text": "What is"},
        {"type": "image", "data": "AAAA", "media_type": "image/png", "detail": "auto"},
        {"type": "image", "url": "data:image/png;base64,BBBB"},
        {"type": "text", "text": "this?"},
    ) == {"role": "user", "content": "What is\nthis?", "images": ["AAAA", "BBBB"]}


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"type": "image", "url": "https://a.example/a.png"}, ".url"),
        ({"type": "image", "url": "data:image/svg+xml,<svg/>"}, ".url"),
        ({"type": "file", "url": "https://a.example/a.pdf"}, ""),
        ({"type": "file", "data": "AAAA", "media_type": "application/pdf"}, ""),
        ({"type": "audio", "data": "AAAA", "media_type": "audio/wav"}, ""),
    ],
)
def test_what_it_does_not_take_is_refused_with_its_place(part: Json, path: str) -> None:
    content = [{"type": "text", "text": "a"}, part]
    with pytest.raises(InvalidParams) as caught:
        built(messages=[*ASK, {"role": "user", "content": content}])
    assert caught.value.path == f"$.request.messages[1].content[1]{path}"
    assert caught.value.provider == "ollama"


def test_the_detail_of_an_image_and_a_speakers_name_are_told() -> None:
    image = {"type": "image", "data": "AAAA", "media_type": "image/png", "detail": "high"}
    found, warnings = built(messages=[{"role": "user", "name": "ada", "content": [image]}])
    assert found["messages"] == [{"role": "user", "content": "", "images": ["AAAA"]}]
    assert [word in each for word, each in zip(("detail", "name"), warnings, strict=True)]


def test_a_conversation_with_tools_goes_back_whole() -> None:
    written = '{"b" : 1e5,  "a":1.0}'
    told = json.dumps(
        line(
            content="I look.",
            thinking="hm",
            tool_calls=[
                {"function": {"name": "f", "arguments": "HERE"}},
                {"function": {"name": "g", "arguments": {}}},
            ],
        )
    ).replace('"HERE"', written)
    response = say(told, end())
    assert response.tool_calls is not None
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": call.name.upper()}
        for call in response.tool_calls
    ]
    spoken = msgspec.to_builtins(response.message)
    raw = WIRE.build_request(
        msgspec.convert({"messages": [*ASK, spoken, *results]}, AIRequest), target(), Facts()
    ).body
    assert written.encode() in (raw or b"")
    ids = [call.id for call in response.tool_calls]
    assert json.loads(raw or b"")["messages"] == [
        *ASK,
        {
            "role": "assistant",
            "content": "I look.",
            "thinking": "hm",
            "tool_calls": [
                {
                    "id": ids[0],
                    "type": "function",
                    "function": {"name": "f", "arguments": {"b": 1e5, "a": 1.0}},
                },
                {"id": ids[1], "type": "function", "function": {"name": "g", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "F", "tool_name": "f", "tool_call_id": ids[0]},
        {"role": "tool", "content": "G", "tool_name": "g", "tool_call_id": ids[1]},
    ]


def test_a_result_without_its_call_is_told_unless_it_names_its_tool() -> None:
    result = {"role": "tool", "tool_call_id": "x", "content": "5"}
    found, [warning] = built(messages=[result])
    assert "tool_name" not in found["messages"][0]
    assert "which tool" in warning
    named = body(messages=[{**result, "name": "f"}])
    assert named["messages"][0]["tool_name"] == "f"


@pytest.mark.parametrize("arguments", ["{", "[1]", "7", '"a"', "[" * 100_000])
def test_arguments_that_are_no_object_are_refused_with_their_place(arguments: str) -> None:
    call = {"id": "x", "name": "f", "arguments": arguments}
    with pytest.raises(InvalidParams) as caught:
        built(messages=[*ASK, {"role": "assistant", "tool_calls": [call]}])
    assert caught.value.path == "$.request.messages[1].tool_calls[0].arguments"


def test_a_call_without_arguments_has_an_empty_object() -> None:
    call = {"id": "x", "name": "f", "arguments": ""}
    found = body(messages=[*ASK, {"role": "assistant", "tool_calls": [call]}])
    [sent] = found["messages"][1]["tool_calls"]
    assert sent["function"] == {"name": "f", "arguments": {}}
