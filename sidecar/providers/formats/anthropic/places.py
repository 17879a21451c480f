"""Where in an answer a block of thinking stood, kept in `Reasoning.id`, which is the format's own.

A message keeps its text, its calls and its thinking apart. The API wants an answer back as it was,
with each block of thinking in its place: after so many characters of the text and so many calls.
"""

from __future__ import annotations

import re

_MARK = re.compile(r"after:(\d{1,9}):(\d{1,9})")


def mark(characters: int, calls: int) -> str | None:
    """Return the id of a block in this place; None for one at the beginning."""
    return f"after:{characters}:{calls}" if characters or calls else None


def read(given: str | None) -> tuple[int, int]:
    """Return how many characters and calls stood before the block of this id."""
    found = _MARK.fullmatch(given or "")
    return (int(found[1]), int(found[2])) if found else (0, 0)
