"""The command line: writes known_models.json, or checks it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

import msgspec
from genai_prices import types

from scripts.update_catalog import layout, limits, prices, sanity, sources
from scripts.update_catalog.hosts import HOSTS, Host
from scripts.update_catalog.limits import Rows
from scripts.update_catalog.merging import merged
from sidecar.providers.known_models import FILE, KnownFile

Priced = Mapping[str, Sequence[types.ModelInfo]]


def main(arguments: Sequence[str]) -> int:
    """Run `scripts/update_catalog`. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/update_catalog",
        description="Write what is known of models, of the packages that pyproject.toml pins.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; fail where the file can't be true, and tell what would change",
    )
    today = datetime.now(tz=UTC).date()
    if parser.parse_args(arguments).check:
        return check(today)
    told: list[str] = []
    file = made(HOSTS, sources.litellm_rows(), _priced(), today, told)
    wrong = _faults(file, today)
    _say([*told, *wrong])
    if wrong:
        return 1
    FILE.write_text(layout.text(file), encoding="utf-8", newline="\n")
    print(f"wrote {FILE.name}: {FILE.stat().st_size:,} bytes, {_size(file):,} models")
    return 0


def check(today: date) -> int:
    """Hold the file against sense, which needs no network, and against its sources."""
    try:
        old = layout.read(FILE.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        _say([f"{FILE.name} can't be read: {error}"])
        return 1
    wrong = _faults(old, today)
    if layout.text(old) != FILE.read_text(encoding="utf-8"):
        wrong.append("It is not laid out as it is written: it was changed by hand.")
    _say(wrong)
    print(f"{FILE.name}: of {old.date}, {_size(old):,} models; {len(wrong) or 'no'} faults")
    try:
        rows = sources.litellm_rows()
    except sources.Unreachable as error:
        print(f"Not compared with its sources, which could not be had: {error}")
    else:
        changes = list(layout.changes(old, made(HOSTS, rows, _priced(), today, [])))
        print("\n".join([*changes, f"{len(changes) or 'Nothing'} would change"]))
    return 1 if wrong else 0


def made(
    hosts: Sequence[Host], rows: Rows, priced: Priced, day: date, told: list[str]
) -> KnownFile:
    """Make the file of a day. Adds to `told` what people should know."""
    found = {}
    for host in hosts:
        said: list[str] = []
        described, others = limits.read(rows, host)
        costs = prices.read(priced[host.prices], day, host.cut)
        found[host.name] = merged(described, others, costs, said)
        told += [f"{host.name}, {each}" for each in said]
    return KnownFile(date=day.isoformat(), sources=sources.versions(), hosts=found)


def _priced() -> Priced:
    from genai_prices.data import providers  # noqa: PLC0415 - 1.6 MB of code

    return {provider.id: provider.models for provider in providers}


def _faults(file: KnownFile, today: date) -> list[str]:
    size = len(layout.text(file).encode())
    large = [f"{size:,} bytes: more than the {sanity.MOST_BYTES:,} that a start may carry"]
    return [*sanity.faults(file, today), *(large if size > sanity.MOST_BYTES else [])]


def _size(file: KnownFile) -> int:
    return sum(len(host.models) + len(host.alike) for host in file.hosts.values())


def _say(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)
