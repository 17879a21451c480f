from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from sidecar.errors import InvalidParams
from sidecar.providers.sink import Facts
from sidecar.values import AIRequest
from tests.providers.answers import target_of
from tests.providers.formats.gemini.saying import WIRE, body_of, google, user

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def http(model: str = "gemini-3-flash-preview", *, stream: bool = False) -> Any:  # noqa: ANN401
    request = AIRequest(messages=[user()], stream=stream)
    target = target_of("google", model=model, key="AIza-key-0123456789")
    return WIRE.build_request(request, target, Facts())


def test_the_model_and_the_way_of_answering_stand_in_the_address() -> None:
    plain, streams = http(), http(stream=True)
    root = "https://generativelanguage.googleapis.com/v1beta/models/gemini-3-flash-preview"
    assert (plain.method, plain.url) == ("POST", f"{root}:generateContent")
    assert streams.url == f"{root}:streamGenerateContent?alt=sse"
    assert streams.headers["accept"] == "text/event-stream"
    assert "stream" not in json.loads(streams.body)


def test_the_key_goes_into_its_header_and_not_into_the_address() -> None:
    built = http()
    assert built.headers["x-goog-api-key"] == "AIza-key-0123456789"
    assert "authorization" not in built.headers
    assert urlsplit(built.url).query == ""


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("models/gemini-2.5-flash", "models/gemini-2.5-flash"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
        ("a/b", "models/a%2Fb"),
        ("x?key=1#y", "models/x%3Fkey%3D1%23y"),
        ("../../v1/x", "models/..%2F..%2Fv1%2Fx"),
        ("models/../x:y", "models/..%2Fx%3Ay"),
        ("g:streamGenerateContent", "models/g%3AstreamGenerateContent"),
    ],
)
def test_a_models_name_leads_nowhere_else(model: str, path: str) -> None:
    url = urlsplit(http(model).url)
    assert url.path == f"/v1beta/{path}:generateContent"
    assert url.query == url.fragment == ""


def test_a_plain_question_is_sent_without_anything_else() -> None:
    assert body_of(user("hi")) == ({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}, [])


def test_every_setting_has_its_field() -> None:
    body, warnings = body_of(
        user(), temperature=0.5, top_p=0.9, max_tokens=7, stop_sequences=["x"], seed=3,
        frequency_penalty=0.1, presence_penalty=-0.1,
    )  # fmt: skip
    assert body["generationConfig"] == {
        "temperature": 0.5, "topP": 0.9, "maxOutputTokens": 7, "stopSequences": ["x"], "seed": 3,
        "frequencyPenalty": 0.1, "presencePenalty": -0.1,
    }  # fmt: skip
    assert warnings == []
    assert "generationConfig" not in body_of(user(), stop_sequences=[])[0]


