"""What Google's errors say beside their message: `google.rpc` details.

https://cloud.google.com/apis/design/errors: `{code, message, status, details: [{"@type": …}]}`.
Both of Google's endpoints answer so, the OpenAI-compatible one with a list around it. Status 429
has one sentence for all limits, so the details say which it was; a wrong key has status 400.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from sidecar.errors import (
    AIError,
    Authentication,
    ContextLength,
    ModelNotFound,
    Permission,
    Quota,
    RateLimited,
    RequestRejected,
)
from sidecar.providers.formats.lenient import amount, fields

_MAX_DETAILS = 50
_MAX_SECONDS = 10**9
_DELAY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s")
_EXHAUSTED = re.compile(r"resource (?:has been )?exhausted", re.IGNORECASE)
_RETRY_IN = re.compile(r"retry in (\d{1,9}(?:\.\d{1,9})?)s\b", re.IGNORECASE)

_BY_REASON: dict[str, type[AIError]] = {
    "API_KEY_INVALID": Authentication,
    "API_KEY_EXPIRED": Authentication,
    "CREDENTIALS_MISSING": Authentication,
    "ACCESS_TOKEN_EXPIRED": Authentication,
    "ACCESS_TOKEN_TYPE_UNSUPPORTED": Authentication,
    "API_KEY_SERVICE_BLOCKED": Permission,
    "API_KEY_HTTP_REFERRER_BLOCKED": Permission,
    "API_KEY_IP_ADDRESS_BLOCKED": Permission,
    "API_KEY_ANDROID_APP_BLOCKED": Permission,
    "API_KEY_IOS_APP_BLOCKED": Permission,
    "CONSUMER_SUSPENDED": Permission,
    "SERVICE_DISABLED": Permission,
    "BILLING_DISABLED": Quota,
}
# In this order: a key that is wrong is told as INVALID_ARGUMENT.
_BY_MESSAGE: tuple[tuple[type[AIError], re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (Authentication, r"api key (?:not valid|not found|expired)"),
        (ContextLength, r"input token count\b.{0,60}\bexceeds the maximum"),
        (ModelNotFound, r"^models/\S+ is not (?:found|supported)|^this model \S+ is no longer"),
        (Permission, r"user location is not supported|has been denied access"),
    )
)


class Told(NamedTuple):
    """What the details tell; None where they tell nothing."""

    kind: type[AIError] | None = None
    retry_after_ms: int | None = None


def read(error: Any) -> Told:  # noqa: ANN401 - any JSON
    """Read an `error` object; tells nothing where it is not Google's."""
    if not isinstance(error, dict) or not isinstance(status := error.get("status"), str):
        return Told()
    message = error.get("message") if isinstance(error.get("message"), str) else ""
    given = error.get("details")
    details = [fields(each) for each in given[:_MAX_DETAILS]] if isinstance(given, list) else []
    return Told(_kind(status, message or "", details), _retry_after_ms(message or "", details))


def _kind(status: str, message: str, details: list[dict[str, Any]]) -> type[AIError] | None:
    for detail in details:
        reason = detail.get("reason")
        if isinstance(reason, str) and reason in _BY_REASON:
            return _BY_REASON[reason]
    for kind, pattern in _BY_MESSAGE:
        if pattern.search(message):
            return kind
    if status == "RESOURCE_EXHAUSTED":
        return _limit(message, details)
    # Not the address: a file, a cache or another thing that the request names.
    return RequestRejected if status == "NOT_FOUND" else None


def _limit(message: str, details: list[dict[str, Any]]) -> type[AIError] | None:
    """A limit that waiting gets over, or a quota that is used up, or that is none at all."""
    lists = [found for each in details if isinstance(found := each.get("violations"), list)]
    violations = [fields(each) for found in lists for each in found][:_MAX_DETAILS]
    names = " ".join(
        str(each.get(name, ""))[:200] for each in violations for name in ("quotaId", "quotaMetric")
    )
    values = [str(each.get("quotaValue")) for each in violations]
    if "PerDay" in names or "0" in values or re.search(r"\blimit: 0\b", message):
        return Quota
    waits = "PerMinute" in names or "PerSecond" in names
    if waits or _EXHAUSTED.match(message):
        return RateLimited
    return None  # its message says it


def _retry_after_ms(message: str, details: list[dict[str, Any]]) -> int | None:
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := _DELAY.fullmatch(delay)):
            return round(float(found[1]) * 1000)
        if isinstance(delay, dict):
            seconds = amount(delay.get("seconds")) or 0
            nanos = amount(delay.get("nanos")) or 0
            if 0 <= seconds < _MAX_SECONDS and 0 <= nanos < 10**9:
                return round(seconds * 1000 + nanos / 1_000_000)
    found = _RETRY_IN.search(message[:2000])
    return round(float(found[1]) * 1000) if found else None
