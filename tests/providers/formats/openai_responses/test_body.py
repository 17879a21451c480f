from __future__ import annotations

from typing import Any

import pytest

from sidecar.errors import InvalidParams
from sidecar.keys.secret import Secret
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import (
    AIRequest,
    JsonObjectFormat,
    JsonSchemaFormat,
    NamedToolChoice,
    ReasoningOptions,
    Tool,
)
from tests.providers.answers import target_of
from tests.providers.formats.openai_responses.answering import WIRE, Json, target
from tests.providers.formats.openai_responses.asking import HI, built

CITY = {"type": "object", "properties": {"city": {"type": "string"}}}


def test_a_request_leaves_nothing_behind_at_the_provider() -> None:
    assert built()[0] == {
        "model": "m",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "hi"}],
            }
        ],
        "store": False,
    }


def test_it_goes_to_responses_with_the_key_and_the_organization() -> None:
    to = Target(
        vendor=target_of("openai").vendor,
        base_url="https://api.openai.com/v1",
        model="gpt-5",
        deadlines=target().deadlines,
        key=Secret("sk-responses-1"),
        organization="org-1",
    )
    http = WIRE.build_request(AIRequest(messages=HI, stream=True), to, Facts())
    assert (http.method, http.url) == ("POST", "https://api.openai.com/v1/responses")
    assert http.headers["authorization"] == "Bearer sk-responses-1"
    assert http.headers["openai-organization"] == "org-1"
    assert http.headers["accept"] == "text/event-stream"


def test_what_has_another_name_here_is_sent_under_it() -> None:
    body, warnings = built(temperature=0.5, top_p=0.9, max_tokens=99, stream=True)
    assert (body["temperature"], body["top_p"], body["max_output_tokens"]) == (0.5, 0.9, 99)
    assert body["stream"] is True
    assert warnings == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("stop_sequences", ["x"]), ("seed", 1), ("frequency_penalty", 0.1), ("presence_penalty", 0.0)],
)
def test_what_this_api_does_not_take_is_told_and_not_sent(field: str, value: object) -> None:
    fields: Json = {field: value}
    body, warnings = built(**fields)
    assert body == built()[0]
    assert warnings == [f"Own takes no `{field}` by its Responses API; it was not sent."]


# --- tools ---------------------------------------------------------------------------------------


def test_tools_are_flat() -> None:
    tools = [
        Tool(name="f", description="d", parameters=CITY, strict=True),
        Tool(name="g"),
    ]
    body, _ = built(tools=tools, tool_choice=NamedToolChoice(name="f"), parallel_tool_calls=False)
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": "d", "parameters": CITY, "strict": True},
        {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}},
    ]
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert body["parallel_tool_calls"] is False


@pytest.mark.parametrize("choice", ["auto", "none", "required"])
def test_a_choice_keeps_its_word(choice: Any) -> None:  # noqa: ANN401 - a literal
    assert built(tools=[Tool(name="f")], tool_choice=choice)[0]["tool_choice"] == choice


def test_a_choice_without_tools_is_not_sent() -> None:
    body, _ = built(tool_choice="auto", parallel_tool_calls=True)
    assert "tool_choice" not in body
    assert "parallel_tool_calls" not in body


# --- structured output ---------------------------------------------------------------------------


def test_a_schema_goes_where_the_text_is_described() -> None:
    wanted = JsonSchemaFormat(schema=CITY, name="place", description="d", strict=True)
    assert built(response_format=wanted)[0]["text"] == {
        "format": {
            "type": "json_schema",
            "name": "place",
            "description": "d",
            "schema": CITY,
            "strict": True,
        }
    }
    assert built(response_format=JsonObjectFormat())[0]["text"] == {
        "format": {"type": "json_object"}
    }


# --- reasoning -----------------------------------------------------------------------------------


