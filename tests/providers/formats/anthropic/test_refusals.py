"""Error answers: their kind, the provider's words, and what can be done."""

from __future__ import annotations

import json

import pytest

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ConfigError,
    ContentFilter,
    ContextLength,
    ModelNotFound,
    Overloaded,
    Permission,
    ProviderTimeout,
    Quota,
    RateLimited,
    RequestRejected,
)
from tests.providers.formats.anthropic.saying import WIRE, target

CASES: list[tuple[int, str, str, type[AIError]]] = [
    (400, "invalid_request_error", "max_tokens: Field required", RequestRejected),
    (400, "invalid_request_error", "prompt is too long: 204500 tokens > 200000 maximum",
     ContextLength),
    (400, "invalid_request_error",
     "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", ContextLength),
    (400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.",
     Quota),
    (400, "invalid_request_error", "Output blocked by content filtering policy", ContentFilter),
    (401, "authentication_error", "invalid x-api-key", Authentication),
    (402, "billing_error", "There is an issue with your billing.", Quota),
    (403, "permission_error", "Your API key may not use this.", Permission),
    (404, "not_found_error", "model: claude-9", ModelNotFound),
    (404, "not_found_error", "Not found", ConfigError),
    (413, "request_too_large", "Request exceeds the maximum size", RequestRejected),
    (429, "rate_limit_error", "This request would exceed your organization's rate limit",
     RateLimited),
    (500, "api_error", "Internal server error", APIError),
    (504, "timeout_error", "Request timed out.", ProviderTimeout),
    (529, "overloaded_error", "Overloaded", Overloaded),
]  # fmt: skip


@pytest.mark.parametrize(("status", "word", "said", "kind"), CASES)
def test_each_error_has_its_kind(status: int, word: str, said: str, kind: type[AIError]) -> None:
    fault = {"type": "error", "error": {"type": word, "message": said}, "request_id": "req_1"}
    headers = {"request-id": "req_1", "retry-after": "2"}
    error = WIRE.parse_error(status, headers, json.dumps(fault).encode(), target())
    assert type(error) is kind
    assert (error.status, error.provider, error.provider_message) == (status, "anthropic", said)
    assert (error.request_id, error.retry_after_ms) == ("req_1", 2000)
    assert error.hint


def test_a_page_of_a_proxy_is_told_by_its_title() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head></html>"
    error = WIRE.parse_error(502, {}, page, target())
    assert type(error) is APIError
    assert "502 Bad Gateway" in error.message
