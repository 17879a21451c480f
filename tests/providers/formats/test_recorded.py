"""Real traffic: what the decoder makes of it, and what the sidecar would have sent in its place.

Every chat-completions exchange of every vendor in the folder is used, whichever files it has.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ConfigError,
    ContextLength,
    ModelNotFound,
    Overloaded,
    Permission,
    ProviderTimeout,
    Quota,
    RateLimited,
    RequestRejected,
)
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import Target
from sidecar.values import AIResponse
from tests.providers.answers import CUTS, WIRE, answer, streamed, target_of
from tests.providers.answers import ROWS as ALL_ROWS
from tests.providers.formats.naive_reader import Reading, parsed, read_stream, read_whole
from tests.providers.formats.naive_requests import request_of

Json = dict[str, Any]
T = TypeVar("T")
CHAT = "/chat/completions"
ROWS = {name: row for name, row in ALL_ROWS.items() if row.format == "openai_chat"}
BAD_REQUEST = 400
OWN_WORDS = {"model_length": "length", "eos": "stop", "end_turn": "stop"}
"""What is meant by words that only some vendors use."""
CONTEXTS = (
    *("context_window", "context_length", "max_context_length", "max_model_len"),
    "n_ctx",
)
_STATUSES: dict[int, tuple[type[AIError], ...]] = {
    401: (Authentication,),
    402: (Quota,),
    403: (Permission, Authentication),
    404: (ModelNotFound, ConfigError),
    408: (ProviderTimeout,),
    429: (RateLimited, Quota, Overloaded),
    500: (APIError,),
    502: (APIError,),
    503: (Overloaded,),
    504: (ProviderTimeout,),
    529: (Overloaded,),
}
"""What each status means; any other one that is below 500 means that the request was wrong."""


@dataclass
class Exchange:
    """One line of a recording."""

    vendor: str
    case: str
    path: str
    request: str
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def target(self) -> Target:
        return target_of(self.vendor if self.vendor in ROWS else "openai-compatible")

    @property
    def streams(self) -> bool:
        return "text/event-stream" in self.headers.get("content-type", "")

    def __str__(self) -> str:
        return self.case


def some(found: Iterable[T]) -> list[T]:
    """Return what was found in the recordings; a test of nothing is skipped."""
    listed = list(found)
    if not listed:
        pytest.skip("nothing of it was recorded")
    return listed


def exchanges(folder: Path, path: str = CHAT) -> Iterator[Exchange]:
    """Read every exchange of a path."""
    for file in sorted(folder.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            given = json.loads(line)
            if given["request"]["path"].endswith(path):
                yield Exchange(
                    vendor=file.stem,
                    case=given["case"],
                    path=given["request"]["path"],
                    request=given["request"]["body"],
                    status=given["response"]["status"],
                    headers=given["response"]["headers"],
                    body=given["response"]["body"].encode(),
                )


def test_every_recorded_exchange_is_of_an_api_that_is_tested(recorded: Path) -> None:
    """Each of these paths is read whole by the tests of its format, here and in its folder."""
    known = (
        CHAT,
        "/responses",
        "/v1/messages",
        ":generateContent",
        ":streamGenerateContent",
        ":batchEmbedContents",
        "/api/chat",
        "/models",
        "/embeddings",
    )
    others = {
        f"{each.vendor}: {each.path}"
        for each in exchanges(recorded, "")
        if not urlsplit(each.path).path.endswith(known)
    }
    if others:
        pytest.skip(f"recorded, and read by no test here: {', '.join(sorted(others))}")


def test_every_recorded_answer_says_what_its_raw_json_says(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(exchanges(recorded)):
        if each.status == 200 and not each.streams:
            with subtests.test(str(each)):
                assert_same(answer(each.body, each.target), read_whole(each.body.decode()))


def test_every_recorded_stream_says_what_its_raw_json_says_however_it_is_cut(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded):
        if each.status == 200 and each.streams:
            reading = read_stream(each.body.decode())
            for name, cut in CUTS.items():
                with subtests.test(str(each), cut=name):
                    chunks, response = streamed(each.body, each.target, cut)
                    assert_same(response, reading)
                    assert "".join(chunk.content or "" for chunk in chunks) == reading.text
                    ends = [chunk.finish_reason for chunk in chunks if chunk.finish_reason]
                    assert ends == [response.finish_reason]


def test_every_recorded_stream_decodes_the_same_with_other_line_ends(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in exchanges(recorded):
        if each.status == 200 and each.streams:
            _, expected = streamed(each.body, each.target)
            for end in (b"\r\n", b"\r"):
                with subtests.test(str(each), end=end):
                    body = each.body.replace(b"\n", end)
                    for cut in CUTS.values():
                        assert streamed(body, each.target, cut)[1] == expected


def test_every_recorded_refusal_is_told_in_the_providers_words(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    found = [
        each
        for path in (CHAT, "/models")
        for each in exchanges(recorded, path)
        if each.status != 200 and (path == CHAT or each.vendor in ROWS)
    ]
    for each in some(found):
        with subtests.test(str(each)):
            error = WIRE.parse_error(each.status, each.headers, each.body, each.target)
            assert_refusal(error, each)


def assert_refusal(error: AIError, each: Exchange) -> None:
    raw = json.loads(each.body)
    said = raw.get("error", raw)
    words = said if isinstance(said, str) else said.get("message") or said["detail"]
    assert error.status == each.status
    assert error.provider == each.target.vendor.name
    assert error.provider_message is not None
    if "*" in words:  # a key in it, starred out by the provider
        assert error.provider_message.startswith(words.split("*", maxsplit=1)[0].rpartition(" ")[0])
        assert "*" not in error.provider_message + error.message
    else:
        assert error.provider_message.startswith(words)  # OpenRouter's has the other's behind it
    assert error.provider_message in error.message
    assert error.request_id == each.headers.get("x-request-id", error.request_id)
    assert error.hint
    assert type(error) in kinds(each.status, words)


def kinds(status: int, words: str) -> tuple[type[AIError], ...]:
    """What an error may be, by what people would read in it."""
    if "context size" in words:
        return (ContextLength,)
    if re.search(r"valid model|model .*(does not|doesn't) exist|model .*not found", words):
        return (ModelNotFound,)
    return _STATUSES.get(status, (RequestRejected,))


def test_every_recorded_list_of_models_is_read_whole(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    found = [each for each in exchanges(recorded, "/models") if each.vendor in ROWS]
    for each in some(each for each in found if each.status == 200):
        with subtests.test(str(each)):
            raw = json.loads(each.body)
            raw = raw if isinstance(raw, list) else raw["data"]
            models = WIRE.parse_models(each.body, each.target).models
            assert [model.id for model in models] == [entry["id"] for entry in raw]
            for model, entry in zip(models, raw, strict=True):
                places = (entry, entry.get("meta", {}))
                told = [place[name] for place in places for name in CONTEXTS if place.get(name)]
                assert model.context_window == (told[0] if told else None)
                assert model.owned_by == entry.get("owned_by")


def assert_same(response: AIResponse, reading: Reading) -> None:
    """Hold a response against the independent reading of its raw JSON."""
    assert response.content == response.message.content == reading.text
    assert (response.reasoning or "") == reading.reasoning
    assert (response.refusal or "") == reading.refusal
    calls = [(call.id, call.name, parsed(call.arguments)) for call in response.tool_calls or ()]
    assert calls == reading.calls
    assert response.message.tool_calls == response.tool_calls
    assert response.provider_finish_reason == reading.finish
    assert response.finish_reason == OWN_WORDS.get(reading.finish or "", reading.finish)
    assert response.logprobs == (reading.logprobs or None)
    assert response.model == reading.model
    assert response.response_id == reading.id
    assert_same_usage(response, reading.usage)
    told = [(each.url, each.title, each.text or None, each.date)
            for each in response.citations or ()]  # fmt: skip
    assert told == [
        (each["url"], each.get("title"), each.get("snippet") or None, each.get("date"))
        for each in reading.citations
    ]


def assert_same_usage(response: AIResponse, raw: Json | None) -> None:
    if raw is None:
        assert response.usage is None
        return
    usage = response.usage
    assert usage is not None
    inward, outward = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    inward, outward = inward or {}, outward or {}
    assert usage.prompt_tokens == raw["prompt_tokens"]
    assert usage.completion_tokens == raw["completion_tokens"]
    assert usage.total_tokens == raw["total_tokens"]
    assert usage.cached_tokens == inward.get("cached_tokens")
    assert usage.cache_write_tokens == inward.get("cache_write_tokens")
    assert usage.reasoning_tokens == outward.get("reasoning_tokens")
    audio = [each["audio_tokens"] for each in (inward, outward) if "audio_tokens" in each]
    assert usage.audio_tokens == (sum(audio) if audio else None)
    if "cost" in raw:
        cost = raw["cost"]["total_cost"] if isinstance(raw["cost"], dict) else raw["cost"]
        assert response.cost is not None
        assert math.isclose(response.cost.total, cost)


# --- requests ------------------------------------------------------------------------------------


def test_every_recorded_request_is_built_as_its_client_sent_it(
    recorded: Path, subtests: pytest.Subtests
) -> None:
    for each in some(each for each in exchanges(recorded) if each.vendor in ROWS):
        with subtests.test(str(each)):
            if "video_url" in each.request:
                # AIRequest has no video; of the providers that were recorded one takes it.
                assert each.status == BAD_REQUEST or each.vendor == "openrouter"
                continue
            request = request_of(each.request)
            target = target_of(each.vendor, model=request.model or "")
            facts = Facts()
            http = WIRE.build_request(request, target, facts)
            assert http.method == "POST"
            assert urlsplit(http.url).path == each.path
            assert normal(json.loads(http.body or b"")) == normal(json.loads(each.request))
            assert facts.warnings == []


def normal(body: Json) -> Json:
    """Take out the differences that mean the same.

    The whole list of them:

    * OpenAI's and Groq's older name `max_tokens` for `max_completion_tokens`;
    * `tool_choice: null`, which is the default;
    * in messages: Mistral's `prefix: false`, which is the default;
    * in OpenRouter's reasoning details: null in a field that is not there;
    * in an assistant's message with tool calls: content that is empty, null or left out, and the
      `index` of a call, which means something in streams only.
    """
    body = dict(body)
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if body.get("tool_choice", "") is None:
        del body["tool_choice"]
    body["messages"] = [_normal_message(message) for message in body["messages"]]
    return body


def _normal_message(message: Json) -> Json:
    message = dict(message)
    if message.get("prefix") is False:
        del message["prefix"]
    if "reasoning_details" in message:
        message["reasoning_details"] = [
            {name: value for name, value in detail.items() if value is not None}
            for detail in message["reasoning_details"]
        ]
    if message.get("tool_calls"):
        if not message.get("content"):
            message.pop("content", None)
        message["tool_calls"] = [
            {name: value for name, value in call.items() if name != "index"}
            for call in message["tool_calls"]
        ]
    return message
