"""What a person can do about an error: its hint, without what it says to programs alone."""

from __future__ import annotations

import math
import re

from sidecar.terminal.peer import Json

_TO_PROGRAMS = re.compile(r"; retry_after_ms [^.;]*")


def hint_of(error: Json) -> str | None:
    """Return the hint of an error object, with the time that the provider asks for."""
    data: Json = error.get("data") or {}
    hint: str | None = data.get("hint")
    if hint is None:
        return None
    hint = _TO_PROGRAMS.sub("", hint)
    wait_ms = data.get("retry_after_ms")
    if wait_ms is None:
        return hint
    return f"{hint} The provider asks to wait {math.ceil(wait_ms / 1000)} s."
