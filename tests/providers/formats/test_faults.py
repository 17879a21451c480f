"""Error answers: their kind, the provider's own words, and no key in them."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import (
    AIError,
    APIError,
    Authentication,
    ConfigError,
    Overloaded,
    Permission,
    ProviderTimeout,
    Quota,
    RateLimited,
    RequestRejected,
)
from sidecar.providers.formats import faults
from tests.providers.answers import target_of

KEY = 'my key/+="é\\with everything'


def refused(status: int, body: object = b"", headers: dict[str, str] | None = None) -> AIError:
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return faults.parse_error(status, headers or {}, body, target_of(key=KEY))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRejected),
        (401, Authentication),
        (402, Quota),
        (403, Permission),
        (404, ConfigError),
        (405, ConfigError),
        (408, ProviderTimeout),
        (409, RequestRejected),
        (413, RequestRejected),
        (418, RequestRejected),
        (422, RequestRejected),
        (429, RateLimited),
        (500, APIError),
        (502, APIError),
        (503, Overloaded),
        (504, ProviderTimeout),
        (524, ProviderTimeout),
        (529, Overloaded),
        (302, ConfigError),
        (999, APIError),
    ],
)
def test_each_status_without_a_word_has_its_kind(status: int, kind: type[AIError]) -> None:
    error = refused(status)
    assert type(error) is kind
    assert error.status == status
    assert str(status) in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": {"message": "why"}}, "why"),
        ({"error": "why"}, "why"),
        ({"message": "why", "code": "1"}, "why"),
        ({"detail": "why"}, "why"),
        ({"detail": [{"msg": "why"}]}, '[{"msg": "why"}]'),
        ([{"error": {"message": "why"}}], "why"),
        ({"error": {"message": "P", "metadata": {"raw": "why"}}}, "P — why"),
        ({"error": {"message": "P", "failed_generation": "<f>"}}, "P — <f>"),
        ({"error": {"message": {"a": 1}}}, '{"a": 1}'),
        ({"unknown": "shape"}, '{"unknown": "shape"}'),
        (b"upstream connect error", "upstream connect error"),
        (b"<html><title>502 Bad Gateway</title>", "an HTML page: 502 Bad Gateway"),
        (b"  <!DOCTYPE html><body>", "an HTML page"),
        (b"", None),
        (b"null", "null"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ({"error": {"message": "half \ud83d"}}, "half \ufffd"),
    ],
)
def test_the_providers_own_words_are_kept_in_every_shape(body: object, said: str | None) -> None:
    error = refused(400, body)
    assert error.provider_message == said
    assert said is None or said in error.message


def test_retry_after_and_request_id_are_kept() -> None:
    error = refused(429, b"", {"retry-after": "3", "x-request-id": "r1"})
    assert (error.retry_after_ms, error.request_id) == (3000, "r1")


@pytest.mark.parametrize("status", [408, 504, 524])
def test_a_timeout_of_the_providers_names_none_of_ours(status: int) -> None:
    assert "gave up waiting" in refused(status, b"<html><title>504</title>").hint


def test_raw_control_characters_in_an_error_cost_nothing() -> None:
    body = b'{"error":{"message":"a\tb","code":"insufficient_quota"}}'
    assert isinstance(refused(429, body), Quota)
    assert refused(429, body).provider_message == "a\tb"


def test_a_redirect_is_told_and_not_followed() -> None:
    error = refused(307, b"<html>moved</html>", {"location": "https://elsewhere.example"})
    assert isinstance(error, ConfigError)
    assert "redirects" in error.message
    assert "base_url" in error.hint


def test_a_404_names_the_address_to_check() -> None:
    assert "https://api.example/v1" in refused(404, b"<html>404</html>").hint


FORMS = {
    "raw": KEY,
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(KEY.encode()).decode(),
    "escaped for URLs": quote(KEY, safe=""),
    "in a header": f"Bearer {KEY}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("before", [0, 1990, 15_990])
@pytest.mark.parametrize("shape", ["json", "text", "stream"])
def test_a_key_that_the_provider_quotes_is_never_in_the_error(
    form: str, before: int, shape: str
) -> None:
    text = "x" * before + " " + form + " y"
    body = json.dumps({"error": {"message": text}}).encode() if shape != "text" else text.encode()
    headers = {"x-request-id": f"id {form}"}
    target = target_of(key=KEY)
    error = (
        faults.error_in_stream(body, target)
        if shape == "stream"
        else faults.parse_error(400, headers, body, target)
    )
    told = repr((error.to_object(), error))
    for secret in FORMS.values():
        assert secret not in told
    assert "my key" not in told
    assert "everything" not in told


@pytest.mark.parametrize(
    "shaped",
    ["sk-proj-abcdefgh12345678", "gsk_abcdefgh12345678", "AIza" + "x" * 35, "ab****yz"],
)
def test_what_is_shaped_like_a_key_is_never_in_the_error(shaped: str) -> None:
    error = refused(400, {"error": {"message": f"Key {shaped} is bad"}})
    assert shaped not in repr(error.to_object())
    assert (error.provider_message or "").startswith("Key ")


def test_an_endless_error_is_cut(  # and takes no time: patterns must not go over it again and again
) -> None:
    for body in (b"a" * 1_000_000, json.dumps({"error": {"message": "a" * 1_000_000}}).encode()):
        assert len(refused(500, body).provider_message or "") <= 2000


@given(status=st.integers(100, 999), body=st.binary(), headers=st.text())
def test_whatever_comes_the_outcome_is_an_error_that_can_be_written(
    status: int, body: bytes, headers: str
) -> None:
    error = refused(status, body, {"retry-after": headers, "x-request-id": headers})
    error.to_object()
