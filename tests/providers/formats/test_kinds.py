"""Which kind an error is: the vendors' words say more than the status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ContentFilter,
    ContextLength,
    ModelNotFound,
    Overloaded,
    Quota,
    RateLimited,
    RequestRejected,
)
from sidecar.providers.formats import faults
from tests.providers.answers import target_of

TOO_LARGE = (
    "Request too large for model `x` in organization `o` service tier `on_demand` on tokens per "
    "minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again."
)

# The vendors' documented error bodies.
KNOWN: list[tuple[int, Any, type[AIError]]] = [
    (429, {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}},
     Quota),
    (429, {"error": {"message": "Rate limit reached for gpt-4o", "code": "rate_limit_exceeded"}},
     RateLimited),
    (400, {"error": {"message": "This model's maximum context length is 8192 tokens.",
                     "code": "context_length_exceeded"}}, ContextLength),
    (400, {"error": {"message": "the request exceeds the available context size. try increasing",
                     "type": "invalid_request_error"}}, ContextLength),
    (400, {"error": {"message": "The response was filtered due to the prompt triggering Azure "
                                "OpenAI's content management policy.", "code": "content_filter"}},
     ContentFilter),
    (404, {"error": {"message": "The model `x` does not exist or you do not have access to it.",
                     "code": "model_not_found"}}, ModelNotFound),
    (404, {"object": "error", "message": "The model `x` does not exist.",
           "type": "NotFoundError", "code": 404}, ModelNotFound),
    (404, {"error": {"message": "No endpoints found for x.", "code": 404}}, ModelNotFound),
    (404, {"error": {"message": 'model "x" not found, try pulling it first'}}, ModelNotFound),
    (404, {"error": {"message": "Model not found, inaccessible, and/or not deployed",
                     "code": "NOT_FOUND"}}, ModelNotFound),
    (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}},
     ModelNotFound),
    (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model",
           "code": "1500"}, ModelNotFound),
    (402, {"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, Quota),
    (400, {"error": {"message": "Incorrect API key provided: ab***yz", "code": 400}},
     Authentication),
    (500, {"error": {"message": "The engine is currently overloaded"}}, Overloaded),
    (503, {"error": {"message": "x", "type": "over_capacity"}}, Overloaded),
    (401, {"error": {"message": "rate limit of a wrong key"}}, Authentication),
    (200, {"error": {"message": "x", "code": "invalid_prompt"}}, RequestRejected),
    (200, {"error": {"message": "x", "code": "image_too_large"}}, RequestRejected),
    (200, {"error": {"message": "x", "code": "image_content_policy_violation"}}, ContentFilter),
    (200, {"error": {"message": "x", "code": "misalignment_policy_violation"}}, ContentFilter),
    (500, {"error": {"message": "image_too_large x", "code": "server_error"}}, APIError),
    (422, {"detail": [{"loc": ["body", "stop"], "msg": "extra fields", "type": "x"}]},
     RequestRejected),
    # Words that stand in a message for another reason.
    (400, {"error": {"message": "Invalid value: 'content_filter'. Supported values are: 'text'.",
                     "type": "invalid_request_error", "code": "invalid_value"}}, RequestRejected),
    (400, {"error": {"message": "authentication header missing tool"}}, RequestRejected),
    (400, {"error": {"message": "Unsupported model parameter: top_k"}}, RequestRejected),
    (400, {"error": {"message": "`rate_limit_exceeded` is no tool"}}, RequestRejected),
    (400, {"error": {"message": "tool `spending limit` is unknown"}}, RequestRejected),
    (500, {"error": {"message": "Internal error: rate limit service failed"}}, APIError),
    (500, b"the overloaded operator is missing", APIError),
    # Sentences that mean what they say.
    (500, {"error": {"message": "The engine is currently overloaded"}}, Overloaded),
    (200, {"error": {"message": "Rate limit reached for model x"}}, RateLimited),
    (200, {"error": {"message": "You have exceeded your rate limit"}}, RateLimited),
    (200, {"error": "Too many requests"}, RateLimited),
    (403, {"detail": "Authentication credentials were not provided."}, Authentication),
    (400, {"error": {"message": "Invalid model name passed in model=x."}}, ModelNotFound),
    (400, {"error": {"message": "Unknown model x"}}, ModelNotFound),
    (429, {"error": "Your team has either used all available credits or reached its monthly "
                    "spending limit."}, Quota),
    (500, {"error": {"message": "Server overloaded, please try again later"}}, Overloaded),
    # A single word is a code, wherever it stands.
    (200, {"error": "over_capacity"}, Overloaded),
    (400, {"error": {"message": "context_length_exceeded"}}, ContextLength),
    (400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {
        "raw": '{"error": {"code": "context_length_exceeded", "message": "x"}}'}}}, ContextLength),
    # Too large for the account's tokens per minute: Groq's and OpenAI's.
    (413, {"error": {"message": TOO_LARGE, "type": "tokens", "code": "rate_limit_exceeded"}},
     ContextLength),
    (429, {"error": {"message": "Request too large for gpt-4o on tokens per min (TPM): Limit 30000,"
                                " Requested 342389.", "code": "rate_limit_exceeded"}},
     ContextLength),
    (413, {"error": {"message": "Request too large", "code": "rate_limit_exceeded"}},
     RequestRejected),
    (413, b"<html><title>413 Request Entity Too Large</title>", RequestRejected),
]  # fmt: skip


def error_of(status: int, body: object) -> AIError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    if status == 200:
        return faults.error_in_stream(data, target_of())
    return faults.parse_error(status, {}, data, target_of())


@pytest.mark.parametrize(("status", "body", "kind"), KNOWN)
def test_the_vendors_words_say_more_than_the_status(
    status: int, body: object, kind: type[AIError]
) -> None:
    assert type(error_of(status, body)) is kind


def test_who_asked_for_too_much_a_minute_is_not_told_to_wait() -> None:
    error = error_of(413, {"error": {"message": TOO_LARGE, "code": "rate_limit_exceeded"}})
    assert "max_tokens" in error.hint
    assert "waiting does not help" in error.hint
