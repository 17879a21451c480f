"""Errors that come with a status of 200: in whatever shape, by whatever format, they are told."""

from __future__ import annotations

import json

import pytest

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    InvalidResponse,
    Permission,
    ProviderTimeout,
    Quota,
    RequestRejected,
)
from sidecar.providers.format import Decoder
from sidecar.providers.formats import load
from sidecar.providers.framing import Event
from sidecar.providers.sink import Facts
from tests.providers.answers import target_of

VENDORS = {
    "openai_chat": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "google",
    "ollama": "ollama",
}
SHAPES: dict[str, tuple[object, type[AIError], str]] = {
    "a text": ({"error": "out of memory"}, APIError, "out of memory"),
    "a list": ({"error": ["out of memory"]}, APIError, "out of memory"),
    "a number alone": ({"error": {"code": 500}}, APIError, "500"),
    "an object": ({"error": {"message": "no credits left"}}, Quota, "no credits left"),
    "a type": (
        {"error": {"type": "permission_error", "message": "Not you."}},
        Permission,
        "Not you.",
    ),
    "another type": (
        {"error": {"type": "timeout_error", "message": "Late."}},
        ProviderTimeout,
        "Late.",
    ),
    "a type that says little and a code that says more": (
        {
            "error": {
                "type": "invalid_request_error",
                "code": "invalid_api_key",
                "message": "Wrong key.",
            }
        },
        Authentication,
        "Wrong key.",
    ),
    "a type alone": (
        {"error": {"type": "invalid_request_error", "message": "No such field."}},
        RequestRejected,
        "No such field.",
    ),
}
BARE: dict[str, tuple[object, type[AIError], str]] = {
    "a message": ({"message": "no credits left"}, Quota, "no credits left"),
    "a detail": ({"detail": "no credits left"}, Quota, "no credits left"),
}


def stream(decoder: Decoder, data: bytes) -> None:
    decoder.feed(Event("", data))
    decoder.flush()


def told(name: str, body: object, *, streams: bool) -> AIError:
    wire, target, facts = load(name), target_of(VENDORS[name], model="m"), Facts()
    data = json.dumps(body).encode()
    with pytest.raises(AIError) as caught:
        stream(wire.decoder(target, facts), data) if streams else wire.parse_response(
            data, target, facts
        )
    return caught.value


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("shape", SHAPES | BARE)
@pytest.mark.parametrize("name", VENDORS)
def test_it_has_its_kind_and_the_providers_words(name: str, shape: str, *, streams: bool) -> None:
    body, kind, words = (SHAPES | BARE)[shape]
    error = told(name, body, streams=streams)
    assert type(error) is kind
    assert words in (error.provider_message or "")


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("name", VENDORS)
def test_in_a_list_its_words_are_kept_at_least(name: str, *, streams: bool) -> None:
    error = told(name, [{"error": {"message": "no credits left"}}], streams=streams)
    assert isinstance(error, Quota | InvalidResponse)
    assert "no credits left" in (error.provider_message or "")
