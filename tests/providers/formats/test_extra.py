"""Free fields of a request: what they add, and that they take nothing away."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.providers.formats import load
from sidecar.providers.formats.extra import merged
from sidecar.providers.sink import Facts
from sidecar.values import AIMessage, AIRequest, Tool
from tests.providers.answers import target_of

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("body", "extra", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": None}, {"a": None}),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}, {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a": {"type": "x", "b": 1}}, {"a": {"type": "y"}}, {"a": {"type": "y"}}),
        ({"tools": [1, 2]}, {"tools": [2, 3]}, {"tools": [1, 2, 3]}),
        ({"include": ["a"]}, {"include": ["b"]}, {"include": ["a", "b"]}),
        ({"stop": ["a"]}, {"stop": ["b"]}, {"stop": ["b"]}),
        ({"tools": [1]}, {"tools": None}, {"tools": None}),
    ],
)
def test_objects_are_merged_tools_added_and_all_else_replaced(
    body: Json, extra: Json, expected: Json
) -> None:
    before = json.dumps([body, extra])
    assert merged(body, extra) == expected
    assert json.dumps([body, extra]) == before, "what was given is left as it was"


FORMATS = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "ollama": "ollama",
}


@pytest.mark.parametrize(("name", "vendor"), FORMATS.items())
def test_a_tool_of_the_providers_own_stands_beside_the_functions(name: str, vendor: str) -> None:
    request = AIRequest(
        messages=[AIMessage(role="user", content="Hello")],
        tools=[Tool(name="look_up", parameters={"type": "object"})],
        max_tokens=5,
        extra={"tools": [{"web_search": {}}], "metadata": {"a": "b"}},
    )
    http = load(name).build_request(request, target_of(vendor, model="m"), Facts())
    body = json.loads(http.body or b"")
    assert "look_up" in json.dumps(body["tools"][0])
    assert body["tools"][-1] == {"web_search": {}}
    assert body["metadata"] == {"a": "b"}


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic"])
def test_what_is_chosen_of_the_providers_own_tools_is_sent(name: str) -> None:
    request = AIRequest(
        messages=[AIMessage(role="user", content="Hello")],
        tool_choice="required",
        max_tokens=5,
        extra={"tools": [{"type": "web_search"}]},
    )
    http = load(name).build_request(request, target_of(FORMATS[name], model="m"), Facts())
    assert json.loads(http.body or b"")["tool_choice"] in ("required", {"type": "any"})
