"""Google's errors: what their details tell beside the message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ContextLength,
    ModelNotFound,
    Overloaded,
    Permission,
    ProviderTimeout,
    Quota,
    RateLimited,
    RequestRejected,
)
from sidecar.providers.formats import faults, google_errors
from tests.providers.answers import target_of

Json = dict[str, Any]
RPC = "type.googleapis.com/google.rpc."
USED_UP = "You exceeded your current quota, please check your plan and billing details."


def body(code: int, status: str, message: str, *details: Json) -> Json:
    error: Json = {"code": code, "message": message, "status": status}
    return {"error": error | ({"details": list(details)} if details else {})}


def refused(given: object, status: int = 400, headers: dict[str, str] | None = None) -> AIError:
    data = json.dumps(given).encode()
    return faults.parse_error(status, headers or {}, data, target_of("google"))


def info(reason: str) -> Json:
    return {"@type": f"{RPC}ErrorInfo", "reason": reason, "domain": "googleapis.com"}


def quota(*violations: Json) -> Json:
    return {"@type": f"{RPC}QuotaFailure", "violations": list(violations)}


def retry(delay: object) -> Json:
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


PER_MINUTE = {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "10"}
PER_DAY = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "250"}
NONE_AT_ALL = {"quotaId": "GenerateContentInputTokensPerModelPerMinute-FreeTier", "quotaValue": "0"}


@pytest.mark.parametrize(
    ("status", "given", "kind"),
    [
        (400, body(400, "INVALID_ARGUMENT", "Bad field."), RequestRejected),
        (400, body(400, "INVALID_ARGUMENT", "API key not valid.", info("API_KEY_INVALID")),
         Authentication),
        (400, body(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
         Authentication),
        (401, body(401, "UNAUTHENTICATED", "Request had invalid credentials."), Authentication),
        (403, body(403, "PERMISSION_DENIED", "No.", info("SERVICE_DISABLED")), Permission),
        (403, body(403, "PERMISSION_DENIED", "No.", info("BILLING_DISABLED")), Quota),
        (400, body(400, "FAILED_PRECONDITION",
                   "User location is not supported for the API use."), Permission),
        (404, body(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is "
                   "not supported for generateContent."), ModelNotFound),
        (404, body(404, "NOT_FOUND", "This model models/gemini-1 is no longer available."),
         ModelNotFound),
        (404, body(404, "NOT_FOUND", "The file is not there."), RequestRejected),
        (400, body(400, "INVALID_ARGUMENT", "The input token count (2000000) exceeds the maximum "
                   "number of tokens allowed (1048576)."), ContextLength),
        (429, body(429, "RESOURCE_EXHAUSTED", USED_UP, quota(PER_MINUTE)), RateLimited),
        (429, body(429, "RESOURCE_EXHAUSTED", USED_UP, quota(PER_DAY)), Quota),
        (429, body(429, "RESOURCE_EXHAUSTED", USED_UP, quota(PER_MINUTE, PER_DAY)), Quota),
        (429, body(429, "RESOURCE_EXHAUSTED", USED_UP, quota(NONE_AT_ALL)), Quota),
        (429, body(429, "RESOURCE_EXHAUSTED", f"{USED_UP}\n* limit: 0, model: g"), Quota),
        (429, body(429, "RESOURCE_EXHAUSTED", USED_UP), Quota),
        (429, body(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
         RateLimited),
        (429, body(429, "RESOURCE_EXHAUSTED", "Resource exhausted, please try again later."),
         RateLimited),
        (500, body(500, "INTERNAL", "An internal error has occurred."), APIError),
        (503, body(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
         Overloaded),
        (504, body(504, "DEADLINE_EXCEEDED", "Deadline expired."), ProviderTimeout),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_details_message_and_status(
    status: int, given: Json, kind: type[AIError]
) -> None:
    for form in (given, [given]):
        error = refused(form, status)
        assert type(error) is kind
        assert (error.status, error.provider) == (status, "google")
        assert error.provider_message == given["error"]["message"]
        assert error.hint
        inside = faults.error_in_stream(json.dumps(form).encode(), target_of("google"))
        assert type(inside) is kind
        assert inside.status == status


@pytest.mark.parametrize(
    ("delay", "wait"),
    [
        ("34.4s", 34_400), ("34.074824224s", 34_075), ("0s", 0), ({"seconds": 3}, 3000),
        ({"seconds": 1, "nanos": 500_000_000}, 1500), ("soon", None), (7, None), (None, None),
        ("1e9s", None), ("9" * 20 + "s", None), ({"seconds": -1}, None), ({"seconds": "x"}, 0),
    ],
)  # fmt: skip
def test_the_delay_is_read_from_the_details(delay: object, wait: int | None) -> None:
    given = body(429, "RESOURCE_EXHAUSTED", USED_UP, quota(PER_MINUTE), retry(delay))
    assert refused(given, 429).retry_after_ms == wait
    inside = faults.error_in_stream(json.dumps(given).encode(), target_of("google"))
    assert inside.retry_after_ms == wait


def test_a_header_counts_more_than_the_details_and_these_more_than_the_message() -> None:
    said = f"{USED_UP}\nPlease retry in 12.5s."
    given = body(429, "RESOURCE_EXHAUSTED", said, retry("3s"))
    assert refused(given, 429, {"retry-after": "2"}).retry_after_ms == 2000
    assert refused(given, 429).retry_after_ms == 3000
    assert refused(body(429, "RESOURCE_EXHAUSTED", said), 429).retry_after_ms == 12_500


def test_errors_of_others_are_read_as_before() -> None:
    others: tuple[object, ...] = (
        {"message": "API key not valid", "type": "x"}, "text", [], 7, None,
        {"message": "Please retry in 3s", "status": 429},
    )  # fmt: skip
    for error in others:
        assert google_errors.read(error) == google_errors.Told()


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["status", "message", "details", "reason", "violations", "quotaId",
                         "quotaValue", "retryDelay", "seconds", "nanos", "code"]),
        inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(ODD)
def test_details_of_any_kind_give_an_error(details: object) -> None:
    for status in ("RESOURCE_EXHAUSTED", "NOT_FOUND", "NOVEL"):
        given = {"error": {"status": status, "message": "m", "details": details}}
        assert refused(given, 429).hint
        assert refused({"error": details}, 429).hint
