"""Response headers that every vendor's answers share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sidecar.keys.redaction import scrub

_MAX_ID = 200


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's id of this exchange, for its support."""
    for name in ("x-request-id", "request-id", "x-groq-request-id", "cf-ray"):
        if value := headers.get(name):
            return scrub(value, _MAX_ID)
    return None


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """`Retry-After-Ms`, or `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3)."""
    if (given := _number(headers.get("retry-after-ms"))) is not None:
        return round(given)
    if (given := _number(headers.get("retry-after"))) is not None:
        return round(given * 1000)
    until = _date(headers.get("retry-after"))
    if until is None:
        return None
    # Counted from the server's own clock where it tells it: ours may differ.
    now = _date(headers.get("date")) or datetime.now(UTC)
    return max(0, round((until - now).total_seconds() * 1000))


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < 10**9 else None


def _date(value: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
