"""JSON as servers send it: what strict JSON refuses, and values of another kind than was agreed."""

from __future__ import annotations

import json
import math
from typing import Any

from sidecar.keys.redaction import without_secrets
from sidecar.providers.formats.surrogates import whole

_MOST = 2**53
"""No count is larger; the numbers of many JSON readers end here."""
_MOST_DIGITS = 16
_MAX_NAME = 1000


def read(data: bytes, in_pieces: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 - any JSON
    """Read what strict JSON refuses: lone surrogates, NaN, raw control characters, broken UTF-8.

    Fields named in `in_pieces` keep their lone surrogates: the next piece may complete them.
    Raises `ValueError` or `RecursionError` for what is no JSON all the same.
    """
    text = data.decode("utf-8-sig", "replace")
    value = json.loads(text, parse_constant=lambda _: None, strict=False)
    return _mended(value, in_pieces)


def _mended(value: Any, in_pieces: tuple[str, ...], name: str = "") -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return value if name in in_pieces else whole(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_mended(item, in_pieces, name) for item in value]
    if isinstance(value, dict):
        return {whole(key): _mended(item, in_pieces, key) for key, item in value.items()}
    return value


def count(value: object) -> int | None:
    """Return a whole number from 0 on, also one written as text or with a point; else None."""
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and value.isascii():
        value = int(value) if value.isdigit() else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MOST else None


def amount(value: object) -> float | None:
    """Return a number that can be written, or None. A truth value is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= _MOST else None


def fields(value: object) -> dict[str, Any]:
    """Return an object, or an empty one where something else stands."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Return a string that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def name_of(value: object) -> str | None:
    """Return what names something, like an id: without secrets, and not endless."""
    return without_secrets(text(value) or "")[:_MAX_NAME] or None
