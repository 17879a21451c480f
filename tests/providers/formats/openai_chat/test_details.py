"""What stands beside the text: logprobs, sources, tool calls."""

from __future__ import annotations

import json

import pytest

from sidecar.values import Citation, ToolCall
from tests.providers.answers import (
    answer,
    delta,
)
from tests.providers.formats.openai_chat.saying import USAGE, Json, say, whole_answer


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


@pytest.mark.parametrize("logprobs", [[1], "x", {"content": {}}, {"content": [["\ud83d"]]}])
def test_logprobs_of_another_shape_do_not_cost_the_answer(logprobs: object) -> None:
    choice = {"index": 0, "delta": {"content": "a"}, "logprobs": logprobs, "finish_reason": "stop"}
    assert say({"choices": [choice]}).content == "a"


SOURCES: list[Json] = [
    {"url": "https://a.example", "title": "A", "snippet": "of a", "date": "2025-01-01"},
    {"url": "https://b.example", "title": "B", "snippet": "", "date": None},
]
CITED = [
    Citation(url="https://a.example", title="A", text="of a", date="2025-01-01"),
    Citation(url="https://b.example", title="B"),
]


def test_perplexitys_list_in_every_chunk_is_told_once_in_its_order() -> None:
    more = {"citations": [each["url"] for each in SOURCES], "search_results": SOURCES}
    response = say(
        {**delta(content="a[1]"), **more, "usage": USAGE},
        {**delta(content="b[2]"), **more, "usage": {**USAGE, "completion_tokens": 9}},
        {**delta("stop"), **more},
        vendor="perplexity",
    )
    assert response.citations == CITED
    assert response.content == "a[1]b[2]"
    assert response.usage is not None
    assert response.usage.completion_tokens == 9


def test_perplexitys_message_beside_the_delta_is_not_said_again() -> None:
    def chunk(piece: str, so_far: str, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": {"content": piece}, "message": {"content": so_far}}
        return {"choices": [{**choice, "finish_reason": finish}]}

    assert say(chunk("a", "a"), chunk("b", "ab"), chunk("", "ab", "stop")).content == "ab"


def test_a_list_of_sources_that_grows_tells_what_is_new() -> None:
    response = say(
        {**delta(content="a"), "search_results": SOURCES[:1]},
        {**delta("stop"), "search_results": SOURCES},
    )
    assert response.citations == CITED


def test_a_source_that_stands_in_the_list_twice_keeps_its_number() -> None:
    urls = ["https://a.example", "https://b.example", "https://a.example"]
    response = say({**delta(content="a"), "citations": urls}, {**delta("stop"), "citations": urls})
    assert [each.url for each in response.citations or ()] == urls


def test_results_that_no_citation_names_are_kept() -> None:
    response = say({**delta("stop"), "citations": ["https://b.example"], "search_results": SOURCES})
    assert [each.url for each in response.citations or ()] == [
        "https://b.example",
        "https://a.example",
    ]


def test_annotations_are_citations_with_their_place() -> None:
    note: Json = {
        "type": "url_citation",
        "url_citation": {
            "url": "https://a.example",
            "title": "A",
            "start_index": 0,
            "end_index": 1,
        },
    }
    response = say(delta("stop", content="a", annotations=[note, note, {"type": "other"}, 7]))
    assert response.citations == [
        Citation(url="https://a.example", title="A", start_index=0, end_index=1)
    ]


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
    call = {"id": "null", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    response = answer(whole_answer("tool_calls", content=None, tool_calls=[call, call]))
    assert [each.id for each in response.tool_calls or ()] == ["null", "call_c1_1"]
