"""What one check of the doctor's found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` says what to do; `answers` is true for a usable model."""

    level: Level
    part: str
    text: str
    remedy: str | None = None
    answers: bool = False
