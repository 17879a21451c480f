"""The README's figures and what prints them."""

# ruff: noqa: RUF001 - people read these tables: a dash is no hyphen, a multiplication sign no x

from __future__ import annotations

import re

import pytest

from scripts.bench import figures
from scripts.bench.cli import Effort
from scripts.bench.control import Memory
from scripts.bench.figures import Control, Rates, Streaming
from scripts.bench.report import Table, spread
from scripts.bench.streams import Paced
from tests.conftest import ROOT

FULL = Effort()


def streaming(core: float = 0.5) -> Table:
    found = Streaming([2.0, 3.0, 4.0], [Paced(core, 0.1, 0.2)], [1.0])
    return figures.streaming(dict.fromkeys(figures.NAMES, found), FULL.streams)


def control() -> Table:
    both = {"sidecar": [2.0, 3.0, 4.0], "echo": [1.0], "imports": [1.0]}
    memory = Memory(30, 31, 32, 33)
    found = Control(both, both, [1.0], both, memory, Rates(1900, 2000))
    return figures.control(found, FULL.burst, FULL.streams)


def readme_tables() -> list[list[list[str]]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Figures")[2]
    tables = re.findall(r"(?:^\|.*\n)+", text.partition("\n## ")[0], re.MULTILINE)
    return [cells_of(table) for table in tables]


def cells_of(table: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize("number", [0, 1])
def test_the_readme_has_the_tables_that_are_printed(number: int) -> None:
    printed = cells_of([streaming(), control()][number].markdown())
    kept = readme_tables()[number]
    assert kept[0] == printed[0]
    assert [row[0] for row in kept] == [row[0] for row in printed]
    if number == 1:
        assert [row[-1] for row in kept] == [row[-1] for row in printed]


def test_the_readme_calls_saturated_what_has_no_core_left() -> None:
    for row in readme_tables()[0][1:]:
        share = int(row[3].split()[0])
        assert row[3].endswith("(saturated)") == (share >= 95), row


@pytest.mark.parametrize(
    ("core", "told"), [(0.94, "94 %"), (0.95, "95 % (saturated)"), (1.02, "102 % (saturated)")]
)
def test_a_program_that_has_no_core_left_is_called_saturated_whose_ever_it_is(
    core: float, told: str
) -> None:
    assert {row[3] for row in streaming(core).rows} == {told}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([3.0, 1.0, 2.0], "2.0 ms (1.0–3.0)"),
        ([5.0], "5.0 ms"),
        ([0.25, 0.5], "0.38 ms (0.25–0.50)"),
        ([1234.5, 99.4], "667 ms (99–1,234)"),
    ],
)
def test_a_figure_is_the_median_with_the_least_and_the_greatest(
    values: list[float], told: str
) -> None:
    assert spread(values, "ms") == told


def test_what_was_not_measured_has_no_row() -> None:
    both = {"sidecar": [1.0], "echo": [1.0], "imports": [1.0]}
    found = Control(both, both, [1.0], both, Memory(1, 1, 1, 1), None)
    rows = figures.control(found, FULL.burst, FULL.streams).rows
    assert not any("tokens" in row[0] for row in rows)
