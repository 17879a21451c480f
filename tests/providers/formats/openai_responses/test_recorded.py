"""Real traffic of POST /responses: what is made of it, and what would have been sent instead."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sidecar.errors import TruncatedStream
from sidecar.providers.formats.openai_responses import layout
from sidecar.providers.sink import Facts
from sidecar.values import AIMessage, AIRequest, AIResponse
from tests.providers.answers import CUTS, target_of
from tests.providers.formats.naive_reader import parsed
from tests.providers.formats.openai_responses.answering import WIRE, answer, streamed
from tests.providers.formats.openai_responses.asking import sent
from tests.providers.formats.openai_responses.naive import (
    Reading,
    last_response,
    read_stream,
    read_whole,
    request_of,
)
from tests.providers.formats.test_recorded import Exchange, exchanges, kinds, some

Json = dict[str, Any]
PATH = "/responses"


def answers(folder: Path, *, streams: bool) -> list[Exchange]:
    found = (each for each in exchanges(folder, PATH) if each.status == 200)
    return some(each for each in found if each.streams is streams)


def unnumbered(body: bytes) -> bytes:
    """A body whose encrypted content is the same wherever it stands in it.

    It is encrypted anew each time that it is told, and was redacted to another number.
    """
    return re.sub(rb"(encrypted_content_REDACTED)_\d+", rb"\1", body)


def test_every_recorded_answer_says_what_its_raw_json_says(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answers(recorded, streams=False):
        with subtests.test(str(each)):
            assert_same(answer(each.body, each.target), read_whole(each.body.decode()))


def test_every_recorded_stream_says_what_its_raw_json_says_however_it_is_cut(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answers(recorded, streams=True):
        reading = read_stream(each.body.decode())
        for name, cut in CUTS.items():
            with subtests.test(str(each), cut=name):
                chunks, response = streamed(each.body, each.target, cut)
                assert_same(response, reading)
                assert "".join(chunk.content or "" for chunk in chunks) == reading.text
                ends = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
                assert ends == [response.finish_reason]
                assert response.warnings is None


def test_every_recorded_stream_ends_as_the_same_response_asked_for_whole(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answers(recorded, streams=True):
        with subtests.test(str(each)):
            body = unnumbered(each.body)
            last = last_response(body.decode())
            assert answer(last.encode(), each.target) == streamed(body, each.target)[1]


def test_every_recorded_stream_is_whole_without_its_deltas(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answers(recorded, streams=True):
        with subtests.test(str(each)):
            whole = unnumbered(each.body).decode()
            events = whole.split("\n\n")
            for kind in (".delta", "_text.done", "_part.done", "output_item.done"):
                events = [event for event in events if f'{kind}"' not in event]
                body = "\n\n".join(events).encode()
                assert_same(streamed(body, each.target)[1], read_stream(whole))


def test_every_recorded_stream_that_breaks_off_is_told_as_that(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in answers(recorded, streams=True):
        with subtests.test(str(each)):
            events = each.body.decode().split("\n\n")
            last = next(at for at, event in enumerate(events) if '"response.completed"' in event)
            with pytest.raises(TruncatedStream, match="ended the stream before it was done"):
                streamed("\n\n".join([*events[:last], ""]).encode(), each.target)


def test_every_recorded_refusal_is_told_in_the_providers_words(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(each for each in exchanges(recorded, PATH) if each.status != 200):
        with subtests.test(str(each)):
            error = WIRE.parse_error(each.status, each.headers, each.body, each.target)
            words = json.loads(each.body)["error"]["message"]
            assert error.status == each.status
            assert type(error) in kinds(each.status, words)
            assert error.request_id == each.headers.get("x-request-id")
            assert (error.provider_message or "").startswith(words[:20])


def assert_same(response: AIResponse, reading: Reading) -> None:
    """Hold a response against the independent reading of its raw JSON."""
    assert response.content == response.message.content == reading.text
    assert (response.reasoning or "") == "\n\n".join(reading.reasoning)
    assert (response.refusal or "") == reading.refusal
    calls = [(call.id, call.name, parsed(call.arguments)) for call in response.tool_calls or ()]
    assert calls == reading.calls
    assert response.provider_finish_reason == reading.status == "completed"
    assert response.finish_reason == ("tool_calls" if reading.calls else "stop")
    assert response.model == reading.model
    assert response.response_id == reading.id
    blocks = [block for block in response.message.reasoning or () if block.id]
    assert [block.data for block in blocks if block.data] == reading.encrypted
    assert [block.summary for block in blocks if block.summary] == reading.reasoning
    kept = [each for each in response.message.reasoning or () if layout.is_block(each)]
    order = [entry for each in kept for entry in layout.read(each, "")]
    assert [entry.phase for entry in order if entry.phase] == reading.phases
    usage, raw = response.usage, reading.usage or {}
    assert usage is not None
    assert usage.prompt_tokens == raw["input_tokens"]
    assert usage.completion_tokens == raw["output_tokens"]
    assert usage.total_tokens == raw["total_tokens"]
    assert usage.cached_tokens == raw["input_tokens_details"]["cached_tokens"]
    assert usage.cache_write_tokens == raw["input_tokens_details"].get("cache_write_tokens")
    assert usage.reasoning_tokens == raw["output_tokens_details"]["reasoning_tokens"]


# --- requests ------------------------------------------------------------------------------------


def test_every_recorded_request_is_built_as_its_client_sent_it(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    # one without a body is a WebSocket's handshake
    for each in some(each for each in exchanges(recorded, PATH) if each.request):
        with subtests.test(str(each)):
            request = request_of(each.request)
            facts = Facts()
            to = target_of("openai", model=request.model or "")
            http = WIRE.build_request(request, to, facts)
            assert http.url == "https://api.openai.com/v1/responses"
            ours, theirs = json.loads(http.body or b""), json.loads(each.request)
            assert normal(ours) == normal(theirs)
            if "include" in theirs:
                assert ours["include"] == theirs["include"]
            assert facts.warnings == []


def test_what_was_answered_goes_back_as_its_client_sent_it_back(recorded: Path) -> None:
    """The three turns of the recorded session, each built from the answer to the one before."""
    session = some(each for each in exchanges(recorded, PATH) if "three_turn_tool" in each.case)
    for asked, following in itertools.pairwise(session):
        request = request_of(asked.request)
        to = target_of("openai", model=request.model or "")
        told = streamed(asked.body, to)[1].message
        again = sent(with_messages(request, told), to)["input"]
        theirs = json.loads(following.request)["input"]
        ours = [_plain(item) for item in again]
        assert ours == [_plain(item) for item in theirs][: len(ours)]


def with_messages(request: AIRequest, *more: AIMessage) -> AIRequest:
    return msgspec.structs.replace(request, messages=[*request.messages, *more])


def normal(body: Json) -> Json:
    """Take out the differences that mean the same, or that are meant.

    The whole list of them:

    * `store: false`, which is always ours: nothing is left at the provider;
    * `include` for `reasoning.encrypted_content` by models that reason, for the same reason;
    * of items that go back: `id` and `status` but for a reasoning item's `id`, since they name
      what is stored there, and nothing is;
    * a message's `phase`, which its client did not send back and we do, as the API wants it;
    * the number behind `encrypted_content`, with which the recording tells equal ones apart;
    * a message's content as text instead of one part with this text.
    """
    body = {name: value for name, value in body.items() if name not in ("store", "include")}
    return body | {"input": [_plain(item) for item in body["input"]]}


def _plain(item: Json) -> Json:
    away = ("status",) if item["type"] == "reasoning" else ("id", "status", "phase")
    item = {name: value for name, value in item.items() if name not in away}
    if "encrypted_content" in item:
        item["encrypted_content"] = item["encrypted_content"].rstrip("_0123456789")
    if isinstance(item.get("content"), str):
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        item["content"] = [{"type": kind, "text": item["content"]}]
    return item