def test_tools_are_declared_with_their_json_schema() -> None:
    tools = [{"name": "f", "description": "d", "parameters": SCHEMA}, {"name": "g"}]
    body, warnings = body_of(user(), tools=tools)
    assert body["tools"] == [{"functionDeclarations": [
        {"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}, {"name": "g"},
    ]}]  # fmt: skip
    assert "toolConfig" not in body
    assert warnings == []


@pytest.mark.parametrize(
    ("choice", "strict", "config"),
    [
        (None, None, None),
        ("auto", None, {"mode": "AUTO"}),
        ("none", None, {"mode": "NONE"}),
        ("required", True, {"mode": "ANY"}),
        ({"name": "f"}, None, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (None, True, {"mode": "VALIDATED"}),
        ("auto", True, {"mode": "VALIDATED"}),
        (None, False, None),
    ],
)
def test_the_choice_of_tools_has_its_mode(choice: object, strict: object, config: object) -> None:
    tools = [{"name": "f", "strict": strict} if strict is not None else {"name": "f"}]
    fields: Json = {"tools": tools} | ({"tool_choice": choice} if choice else {})
    found = body_of(user(), **fields)[0].get("toolConfig")
    assert found == (config and {"functionCallingConfig": config})


def test_a_choice_without_tools_is_none() -> None:
    assert "toolConfig" not in body_of(user(), tool_choice="required")[0]


def test_parallel_calls_can_not_be_switched_off_and_that_is_told() -> None:
    tools = [{"name": "f"}]
    assert body_of(user(), tools=tools, parallel_tool_calls=True)[1] == []
    body, warnings = body_of(user(), tools=tools, parallel_tool_calls=False)
    assert "parallel" not in json.dumps(body)
    assert "`parallel_tool_calls`" in warnings[0]


def test_structured_output_is_asked_for_by_the_apis_own_means() -> None:
    wanted = {"type": "json_schema", "schema": SCHEMA, "name": "n", "strict": True}
    assert body_of(user(), response_format=wanted)[0]["generationConfig"] == {
        "responseMimeType": "application/json", "responseJsonSchema": SCHEMA,
    }  # fmt: skip
    body, _ = body_of(user(), response_format=wanted | {"description": "d"})
    assert body["generationConfig"]["responseJsonSchema"] == {"description": "d", **SCHEMA}
    body, _ = body_of(user(), response_format={"type": "json_object"})
    assert body["generationConfig"] == {"responseMimeType": "application/json"}
    assert "generationConfig" not in body_of(user(), response_format={"type": "text"})[0]


def test_extra_is_merged_at_every_depth_and_adds_to_the_tools() -> None:
    body, _ = body_of(
        user(), temperature=0, tools=[{"name": "f"}],
        extra={"generationConfig": {"topK": 40, "thinkingConfig": {"thinkingBudget": -1}},
               "tools": [{"googleSearch": {}}], "cachedContent": "cachedContents/x"},
    )  # fmt: skip
    assert body["generationConfig"] == {
        "temperature": 0, "topK": 40, "thinkingConfig": {"thinkingBudget": -1},
    }  # fmt: skip
    assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]
    assert body["cachedContent"] == "cachedContents/x"
    assert body_of(user(), extra={"tools": [{"codeExecution": {}}]})[0]["tools"] == [
        {"codeExecution": {}}
    ]
    replaced, _ = body_of(user(), temperature=0, extra={"generationConfig": {"temperature": 1}})
    assert replaced["generationConfig"] == {"temperature": 1}


def test_extra_replaces_no_messages() -> None:
    with pytest.raises(InvalidParams) as caught:
        body_of(user(), extra={"contents": []})
    assert caught.value.path == "$.request.extra.contents"


# --- thinking ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "config", "told"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}, ""),
        ("gemini-2.5-flash", "minimal", {"thinkingBudget": 1024}, ""),
        ("gemini-2.5-flash-lite", "low", {"thinkingBudget": 1024}, ""),
        ("models/gemini-2.5-flash", "medium", {"thinkingBudget": 8192}, ""),
        ("gemini-2.5-flash", "high", {"thinkingBudget": 24576}, ""),
        ("gemini-2.5-flash", "xhigh", {"thinkingBudget": 24576}, ""),
        ("gemini-2.5-pro", "xhigh", {"thinkingBudget": 32768}, ""),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}, "can't be kept from thinking"),
        ("gemini-3-flash-preview", "minimal", {"thinkingLevel": "minimal"}, ""),
        ("gemini-3-flash-preview", "none", {"thinkingLevel": "minimal"}, "can't be kept"),
        ("gemini-3-pro-preview", "medium", {"thinkingLevel": "high"}, "no thinking level `medium`"),
        ("gemini-3-pro-preview", "none", {"thinkingLevel": "low"}, "can't be kept"),
        ("gemini-3.1-pro-preview", "medium", {"thinkingLevel": "medium"}, ""),
        ("gemini-3.1-pro-preview", "minimal", {"thinkingLevel": "low"}, "`minimal`"),
        ("gemini-3.1-flash-lite", "minimal", {"thinkingLevel": "minimal"}, ""),
        ("gemini-3.8-flash", "minimal", {"thinkingLevel": "low"}, "`minimal`"),
        ("gemini-3.8-flash", "xhigh", {"thinkingLevel": "high"}, "`xhigh`"),
        ("gemini-flash-latest", "low", {"thinkingLevel": "low"}, ""),
        ("gemini-4-ultra", "high", {"thinkingLevel": "high"}, ""),
        ("gemini-2.0-flash", "high", None, "does not think"),
        ("gemini-1.5-pro", "none", None, ""),
        ("gemma-3-27b-it", "low", None, "does not think"),
        ("gemma-4-31b-it", "high", {"thinkingLevel": "high"}, ""),
    ],
)
def test_effort_is_what_the_model_takes(
    model: str, effort: str, config: Json | None, told: str
) -> None:
    body, warnings = body_of(user(), model=model, reasoning={"effort": effort})
    found = body.get("generationConfig", {}).get("thinkingConfig")
    if config is not None and effort != "none":
        config = {"includeThoughts": True, **config}
    assert found == config
    assert told in " ".join(warnings)
    assert bool(warnings) == bool(told)


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-3-flash-preview"])
def test_a_number_of_tokens_is_a_budget_and_counts_more_than_a_word(model: str) -> None:
    body, warnings = body_of(user(), model=model, reasoning={"max_tokens": 77})
    wanted = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 77}}
    assert (body["generationConfig"], warnings) == (wanted, [])
    body, warnings = body_of(user(), model=model, reasoning={"max_tokens": 77, "effort": "low"})
    assert body["generationConfig"] == wanted
    assert "one of" in warnings[0]


def test_reasoning_without_a_measure_is_as_much_as_the_model_likes_and_is_shown() -> None:
    body, warnings = body_of(user(), reasoning={})
    assert body["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}
    assert warnings == []


# --- counting ------------------------------------------------------------------------------------


def test_tokens_are_counted_of_the_whole_request() -> None:
    request = msgspec.convert(
        {"messages": [user()], "tools": [{"name": "f"}], "temperature": 1}, AIRequest
    )
    built = WIRE.build_count_request(request, google(), Facts())
    whole = json.loads(WIRE.build_request(request, google(), Facts()).body or b"")
    assert built.url.endswith("/models/gemini-3-flash-preview:countTokens")
    assert json.loads(built.body or b"") == {
        "generateContentRequest": {"model": "models/gemini-3-flash-preview", **whole}
    }
