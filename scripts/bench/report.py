"""Figures as tables: aligned for a terminal, or Markdown for the README."""

# ruff: noqa: RUF001 - people read these tables, and a multiplication sign is not an x

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


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and least to greatest."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def ratio(values: Sequence[float], floor: Sequence[float]) -> str:
    """How many times the floor, median by median."""
    return f"{statistics.median(values) / statistics.median(floor):.2f}"


def machine() -> str:
    """What was measured on, and how busy it was with other things."""
    name = f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} CPUs"
    version = f"{platform.python_implementation()} {platform.python_version()}"
    busy = psutil.getloadavg()[0]
    return f"{name}, {version}; load average {busy:.1f} at the start"
