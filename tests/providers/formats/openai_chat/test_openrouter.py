"""What OpenRouter has of its own: its names, its routing, its errors."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from sidecar.errors import AIError, APIError, ContentFilter, Quota, RateLimited, RequestRejected
from sidecar.providers.sink import Facts
from sidecar.providers.vendor import ClientApp
from sidecar.values import AIRequest
from tests.providers.answers import WIRE, answer, delta, events, streamed, target_of

Json = dict[str, Any]
HI = [{"role": "user", "content": "hi"}]


def built(**fields: object) -> tuple[Json, list[str]]:
    facts = Facts()
    request = msgspec.convert({"messages": HI, **fields}, AIRequest)
    http = WIRE.build_request(request, target_of("openrouter", model="a/b"), facts)
    assert http.url == "https://openrouter.ai/api/v1/chat/completions"
    return json.loads(http.body or b""), facts.warnings


@pytest.mark.parametrize(
    ("reasoning", "expected"),
    [
        ({}, {"enabled": True}),
        ({"effort": "none"}, {"effort": "none"}),
        ({"effort": "xhigh"}, {"effort": "xhigh"}),
        ({"max_tokens": 1024}, {"max_tokens": 1024}),
    ],
)
def test_how_much_it_may_think(reasoning: Json, expected: Json) -> None:
    body, warnings = built(reasoning=reasoning)
    assert (body["reasoning"], warnings) == (expected, [])
    assert "reasoning_effort" not in body


def test_of_an_effort_and_a_number_of_tokens_the_number_is_sent() -> None:
    body, [warning] = built(reasoning={"max_tokens": 1024, "effort": "low"})
    assert body["reasoning"] == {"max_tokens": 1024}
    assert "effort" in warning


def test_marks_of_a_cache_go_on_parts_and_those_of_tools_are_told() -> None:
    mark = {"type": "ephemeral", "ttl": "1h"}
    text = {"type": "text", "text": "long", "cache_control": mark}
    tool = {"name": "f", "parameters": {}, "cache_control": {"type": "ephemeral"}}
    found, warnings = built(messages=[{"role": "user", "content": [text]}], tools=[tool])
    assert found["messages"][0]["content"] == [text]
    assert "cache_control" not in str(found["tools"])
    assert warnings == ["OpenRouter takes `cache_control` on parts alone; a tool's was not sent."]


@pytest.mark.parametrize(
    ("native", "told"),
    [
        ("RECITATION", ["The model's own finish reason is 'RECITATION'."]),
        ("SAFETY", ["The model's own finish reason is 'SAFETY'."]),
        ("STOP", None),
        ("end_turn", None),
        ("completed", None),
        (None, None),
        (7, None),
    ],
)
def test_a_models_own_finish_reason_is_told_where_it_says_more(
    native: object, told: list[str] | None
) -> None:
    choice = {"index": 0, "message": {"content": "a"}, "finish_reason": "stop"}
    body = {"choices": [choice | {"native_finish_reason": native}]}
    response = answer(json.dumps(body).encode(), target_of("openrouter"))
    assert (response.finish_reason, response.provider_finish_reason) == ("stop", "stop")
    assert response.warnings == told


def test_routing_and_fallbacks_are_extra_and_usage_comes_by_itself() -> None:
    extra = {"provider": {"order": ["Azure"]}, "models": ["c/d"], "reasoning": {"exclude": True}}
    body, warnings = built(extra=extra, stream=True, reasoning={"effort": "low"})
    both = {"effort": "low", "exclude": True}
    assert body == {"model": "a/b", "messages": HI, "stream": True, **extra, "reasoning": both}
    assert warnings == []


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (None, {}),
        (ClientApp("my-app"), {"x-title": "my-app"}),
        (
            ClientApp("my-app", "https://my.example"),
            {"x-title": "my-app", "http-referer": "https://my.example"},
        ),
        (ClientApp("Über\r\nx: y\0😀 "), {"x-title": "berx: y"}),
        (ClientApp("😀"), {}),
    ],
)
def test_the_app_is_named_to_openrouter_and_to_nobody_else(
    app: ClientApp | None, expected: Json
) -> None:
    request = msgspec.convert({"messages": HI}, AIRequest)
    for vendor, own in (("openrouter", expected), ("openai", {})):
        target = dataclasses.replace(target_of(vendor), app=app)
        for http in (
            WIRE.build_request(request, target, Facts()),
            WIRE.build_models_request(target),
        ):
            named = {"x-title", "http-referer"} & set(http.headers)
            assert {name: http.headers[name] for name in named} == own


def error(code: int, message: str, **metadata: object) -> bytes:
    told = {"code": code, "message": message, "metadata": metadata}
    return json.dumps({"error": told, "user_id": "u"}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "word"),
    [
        (402, error(402, "Insufficient credits"), Quota, "Insufficient"),
        (
            429,
            error(429, "Provider returned error", raw="a/b is busy upstream", provider_name="X"),
            RateLimited,
            "a/b is busy upstream",
        ),
        (
            400,
            error(400, "Provider returned error", raw='{"error":{"message":"bad field"}}'),
            RequestRejected,
            "bad field",
        ),
        (
            403,
            error(
                403,
                'a/b requires moderation on OpenInference. Your input was flagged for "x".',
                reasons=["violence"],
                flagged_input="…",
            ),
            ContentFilter,
            "flagged",
        ),
    ],
)  # fmt: skip
def test_errors_tell_what_the_vendor_behind_it_said(
    status: int, body: bytes, kind: type[AIError], word: str
) -> None:
    found = WIRE.parse_error(status, {}, body, target_of("openrouter"))
    assert type(found) is kind
    assert word in (found.provider_message or "")
    if kind is ContentFilter:
        assert "violence" in found.hint


def test_an_error_in_the_midst_of_a_stream_keeps_what_was_said() -> None:
    last = {
        "id": "c1",
        "provider": "X",
        "error": {"code": 502, "message": "Provider disconnected unexpectedly"},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    }
    with pytest.raises(APIError, match="disconnected") as caught:
        streamed(events(delta(content="a"), last, done=False), target_of("openrouter"))
    assert caught.value.status == 502


def test_pictures_and_the_files_that_were_read_are_told() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.example", "title": "A"}}
    file = {"type": "file", "file": {"hash": "h", "name": "a.pdf"}}
    body = events(delta("stop", content="a", images=[picture], annotations=[cited, file]))
    response = streamed(body, target_of("openrouter"))[1]
    assert response.citations is not None
    assert [each.url for each in response.citations] == ["https://a.example"]
    assert response.warnings is not None
    assert ["images" in response.warnings[0], "'file'" in response.warnings[1]] == [True, True]
