"""Error answers of OpenAI-compatible servers, whichever of their shapes they have.

`{"error": {message, code, type, param}}` (OpenAI), `{"error": "text"}`, `{"message", "code"}`
(Mistral), `{"detail": …}` (FastAPI), `[{"error": …}]` (Google's compatible endpoint), HTML of a
proxy, or nothing at all. The provider's own words are kept, without secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from sidecar.errors import (
    AIError,
    ConfigError,
    ContentFilter,
    InvalidResponse,
    ModelNotFound,
    ProviderTimeout,
)
from sidecar.keys.redaction import MARK, scrub, without_secrets
from sidecar.providers.formats import filters, google_errors, kinds, lenient
from sidecar.providers.formats.surrogates import whole
from sidecar.providers.headers import request_id, retry_after_ms
from sidecar.providers.vendor import Target

_EXCERPT = 2000
_WINDOW = 64_000
_STATUSES = range(100, 600)
_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Inside a 200 answer a type stands for the status: platform.claude.com/docs/en/api/errors."""
_REDIRECTION = 3
_NESTED = re.compile(r'"(?:code|type)"\s*:\s*"([^"]{1,200})"')
"""Codes of an error within a text, as OpenRouter quotes that of the provider behind it."""


def parse_error(status: int, headers: Mapping[str, str], body: bytes, target: Target) -> AIError:
    """Turn an answer whose status is not 2xx into its error."""
    fault = _read(body)
    kind = fault.google.kind or kinds.kind_of(status, fault.codes, fault.message)
    name = target.vendor.display_name
    reason = fault.said or f"HTTP status {status}"
    wait = retry_after_ms(headers)
    hint = _hint(kind, fault)
    if status // 100 == _REDIRECTION:
        kind, reason = ConfigError, f"it redirects (HTTP status {status})"
        hint = "Redirects are not followed; set base_url to the address it redirects to."
    elif kind is ConfigError:
        place = f"check the base_url of {target.vendor.name} ({target.base_url})"
        hint = f"Nothing is at this address: {place}."
    return kind(
        f"{name}: {reason}",
        hint=hint,
        provider=target.vendor.name,
        status=status,
        retry_after_ms=fault.google.retry_after_ms if wait is None else wait,
        request_id=request_id(headers),
        provider_message=fault.said,
    )


def error_in_stream(data: bytes, target: Target) -> AIError:
    """Turn an error that came inside a 200 answer into its error."""
    fault = _read(data)
    kind = fault.google.kind or kinds.kind_of(fault.status or 200, fault.codes, fault.message)
    return kind(
        f"{target.vendor.display_name}: {fault.said or 'an error without a message'}",
        hint=_hint(kind, fault),
        provider=target.vendor.name,
        status=fault.status,
        retry_after_ms=fault.google.retry_after_ms,
        provider_message=fault.said,
    )


def unreadable(data: bytes, target: Target, reason: str) -> InvalidResponse:
    """The error for what can't be read, with its beginning."""
    return InvalidResponse(
        f"{target.vendor.display_name} sent what is not its API's format: {reason}.",
        provider=target.vendor.name,
        provider_message=excerpt(data),
    )


def misread(what: str, data: bytes, target: Target, reason: str) -> AIError:
    """The error that came in the place of `what`; else that this can't be read."""
    if holds_error(data):
        return error_in_stream(data, target)
    return InvalidResponse(
        f"{target.vendor.display_name}'s {what} can't be read: {reason}.",
        provider=target.vendor.name,
        provider_message=excerpt(data),
    )


def holds_error(body: bytes) -> bool:
    """True where a body that should be something else is one of the known shapes of errors."""
    try:
        value = lenient.read(body)
    except (ValueError, RecursionError):
        return False
    if isinstance(value, list) and value:
        value = value[0]
    # Whatever stands as `error` is one; else it has to say something as an error does.
    return isinstance(value, dict) and (_error_of(value) is not value or bool(_message_of(value)))


def excerpt(data: bytes) -> str:
    """The beginning of what came, readable and without secrets."""
    text = _readable(data[:_WINDOW])
    if len(data) > _WINDOW and MARK in without_secrets(text):
        text = _readable(data)  # its end may have come into sight, and lie in the midst of a key
    return scrub(text, _EXCERPT)


def _readable(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    if re.match(r"\s*(<!doctype|<html|<head|<body)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
        text = f"an HTML page{f': {title[1].strip()}' if title else ''}"
    return text.strip()


class _Fault(NamedTuple):
    said: str | None
    """The provider's message, without secrets."""
    codes: str
    """Single words by which its kind can be told."""
    message: str
    """Sentences by which it can."""
    status: int | None
    """The status that the body itself names."""
    filtered: str = ""
    """What a content filter was set off by (Azure, OpenRouter)."""
    google: google_errors.Told = google_errors.Told()


def _read(body: bytes) -> _Fault:
    try:
        value = lenient.read(body)
    except (ValueError, RecursionError):
        start = excerpt(body)
        return _Fault(start or None, "", start, None)
    error = _error_of(value)
    message = whole(_message_of(error))
    said = scrub(message, _EXCERPT) if message else None
    codes, status, filtered = [], None, ""
    if isinstance(error, dict):
        codes = [str(error.get(name, ""))[:_EXCERPT] for name in ("code", "type")]
        numbers = [error.get(name) for name in ("status", "status_code", "code")]
        status = next((n for n in numbers if isinstance(n, int) and n in _STATUSES), None)
        status = status or _BY_TYPE.get(str(error.get("type")))
        filtered = _filtered(error)
    words = (message or "")[:_EXCERPT]
    codes += _NESTED.findall(words) if words.count(" ") else [words]
    said = said or excerpt(body) or None
    google = google_errors.read(error)
    return _Fault(said, " ".join(codes), words, status, filtered, google)


def _filtered(error: dict[str, Any]) -> str:
    """Azure's `innererror.content_filter_result`, and the `reasons` of OpenRouter's moderation."""
    inner = lenient.fields(error.get("innererror"))
    found = [*filters.filtered(inner.get("content_filter_result"))]
    reasons = lenient.fields(error.get("metadata")).get("reasons")
    found += (
        [each for each in reasons if isinstance(each, str)] if isinstance(reasons, list) else []
    )
    return scrub(", ".join(found), _EXCERPT)


def _hint(kind: type[AIError], fault: _Fault) -> str | None:
    if kind is ProviderTimeout:
        return "The provider, or a proxy in front of it, gave up waiting; try again."
    if kind is ContentFilter and fault.filtered:
        return (
            f"The provider's content policy refused this ({fault.filtered}); rephrase the request."
        )
    if kind is ModelNotFound and "deployment" in fault.message.lower():
        return "Set `model` to the name of a deployment, as the Azure portal tells it."
    return kinds.hint_of(fault.message)


def _error_of(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return value
    return value.get("error") or lenient.fields(value.get("x_groq")).get("error") or value


def _message_of(error: Any) -> str | None:  # noqa: ANN401 - any JSON
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return None
    raw = lenient.fields(error.get("metadata")).get("raw")
    names = ("message", "detail", "msg", "failed_generation")
    parts = [*(error.get(name) for name in names), raw]
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts if part]
    return " — ".join(texts) or None
