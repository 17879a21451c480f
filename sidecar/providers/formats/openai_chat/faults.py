"""Error answers of OpenAI-compatible servers, whichever of their shapes they have.

`{"error": {message, code, type, param}}` (OpenAI), `{"error": "text"}`, `{"message", "code"}`
(Mistral), `{"detail": …}` (FastAPI), `[{"error": …}]` (Google's compatible endpoint), HTML of a
proxy, or nothing at all. The provider's own words are kept, without secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

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
from sidecar.providers.headers import request_id, retry_after_ms

_EXCERPT = 2000

_BY_STATUS: dict[int, type[AIError]] = {
    400: RequestRejected,
    401: Authentication,
    402: Quota,
    403: Permission,
    404: ConfigError,
    408: ProviderTimeout,
    413: RequestRejected,
    422: RequestRejected,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}

# The vendors' own codes and types say more than the status; the first that matches counts.
_BY_WORDS: tuple[tuple[re.Pattern[str], type[AIError]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"context_length_exceeded|exceed_context_size|maximum context length|"
         r"context (?:window|length) (?:exceeded|of)|exceeds? the (?:available )?context",
         ContextLength),
        (r"content_filter|content_policy|content management policy", ContentFilter),
        (r"insufficient_quota|billing_hard_limit|insufficient (?:balance|credit)|"
         r"exceeded your current quota|credit balance", Quota),
        (r"model_not_found|model_not_exist|no such model|not a valid model|unknown model|"
         r"model [^ ]* (?:does not|doesn't) exist|invalid_model", ModelNotFound),
        (r"invalid_api_key|incorrect api key|invalid api key|authentication", Authentication),
        (r"rate_limit|rate limit|too many requests", RateLimited),
        (r"overloaded|over capacity|capacity_exceeded", Overloaded),
    )
)  # fmt: skip


def parse_error(
    status: int, headers: Mapping[str, str], body: bytes, target: Target
) -> AIError:
    """Turn an answer whose status is not 2xx into its error."""
    said, words = _read(body, target)
    kind = _kind(status, words)
    name = target.vendor.display_name
    reason = said or f"HTTP status {status}"
    hint = None
    if kind is ConfigError:
        hint = f"Nothing is at this address: check the base_url of {target.vendor.name} ({target.base_url})."
    elif 300 <= status < 400:
        kind, reason = ConfigError, f"it redirects (HTTP status {status})"
        hint = "Redirects are not followed; set base_url to the address it redirects to."
    return kind(
        f"{name}: {reason}",
        hint=hint,
        provider=target.vendor.name,
        status=status,
        retry_after_ms=retry_after_ms(headers),
        request_id=request_id(headers),
        provider_message=said,
    )


def error_in_stream(data: bytes, target: Target) -> AIError:
    """Turn an error that came inside a 200 answer into its error."""
    said, words = _read(data, target)
    status = _status_inside(data)
    kind = _kind(status or 200, words)
    return kind(
        f"{target.vendor.display_name}: {said or 'an error without a message'}",
        provider=target.vendor.name,
        status=status,
        provider_message=said,
    )


def excerpt(data: bytes, target: Target) -> str:
    """The beginning of what came, readable and without secrets."""
    text = data[:_EXCERPT].decode("utf-8", "replace")
    if re.match(r"\s*(<!doctype|<html|<head|<body)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        text = f"an HTML page{f': {title[1].strip()}' if title else ''}"
    return scrub(text.strip(), [target.key.reveal()] if target.key else [])


def _kind(status: int, words: str) -> type[AIError]:
    if status != 401:
        for pattern, kind in _BY_WORDS:
            if pattern.search(words):
                return kind
    return _BY_STATUS.get(status) or (RequestRejected if 400 <= status < 500 else APIError)


def _read(body: bytes, target: Target) -> tuple[str | None, str]:
    """The provider's message, and every word by which its kind can be told."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        said = excerpt(body, target)
        return said or None, said
    error = _error_of(value)
    message = _message_of(error)
    words = [message or ""]
    if isinstance(error, dict):
        words += [str(error.get("code", "")), str(error.get("type", ""))]
    secrets = [target.key.reveal()] if target.key else []
    said = scrub(message[:_EXCERPT], secrets) if message else None
    return said or excerpt(body, target) or None, " ".join(words)


def _error_of(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and value.get("error"):
        return value["error"]
    return value


def _message_of(error: Any) -> str | None:  # noqa: ANN401 - any JSON
    if isinstance(error, str):
        return error
    if not isinstance(error, dict):
        return None
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    parts = [error.get(name) for name in ("message", "detail", "msg")] + [raw]
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts if part]
    return " — ".join(texts) or None


def _status_inside(data: bytes) -> int | None:
    try:
        error = _error_of(json.loads(data.decode("utf-8", "replace")))
    except (ValueError, RecursionError):
        return None
    for name in ("status", "status_code", "code"):
        value = error.get(name) if isinstance(error, dict) else None
        if isinstance(value, int) and 100 <= value < 600:
            return value
    return None
