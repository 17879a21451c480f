"""The list of models, and the count of a request's tokens."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from sidecar.errors import APIError, InvalidResponse, Overloaded
from sidecar.providers.format import CountsTokens, ModelsPage
from sidecar.providers.sink import Facts
from sidecar.values import AIRequest
from tests.providers.answers import target_of
from tests.providers.formats.anthropic.saying import WIRE, Json, target

FIRST = {
    "id": "claude-opus-9",
    "type": "model",
    "display_name": "Claude Opus 9",
    "created_at": "2026-09-22T00:00:00Z",
    "max_input_tokens": 1_000_000,
    "max_tokens": 128_000,
    "capabilities": {
        "image_input": {"supported": True},
        "pdf_input": {"supported": False},
        "thinking": {"supported": True, "types": {}},
        "batch": 7,
    },
}


def listed(body: object) -> ModelsPage:
    return WIRE.parse_models(json.dumps(body).encode(), target())


def test_a_model_is_told_with_what_it_can_do() -> None:
    [model] = listed({"data": [FIRST], "has_more": False, "last_id": "claude-opus-9"}).models
    assert msgspec.to_builtins(model) == {
        "id": "claude-opus-9",
        "provider": "anthropic",
        "display_name": "Claude Opus 9",
        "context_window": 1_000_000,
        "max_output_tokens": 128_000,
        "input_modalities": ["text", "image"],
        "capabilities": ["image_input", "thinking"],
        "created_at": 1_790_035_200_000,
    }


def test_the_next_page_is_asked_for_by_the_last_id() -> None:
    page = listed({"data": [FIRST], "has_more": True, "last_id": "a/b&c"})
    assert page.next == "a/b&c"
    request = WIRE.build_models_request(target(), page.next)
    assert parse_qs(urlsplit(request.url).query) == {"limit": ["1000"], "after_id": ["a/b&c"]}
    assert urlsplit(request.url).path == "/v1/models"
    assert request.method == "GET"


@pytest.mark.parametrize("more", [{"has_more": False}, {"has_more": "x"}, {"last_id": None}])
def test_a_list_without_more_has_no_next_page(more: Json) -> None:
    assert listed({"data": [FIRST], "has_more": True, "last_id": "x", **more}).next is None


@pytest.mark.parametrize(
    "odd",
    [
        {"created_at": "1970-01-01T00:00:00Z"},
        {"created_at": "tomorrow"},
        {"created_at": "0001-01-01T00:00:00"},
        {"created_at": 7},
    ],
)
def test_a_date_that_is_none_is_left_out(odd: Json) -> None:
    [model] = listed({"data": [FIRST | odd]}).models
    assert model.created_at is None


def test_a_model_that_tells_nothing_is_listed_by_its_id() -> None:
    page = listed({"data": [{"id": "m"}, {"name": "no id"}, 7]})
    assert [msgspec.to_builtins(model) for model in page.models] == [
        {"id": "m", "provider": "anthropic"}
    ]


@pytest.mark.parametrize("body", [[], {}, {"data": 7}, {"data": [7]}, "x"])
def test_what_is_no_list_is_told_as_such(body: object) -> None:
    with pytest.raises(InvalidResponse):
        listed(body)


def test_an_error_in_place_of_a_list_is_told_as_such() -> None:
    with pytest.raises(Overloaded):
        listed({"type": "error", "error": {"type": "overloaded_error", "message": "x"}})


def test_a_request_carries_its_version_and_its_key() -> None:
    request = WIRE.build_models_request(target_of("anthropic", key="sk-1"))
    assert request.headers["x-api-key"] == "sk-1"
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in request.headers


def test_a_count_is_asked_for_with_what_makes_up_the_prompt() -> None:
    assert isinstance(WIRE, CountsTokens)
    request = msgspec.convert(
        {
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "hi"},
            ],
            "temperature": 0.5,
            "max_tokens": 9000,
            "stop_sequences": ["END"],
            "stream": True,
            "tools": [{"name": "f"}],
            "tool_choice": "required",
            "reasoning": {"max_tokens": 2000},
            "extra": {"cache_control": {"type": "ephemeral"}, "service_tier": "auto"},
        },
        AIRequest,
    )
    http = WIRE.build_count_request(request, target(), Facts())
    assert http.url == "https://api.anthropic.com/v1/messages/count_tokens"
    assert set(json.loads(http.body or b"")) == {
        "model", "messages", "system", "tools", "tool_choice", "thinking", "cache_control",
    }  # fmt: skip


def test_a_count_is_read() -> None:
    assert WIRE.parse_count(b'{"input_tokens": 14}', target()) == 14


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"input_tokens": -1}', b"{}"])
def test_what_is_no_count_is_told_as_such(body: bytes) -> None:
    with pytest.raises(InvalidResponse):
        WIRE.parse_count(body, target())


def test_an_error_in_place_of_a_count_is_told_as_such() -> None:
    with pytest.raises(APIError, match="Oops"):
        WIRE.parse_count(
            b'{"type":"error","error":{"type":"api_error","message":"Oops"}}', target()
        )
