"""Real traffic of the Messages API, both ways. The exchanges are those of `anthropic.jsonl`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sidecar.providers.sink import Facts
from sidecar.values import AIResponse
from tests.providers.answers import CUTS
from tests.providers.formats.anthropic.naive import (
    Reading,
    read_stream,
    read_whole,
    request_of,
)
from tests.providers.formats.anthropic.saying import WIRE, answer, streamed, target
from tests.providers.formats.test_recorded import kinds, some

Json = dict[str, Any]


def exchanges(folder: Path, path: str = "/v1/messages") -> list[Json]:
    file = folder / "anthropic.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return some(each for each in map(json.loads, lines) if each["request"]["path"] == path)


def answered(folder: Path, *, streams: bool) -> list[Json]:
    return some(
        each
        for each in exchanges(folder)
        if each["response"]["status"] == 200
        and ("event-stream" in each["response"]["headers"]["content-type"]) == streams
    )


def test_every_recorded_answer_says_what_its_raw_json_says(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answered(recorded, streams=False):
        with subtests.test(each["case"]):
            body = each["response"]["body"]
            assert_same(answer(body.encode()), read_whole(body))


def test_every_recorded_stream_says_what_its_raw_json_says_however_it_is_cut(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answered(recorded, streams=True):
        body = each["response"]["body"]
        reading = read_stream(body)
        for name, cut in CUTS.items():
            with subtests.test(each["case"], cut=name):
                chunks, response = streamed(body.encode(), cut)
                assert_same(response, reading)
                assert "".join(chunk.content or "" for chunk in chunks) == reading.text
                ends = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
                assert ends == [response.finish_reason]


def test_every_recorded_stream_decodes_the_same_with_other_line_ends(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answered(recorded, streams=True):
        body = each["response"]["body"].encode()
        _, expected = streamed(body)
        for end in (b"\r\n", b"\r"):
            with subtests.test(each["case"], end=end):
                for cut in CUTS.values():
                    assert streamed(body.replace(b"\n", end), cut)[1] == expected


def test_every_recorded_refusal_is_told_in_the_providers_words(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(each for each in exchanges(recorded) if each["response"]["status"] != 200):
        with subtests.test(each["case"]):
            response = each["response"]
            error = WIRE.parse_error(
                response["status"], response["headers"], response["body"].encode(), target()
            )
            words = json.loads(response["body"])["error"]["message"]
            assert type(error) in kinds(response["status"], words)
            assert error.status == response["status"]
            assert error.provider_message == json.loads(response["body"])["error"]["message"]
            assert str(error.provider_message) in error.message


def test_every_recorded_list_of_models_is_read_whole(recorded: Path) -> None:
    for each in exchanges(recorded, "/v1/models"):
        raw = json.loads(each["response"]["body"])
        page = WIRE.parse_models(each["response"]["body"].encode(), target())
        assert page.next is None
        for model, entry in zip(page.models, raw["data"], strict=True):
            assert (model.id, model.display_name) == (entry["id"], entry["display_name"])
            assert model.context_window == entry["max_input_tokens"]
            assert model.max_output_tokens == entry["max_tokens"]
            assert model.created_at is None  # all of them say 1970
            assert model.input_modalities == ["text", "image", "pdf"]
            able = {name for name, each in entry["capabilities"].items() if each["supported"]}
            assert set(model.capabilities or ()) == able


def assert_same(response: AIResponse, reading: Reading) -> None:
    """Hold a response against the independent reading of its raw JSON."""
    assert response.content == response.message.content == reading.text
    assert (response.reasoning or "") == reading.reasoning
    thoughts = [(each.text, each.signature, each.data) for each in response.message.reasoning or ()]
    assert thoughts == reading.thoughts
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls or ()]
    assert calls == reading.calls
    assert response.message.tool_calls == response.tool_calls
    assert response.provider_finish_reason == reading.stop
    words = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
    assert response.finish_reason == (words | {"tool_use": "tool_calls"})[reading.stop or ""]
    assert response.model == reading.model
    assert response.response_id == reading.id
    told = [
        (each.title, each.text, each.document_index, each.start_index, each.end_index)
        for each in response.citations or ()
    ]
    assert told == reading.citations
    assert response.warnings is None
    assert_same_usage(response, reading.usage)


def assert_same_usage(response: AIResponse, raw: Json) -> None:
    usage = response.usage
    assert usage is not None
    read, written = raw["cache_read_input_tokens"], raw["cache_creation_input_tokens"]
    assert usage.prompt_tokens == raw["input_tokens"] + read + written
    assert usage.completion_tokens == raw["output_tokens"]
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert (usage.cached_tokens, usage.cache_write_tokens) == (read, written)
    thought = raw.get("output_tokens_details", {}).get("thinking_tokens")
    assert usage.reasoning_tokens == thought


# --- requests ---


def test_every_recorded_request_is_built_as_its_client_sent_it(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded):
        with subtests.test(each["case"]):
            body = each["request"]["body"]
            if '"type":"file"' in body:
                # A file that was uploaded before, which needs the header of a beta; AIRequest
                # brings each document along.
                assert each["request"]["headers"]["anthropic-beta"].startswith("files-api-")
                continue
            request = request_of(body)
            facts = Facts()
            http = WIRE.build_request(request, target(request.model or ""), facts)
            assert (http.method, http.url) == ("POST", "https://api.anthropic.com/v1/messages")
            assert http.headers["anthropic-version"] == "2023-06-01"
            assert normal(json.loads(http.body or b"")) == normal(json.loads(body))
            assert facts.warnings == []


def normal(body: Json) -> Json:
    """Take out the differences that mean the same, or nothing.

    The whole list of them:

    * a text for a list of one block of that text, in `system` and in `content`;
    * `citations` of an assistant's own text, which a message has no place for: they are of use to
      who reads the answer, and the API takes it back without them;
    * `display`: the sidecar asks newer models for their thinking, which they else keep to
      themselves.
    """
    body = dict(body)
    body["system"] = _blocks(body.get("system", ()))
    body["messages"] = [
        {**message, "content": _blocks(message["content"])} for message in body["messages"]
    ]
    body["thinking"] = {
        name: value for name, value in body.get("thinking", {}).items() if name != "display"
    }
    return body


def _blocks(content: Any) -> list[Json]:  # noqa: ANN401 - any JSON
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    found = []
    for given in content:
        block = dict(given)
        if block["type"] == "text":
            block.pop("citations", None)
        if "content" in block:
            block["content"] = _blocks(block["content"])
        found.append(block)
    return found
