"""Error answers of OpenAI-compatible servers, whichever of their shapes they have.

`{"error": {message, code, type, param}}` (OpenAI), `{"error": "text"}`, `{"message", "code"}`
(Mistral), `{"detail": …}` (FastAPI), `[{"error": …}]` (Google's compatible endpoint), HTML of a
proxy, or nothing at all. The provider's own words are kept, without secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

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
from sidecar.keys.redaction import scrub
from sidecar.providers.base import Target
from sidecar.providers.formats.openai_chat.surrogates import whole
from sidecar.providers.headers import request_id, retry_after_ms

_EXCERPT = 2000
_WINDOW = 16_000
_STATUSES = range(100, 600)
_REDIRECTION, _CLIENT_ERROR = 3, 4

_BY_STATUS: dict[int, type[AIError]] = {
    400: RequestRejected,
    401: Authentication,
    402: Quota,
    403: Permission,
    404: ConfigError,
    405: ConfigError,
    408: ProviderTimeout,
    413: RequestRejected,
    422: RequestRejected,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}

# The vendors' own codes and types say more than the status; the first that matches counts.
_BY_WORDS: tuple[tuple[type[AIError], re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns), re.IGNORECASE))
    for kind, *patterns in (
        (
            ContextLength,
            r"context_length_exceeded",
            r"exceed_context_size",
            r"maximum context length",
            r"context (?:window|length) (?:exceeded|of)",
            r"exceeds? the (?:available )?context",
            r"greater than the context length",
            r"maximum prompt length",
            r"`inputs` tokens \+ `max_new_tokens`",
        ),
        (ContentFilter, r"content_filter", r"content_policy", r"content management policy"),
        (
            Quota,
            r"insufficient_quota",
            r"billing_hard_limit",
            r"insufficient (?:balance|credit)",
            r"exceeded your current quota",
            r"credit balance",
            r"any credits",
            r"spending limit",
        ),
        (
            ModelNotFound,
            r"model_not_(?:found|exist|available)",
            r"model not exist",
            r"no such model",
            r"model_decommissioned",
            r"not a valid model",
            r"(?:unknown|invalid|unsupported)[_ ]model",
            r"no endpoints found",
            r"model (?:[^ ]+ )?(?:does not exist|doesn't exist|(?:was |is )?not found)",
        ),
        (
            Authentication,
            r"invalid_api_key",
            r"incorrect api key",
            r"invalid api key",
            r"authentication",
        ),
        (RateLimited, r"rate[_ ]limit", r"too many requests"),
        (Overloaded, r"overloaded", r"over[_ ]capacity", r"capacity_exceeded"),
    )
)


def parse_error(status: int, headers: Mapping[str, str], body: bytes, target: Target) -> AIError:
    """Turn an answer whose status is not 2xx into its error."""
    fault = _read(body, target)
    kind = _kind(status, fault.words)
    name = target.vendor.display_name
    reason = fault.said or f"HTTP status {status}"
    hint = None
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
        retry_after_ms=retry_after_ms(headers),
        request_id=request_id(headers, target.secrets),
        provider_message=fault.said,
    )


def error_in_stream(data: bytes, target: Target) -> AIError:
    """Turn an error that came inside a 200 answer into its error."""
    fault = _read(data, target)
    kind = _kind(fault.status or 200, fault.words)
    return kind(
        f"{target.vendor.display_name}: {fault.said or 'an error without a message'}",
        provider=target.vendor.name,
        status=fault.status,
        provider_message=fault.said,
    )


def holds_error(body: bytes) -> bool:
    """True where a body that should be something else is one of the known shapes of errors."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    error = _error_of(value)
    return isinstance(error, dict) and _message_of(error) is not None


def excerpt(data: bytes, target: Target) -> str:
    """The beginning of what came, readable and without secrets."""
    text = data[:_WINDOW].decode("utf-8", "replace")
    if re.match(r"\s*(<!doctype|<html|<head|<body)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>([^<]*)", text, re.IGNORECASE)
        text = f"an HTML page{f': {title[1].strip()}' if title else ''}"
    return scrub(text.strip(), target.secrets, _EXCERPT)


class _Fault(NamedTuple):
    said: str | None
    """The provider's message, without secrets."""
    words: str
    """Every word by which its kind can be told."""
    status: int | None
    """The status that the body itself names."""


def _read(body: bytes, target: Target) -> _Fault:
    try:
        value = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        start = excerpt(body, target)
        return _Fault(start or None, start, None)
    error = _error_of(value)
    message = whole(_message_of(error))
    said = scrub(message, target.secrets, _EXCERPT) if message else None
    words: list[str] = []
    status = None
    if isinstance(error, dict):
        words = [str(error.get(name, ""))[:_EXCERPT] for name in ("code", "type")]
        numbers = [error.get(name) for name in ("status", "status_code", "code")]
        status = next((n for n in numbers if isinstance(n, int) and n in _STATUSES), None)
    words.append((message or "")[:_EXCERPT])
    return _Fault(said or excerpt(body, target) or None, " ".join(words), status)


def _kind(status: int, words: str) -> type[AIError]:
    if status != HTTPStatus.UNAUTHORIZED:
        for kind, pattern in _BY_WORDS:
            if pattern.search(words):
                return kind
    of_request = status // 100 == _CLIENT_ERROR
    return _BY_STATUS.get(status) or (RequestRejected if of_request else APIError)


def _error_of(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return value
    groq = value.get("x_groq")
    return value.get("error") or (groq.get("error") if isinstance(groq, dict) else None) or value


def _message_of(error: Any) -> str | None:  # noqa: ANN401 - any JSON
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return None
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    names = ("message", "detail", "msg", "failed_generation")
    parts = [*(error.get(name) for name in names), raw]
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts if part]
    return " — ".join(texts) or None
