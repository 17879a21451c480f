"""Waiting for what no event tells of: the state of another process, as its system shows it."""

from __future__ import annotations

import time
from collections.abc import Callable

LIMIT_S = 20.0
_PACE_S = 0.01
"""Between two looks, for the other process's sake; nothing depends on how long it is."""


def comes_true(condition: Callable[[], bool]) -> bool:
    """Look again and again until it is true; False where the time is over."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(_PACE_S)
    return found
