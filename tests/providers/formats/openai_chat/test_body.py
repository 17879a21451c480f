"""Requests: what each field of AIRequest becomes for each vendor."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts
from sidecar.values import AIRequest
from tests.providers.answers import WIRE, answer, target_of

Json = dict[str, Any]
ASK = [{"role": "user", "content": "hi"}]


def built(vendor: str = "openai-compatible", **fields: object) -> tuple[Json, Facts]:
    facts = Facts()
    request = msgspec.convert({"messages": ASK, **fields}, AIRequest)
    http = WIRE.build_request(request, target_of(vendor, model="m"), facts)
    return json.loads(http.body or b""), facts


def body(vendor: str = "openai-compatible", **fields: object) -> Json:
    found, facts = built(vendor, **fields)
    assert facts.warnings == []
    return found


def test_what_was_not_asked_for_is_not_sent() -> None:
    assert body() == {"model": "m", "messages": ASK}


def test_every_plain_field_has_its_place() -> None:
    assert body(
        temperature=0.5,
        top_p=0.9,
        max_tokens=7,
        stop_sequences=["END"],
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=3,
        reasoning={"effort": "low"},
        metadata={"mine": "not sent"},
    ) == {
        "model": "m",
        "messages": ASK,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop": ["END"],
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "seed": 3,
        "reasoning_effort": "low",
    }


def test_a_stream_asks_for_its_usage_where_the_vendor_knows_how() -> None:
    assert body("openai", stream=True)["stream_options"] == {"include_usage": True}
    for vendor in ("mistral", "perplexity"):
        assert body(vendor, stream=True) == {"model": "m", "messages": ASK, "stream": True}


def test_vendors_have_words_of_their_own() -> None:
    tools = [{"name": "f"}]
    assert body("openai", max_tokens=7)["max_completion_tokens"] == 7
    mistral = body("mistral", seed=3, tools=tools, tool_choice="required")
    assert (mistral["random_seed"], mistral["tool_choice"]) == (3, "any")
    assert body("openai", tools=tools, tool_choice="required")["tool_choice"] == "required"


def test_tools_and_their_choice() -> None:
    schema = {"type": "object", "properties": {}}
    found = body(
        tools=[{"name": "f", "description": "d", "parameters": schema, "strict": True}],
        tool_choice={"name": "f"},
        parallel_tool_calls=False,
    )
    function = {"name": "f", "description": "d", "parameters": schema, "strict": True}
    assert found["tools"] == [{"type": "function", "function": function}]
    assert found["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert found["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "schema": {"type": "object"}, "name": "n", "strict": True},
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
            },
        ),
    ],
)
def test_json_mode_and_json_schema(wanted: Json, expected: Json | None) -> None:
    assert body(response_format=wanted).get("response_format") == expected


SCHEMA = {"type": "json_schema", "schema": {"type": "object", "required": ["a"]}}
OBJECT = {"type": "json_object"}


def test_a_vendor_without_json_schema_is_asked_for_an_object_and_that_is_told() -> None:
    found, facts = built("deepseek", response_format=SCHEMA)
    assert found["response_format"] == OBJECT
    assert "JSON schema" in facts.warnings[0]
    assert body("deepseek", response_format=OBJECT)["response_format"] == OBJECT


@pytest.mark.parametrize("vendor", ["lmstudio", "perplexity"])
def test_a_vendor_without_json_objects_is_asked_for_them_by_a_schema(vendor: str) -> None:
    found = body(vendor, response_format=OBJECT)["response_format"]
    assert found["type"] == "json_schema"
    assert found["json_schema"]["schema"] == {"type": "object"}
    sent = body(vendor, response_format=SCHEMA)["response_format"]["json_schema"]
    assert sent["schema"] == SCHEMA["schema"]


def test_what_a_vendor_refuses_is_told_and_not_sent() -> None:
    found, facts = built("perplexity", seed=3, stop_sequences=["END"], top_p=0.5)
    assert found == {"model": "m", "messages": ASK, "top_p": 0.5}
    assert [name in each for name, each in zip(("seed", "stop"), facts.warnings, strict=True)]
    assert body("perplexity") == {"model": "m", "messages": ASK}


@pytest.mark.parametrize(
    ("vendor", "effort", "expected"),
    [
        ("groq", "minimal", "low"),
        ("groq", "xhigh", "high"),
        ("mistral", "low", "high"),
        ("cerebras", "minimal", "low"),
        ("xai", "minimal", "low"),
        ("fireworks", "minimal", "low"),
        ("together", "xhigh", "high"),
    ],
)
def test_an_effort_that_a_vendor_has_not_is_the_nearest_and_that_is_told(
    vendor: str, effort: str, expected: str
) -> None:
    found, facts = built(vendor, reasoning={"effort": effort})
    assert found["reasoning_effort"] == expected
    assert effort in facts.warnings[0]
    assert expected in facts.warnings[0]
    assert body(vendor, reasoning={"effort": "none"})["reasoning_effort"] == "none"


def test_deepseek_has_a_switch_beside_its_efforts() -> None:
    assert body("deepseek", reasoning={"effort": "none"})["thinking"] == {"type": "disabled"}
    assert body("deepseek", reasoning={})["thinking"] == {"type": "enabled"}
    found = body("deepseek", reasoning={"effort": "low"})
    assert found["reasoning_effort"] == "low"
    assert "thinking" not in found


def test_groq_takes_no_names_at_all() -> None:
    spoken = {"role": "user", "content": "hi", "name": "ada"}
    result = {"role": "tool", "content": "5", "tool_call_id": "x", "name": "f"}
    found, facts = built("groq", messages=[spoken, result])
    assert not any("name" in each for each in found["messages"])
    [warning] = facts.warnings  # whose result it is, its id tells
    assert "user message" in warning


def content(vendor: str, part: Json) -> Json:
    [message] = body(vendor, messages=[{"role": "user", "content": [part]}])["messages"]
    [found] = message["content"]
    return dict(found)


def test_images_are_sent_as_urls_or_as_data() -> None:
    url = {"type": "image", "url": "https://a.example/a.png", "detail": "low"}
    assert content("openai", url) == {
        "type": "image_url",
        "image_url": {"url": "https://a.example/a.png", "detail": "low"},
    }
    data = {"type": "image", "data": "AAAA", "media_type": "image/png"}
    assert content("openai", data) == {
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA"},
    }


def test_documents_and_sound() -> None:
    pdf = {"type": "file", "data": "AAAA", "media_type": "application/pdf", "filename": "a.pdf"}
    sent = "data:application/pdf;base64,AAAA"
    assert content("openai", pdf) == {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": sent},
    }
    assert content("mistral", pdf) == {
        "type": "document_url",
        "document_url": sent,
        "document_name": "a.pdf",
    }
    sound = {"type": "audio", "data": "AAAA", "media_type": "audio/mpeg"}
    assert content("openai", sound) == {
        "type": "input_audio",
        "input_audio": {"data": "AAAA", "format": "mp3"},
    }


def test_a_document_by_its_url_goes_to_those_who_fetch_it() -> None:
    pdf = {"type": "file", "url": "https://a.example/a.pdf"}
    assert content("mistral", pdf)["document_url"] == pdf["url"]
    text = {"type": "text", "text": "Read this."}
    messages = [*ASK, {"role": "user", "content": [text, pdf]}]
    with pytest.raises(InvalidParams) as refused:
        built("openai", messages=messages)
    assert refused.value.path == "$.request.messages[1].content[1].url"
    assert "base64" in refused.value.hint


def test_names_go_to_those_who_take_them_and_their_loss_is_told() -> None:
    named = {"role": "user", "name": "ada", "content": "hi"}
    result = {"role": "tool", "tool_call_id": "a", "name": "f", "content": "2"}
    assert body("openai", messages=[named, result])["messages"] == [named, result]
    found, facts = built("mistral", messages=[named, result])
    assert found["messages"] == [*ASK, result]
    assert "takes no `name` in a user message" in facts.warnings[0]


def test_an_answers_message_goes_back_whole() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    message = {"content": None, "reasoning_content": "hm", "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    response = answer(json.dumps({"choices": [choice]}).encode(), target_of("deepseek"))
    result = {"role": "tool", "tool_call_id": "a", "content": "2"}
    messages = [*ASK, msgspec.to_builtins(response.message), result]
    [_, back, tool] = body("deepseek", messages=messages)["messages"]
    assert (back["tool_calls"], back["reasoning_content"]) == ([call], "hm")
    assert tool == result
    elsewhere, facts = built("openai", messages=messages)
    assert "reasoning_content" not in elsewhere["messages"][1]
    assert facts.warnings == [
        "Reasoning of earlier messages that OpenAI does not take back was not sent."
    ]


THOUGHT = {"role": "assistant", "content": "4", "reasoning": [{"text": "2 and "}, {"text": "2."}]}


def test_reasoning_goes_back_as_its_vendor_wants_it() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2."}]}
    assert body("mistral", messages=[THOUGHT])["messages"][0]["content"] == [
        thinking,
        {"type": "text", "text": "4"},
    ]
    called = THOUGHT | {"content": None}
    call = {"id": "a", "name": "f", "arguments": "{}"}
    given = body("mistral", messages=[called | {"tool_calls": [call]}])["messages"][0]
    assert given["content"] == [thinking]
    parts = THOUGHT | {"content": [{"type": "text", "text": "4"}]}
    assert len(body("mistral", messages=[parts])["messages"][0]["content"]) == 2
    assert body("vllm", messages=[THOUGHT])["messages"][0]["reasoning"] == "2 and 2."
    summed_up = THOUGHT | {"reasoning": [{"summary": "A sum."}]}
    assert body("deepseek", messages=[summed_up])["messages"][0]["reasoning_content"] == "A sum."


@pytest.mark.parametrize("vendor", ["mistral", "vllm", "deepseek"])
def test_reasoning_that_has_no_words_is_told_and_not_sent(vendor: str) -> None:
    sealed = THOUGHT | {"reasoning": [{"data": "x", "signature": "s"}]}
    found, facts = built(vendor, messages=[sealed])
    assert found["messages"][0] == {"role": "assistant", "content": "4"}
    assert "was not sent" in facts.warnings[0]


def test_tools_that_a_vendor_passes_over_are_told_and_not_sent() -> None:
    tools = [{"name": "f", "parameters": {}}]
    found, facts = built("perplexity", tools=tools, tool_choice="required")
    assert not {"tools", "tool_choice"} & set(found)
    assert facts.warnings == ["Perplexity takes no `tools`; they were not sent."]


def test_without_tools_nothing_is_said_of_them() -> None:
    assert body(tools=[], tool_choice="auto", parallel_tool_calls=True) == body()


def test_extra_goes_into_the_body_and_may_change_fields_of_it() -> None:
    found = body(temperature=1, extra={"top_k": 5, "temperature": 0.1})
    assert (found["top_k"], found["temperature"]) == (5, 0.1)


def test_what_a_vendor_does_not_take_is_told() -> None:
    _, facts = built(reasoning={"max_tokens": 100})
    assert "reasoning.max_tokens" in facts.warnings[0]


@pytest.mark.parametrize("vendor", ["openai-compatible", "groq", "mistral"])
def test_reasoning_without_a_measure_is_told(vendor: str) -> None:
    found, facts = built(vendor, reasoning={})
    assert "reasoning_effort" not in found
    assert "wants an effort" in facts.warnings[0]


def test_the_key_goes_into_its_header_and_nowhere_else() -> None:
    request = msgspec.convert({"messages": ASK}, AIRequest)
    http = WIRE.build_request(request, target_of("openai", key="k-1"), Facts())
    assert http.headers["authorization"] == "Bearer k-1"
    assert b"k-1" not in (http.body or b"")
    assert "k-1" not in http.url
    bare = WIRE.build_request(request, target_of("llamacpp"), Facts())
    assert "authorization" not in bare.headers
