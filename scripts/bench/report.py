"""Figures as tables: aligned for a terminal, or Markdown for the README."""

# ruff: noqa: RUF001 - people read these tables: a dash is no hyphen, a multiplication sign no x

from __future__ import annotations

import platform
import statistics
from collections.abc import Sequence

import psutil
from msgspec import Struct


class Table(Struct, frozen=True):
    """A heading row and rows, of text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def plain(self) -> str:
        """Columns in line."""
        widths = [max(map(len, cells)) for cells in zip(self.columns, *self.rows, strict=True)]
        rule = ["-" * width for width in widths]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (self.columns, rule, *self.rows)
        )

    def markdown(self) -> str:
        """A table of GitHub's Markdown."""
        rule = ["---"] * len(self.columns)
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.columns, rule, *self.rows))


def amount(value: float, digits: int | None = None) -> str:
    """A figure with so many digits behind its point, or as many as its size makes worth reading."""
    if digits is None:
        digits = 2 if value < 1 else 1 if value < 10 else 0
    return f"{value:,.{digits}f}"


def spread(values: Sequence[float], unit: str = "", digits: int | None = None) -> str:
    """Median with its unit, and least to greatest where they differ."""
    low, middle, high = (
        amount(value, digits) for value in (min(values), statistics.median(values), max(values))
    )
    text = f"{middle} {unit}".rstrip()
    return text if low == high else f"{text} ({low}–{high})"


def machine() -> str:
    """What was measured on, and how busy it was with other things."""
    name = f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} CPUs"
    version = f"{platform.python_implementation()} {platform.python_version()}"
    busy = psutil.getloadavg()[0]
    return f"{name}, {version}; load average {busy:.1f} at the start"