def test_an_effort_is_sent_and_what_was_thought_is_asked_for_encrypted() -> None:
    body, warnings = built(reasoning=ReasoningOptions(effort="high"))
    assert body["reasoning"] == {"effort": "high"}
    assert body["include"] == ["reasoning.encrypted_content"]
    assert warnings == []


def test_a_number_of_tokens_to_think_is_told_and_not_sent() -> None:
    body, warnings = built(reasoning=ReasoningOptions(max_tokens=100))
    assert "reasoning" not in body
    assert "include" not in body
    assert "takes no `reasoning.max_tokens`" in warnings[0]


@pytest.mark.parametrize(
    "model",
    ["o3", "o4-mini-2025-04-16", "gpt-5", "gpt-5.6-sol", "openai/gpt-5-mini", "ft:o4-mini:x"],
)
def test_a_model_that_reasons_by_itself_is_asked_for_it_encrypted(model: str) -> None:
    assert built(target(model))[0]["include"] == ["reasoning.encrypted_content"]


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4.1", "gpt-5-chat-latest", "gpt-35-turbo", "m"])
def test_a_model_that_does_not_reason_is_not_asked_since_it_would_refuse(model: str) -> None:
    assert "include" not in built(target(model))[0]


SAMPLED: Json = {"temperature": 0.5, "top_p": 0.5}


@pytest.mark.parametrize(
    ("model", "effort", "taken"),
    [
        ("gpt-4o", None, True),
        ("some-model", "high", True),
        ("gpt-5.1", None, True),
        ("gpt-5.2-2025-12-11", None, True),
        ("gpt-5.6-sol", "none", True),
        ("gpt-5.2", "low", False),
        ("gpt-5.2-pro", None, False),
        ("gpt-5.1-codex", None, False),
        ("gpt-5.3-chat-latest", None, False),
        ("gpt-5", None, False),
        ("gpt-5.5", None, False),
        ("o3", None, False),
    ],
)
def test_a_model_that_reasons_gets_no_temperature_which_it_would_refuse(
    model: str,
    effort: Any,  # noqa: ANN401 - a literal
    taken: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    reasoning = ReasoningOptions(effort=effort) if effort else None
    body, warnings = built(target(model), reasoning=reasoning, **SAMPLED)
    assert {name: body[name] for name in SAMPLED if name in body} == (SAMPLED if taken else {})
    told = [f"{model} takes no `{name}` while it reasons; it was not sent." for name in SAMPLED]
    assert warnings == ([] if taken else told)


# --- free fields ---------------------------------------------------------------------------------


def test_free_fields_are_added_and_win() -> None:
    body, _ = built(extra={"store": True, "service_tier": "flex", "max_output_tokens": 5})
    assert (body["store"], body["service_tier"], body["max_output_tokens"]) == (True, "flex", 5)


def test_free_fields_with_several_things_in_them_take_none_of_ours_away() -> None:
    search = {"type": "web_search"}
    body, _ = built(
        target("gpt-5"),
        tools=[Tool(name="f")],
        response_format=JsonObjectFormat(),
        reasoning=ReasoningOptions(effort="low"),
        extra={
            "tools": [search],
            "text": {"verbosity": "low"},
            "reasoning": {"summary": "auto"},
            "include": ["web_search_call.action.sources", "reasoning.encrypted_content"],
        },
    )
    assert [tool["type"] for tool in body["tools"]] == ["function", "web_search"]
    assert body["text"] == {"format": {"type": "json_object"}, "verbosity": "low"}
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}
    assert body["include"] == ["reasoning.encrypted_content", "web_search_call.action.sources"]


def test_a_choice_between_the_providers_own_tools_is_sent() -> None:
    body, _ = built(tool_choice="required", extra={"tools": [{"type": "web_search"}]})
    assert body["tool_choice"] == "required"


@pytest.mark.parametrize("name", ["input", "stream"])
def test_free_fields_cannot_replace_the_conversation(name: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        built(extra={name: []})
    assert refused.value.path == f"$.request.extra.{name}"
