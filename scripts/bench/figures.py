"""What is measured, and the tables of it that the README holds."""

# ruff: noqa: RUF001 - people read these tables: a dash is no hyphen, a multiplication sign no x

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from msgspec import Struct

from scripts.bench.control import Memory
from scripts.bench.report import Table, amount, spread
from scripts.bench.streams import Paced

NAMES = {
    "floor": "asyncio socket, parse, write: the floor",
    "sidecar": "AI Sidecar, JSON-RPC included",
    "sdk": "openai SDK",
}
_ECHO = "echo, line by line"
_SATURATED = 95
"""Percent of a core. Beyond it a process is late because it is busy, however well it is written."""


class Streaming(Struct, frozen=True):
    """What one program needed for its streams; every list has a figure for each round."""

    burst_us: Sequence[float]
    paced: Sequence[Paced]
    first_ms: Sequence[float]


class Rates(Struct, frozen=True):
    """Tokens per second of the demo model."""

    through: float
    inside: float


class Control(Struct, frozen=True):
    """What is around the streams; every list has a figure for each round."""

    ping_us: Mapping[str, Sequence[float]]
    pipelined: Mapping[str, Sequence[float]]
    cancel_ms: Sequence[float]
    start_ms: Mapping[str, Sequence[float]]
    memory: Memory
    rates: Rates | None
    """None where they were not measured."""


def streaming(found: Mapping[str, Streaming], streams: int) -> Table:
    """The first table, a row for each program."""
    columns = [
        "streaming",
        "µs CPU per chunk, burst",
        "× floor",
        f"{streams} streams × 50/s, of a core",
        "their p99 latency",
        "first chunk",
    ]
    floor = median(found["floor"].burst_us)
    rows = [
        [
            NAMES[name],
            spread(each.burst_us, digits=1),
            f"{median(each.burst_us) / floor:.2f}",
            _core([run.core for run in each.paced]),
            spread([run.p99_ms for run in each.paced], "ms"),
            spread(each.first_ms, "ms", digits=2),
        ]
        for name, each in found.items()
    ]
    return Table(columns, rows)


def control(found: Control, burst: int, streams: int) -> Table:
    """The second table, a row for each figure."""
    ping, many, start, memory = found.ping_us, found.pipelined, found.start_ms, found.memory
    rows = [
        ["ping, p50", spread(ping["sidecar"], "µs"), spread(ping["echo"], "µs"), _ECHO],
        ["pings per second, pipelined", spread(many["sidecar"]), spread(many["echo"]), _ECHO],
        ["cancel to closed connection", spread(found.cancel_ms, "ms"), "", ""],
        [
            "start to first answer",
            spread(start["sidecar"], "ms"),
            spread(start["imports"], "ms"),
            "importing asyncio, msgspec, anyio and jsonrpcserver",
        ],
        [
            "memory after the first answer; idle with all imported",
            f"{memory.answered:.0f} MB; {memory.warm:.0f} MB",
            "",
            "",
        ],
        [
            f"memory after {burst:,} chunks; after {streams} streams at once",
            f"{memory.used:.0f} MB; {memory.crowd:.0f} MB",
            "",
            "",
        ],
    ]
    if found.rates is not None:
        through, inside = found.rates.through, found.rates.inside
        share = f"{amount(through)} ({through / inside:.2f} ×)"
        against = "llama-cpp-python in process"
        rows.append(["tokens per second, demo model", share, amount(inside), against])
    return Table(["", "AI Sidecar", "against", "which is"], rows)


def _core(shares: Sequence[float]) -> str:
    percent = [share * 100 for share in shares]
    text = spread(percent, "%", digits=0)
    return f"{text} (saturated)" if round(median(percent)) >= _SATURATED else text
