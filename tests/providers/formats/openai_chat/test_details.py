"""What stands beside the text: logprobs, tool calls."""

from __future__ import annotations

import json

import pytest

from sidecar.values import ToolCall
from tests.providers.answers import (
    answer,
    delta,
)
from tests.providers.formats.openai_chat.saying import Json, say, whole_answer


def test_logprobs_that_are_not_numbers_are_null() -> None:
    entry = '{"token": "a", "logprob": %s, "bytes": [97], "top_logprobs": []}'
    body = json.dumps(delta("stop", content="ab")).replace(
        '"finish_reason"',
        '"logprobs": {"content": [' + entry % "NaN" + "," + entry % "-Infinity" + "], "
        '"refusal": null}, "finish_reason"',
    )
    response = say(body)
    assert response.logprobs is not None
    assert [each["logprob"] for each in response.logprobs["content"]] == [None, None]
    assert response.content == "ab"


def test_logprobs_of_any_name_are_kept_and_joined() -> None:
    def chunk(**logprobs: object) -> Json:
        return {"choices": [{"index": 0, "delta": {"content": "a"}, "logprobs": logprobs}]}

    response = say(
        chunk(tokens=["a"], token_logprobs=[-0.5], content=[]),
        chunk(tokens=["b"], token_logprobs=[-1.5], content=None),
        delta("stop"),
    )
    assert response.logprobs == {"tokens": ["a", "b"], "token_logprobs": [-0.5, -1.5]}


@pytest.mark.parametrize("logprobs", [[1], "x", 7, {"content": "x"}])
def test_logprobs_that_can_not_be_read_are_told(logprobs: object) -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs, "finish_reason": "stop"}
    response = say({"choices": [choice]})
    assert (response.content, response.logprobs) == ("a", None)
    assert "logprobs" in (response.warnings or [""])[0]


@pytest.mark.parametrize("logprobs", [None, {}, [], {"content": None, "refusal": []}])
def test_logprobs_that_hold_nothing_are_nothing_to_tell(logprobs: object) -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs, "finish_reason": "stop"}
    assert say({"choices": [choice]}).warnings is None


@pytest.mark.parametrize("logprobs", [[1], "x", {"content": {}}, {"content": [["\ud83d"]]}])
def test_logprobs_of_another_shape_do_not_cost_the_answer(logprobs: object) -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs, "finish_reason": "stop"}
    assert say({"choices": [choice]}).content == "a"


def test_the_form_before_tools_were_is_a_tool_call() -> None:
    response = say(
        delta(function_call={"name": "f", "arguments": '{"x"'}),
        delta(function_call={"arguments": ": 1}"}),
        delta("function_call"),
    )
    assert response.tool_calls == [ToolCall(id="call_c1_0", name="f", arguments='{"x": 1}')]
    assert response.finish_reason == "tool_calls"


def test_both_forms_of_one_call_are_one_call() -> None:
    function = {"name": "f", "arguments": "{}"}
    call = {"index": 0, "id": "a", "type": "function", "function": function}
    response = say(delta("tool_calls", tool_calls=[call], function_call=function))
    assert response.tool_calls == [ToolCall(id="a", name="f", arguments="{}")]


def test_a_whole_answer_with_one_id_for_all_calls_has_all_calls() -> None:
    call = {"id": "same", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    response = answer(whole_answer("tool_calls", content=None, tool_calls=[call, call]))
    assert [each.id for each in response.tool_calls or ()] == ["same", "call_c1_1"]


def test_a_call_without_a_name_is_kept_and_told() -> None:
    response = say(delta("tool_calls", tool_calls=[{"index": 0, "function": {"arguments": "{}"}}]))
    assert response.tool_calls == [ToolCall(id="call_c1_0", name="", arguments="{}")]
    assert "without a name" in (response.warnings or [""])[0]
