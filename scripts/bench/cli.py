"""The command line: measure in turns, then print what was found."""

# ruff: noqa: RUF001 - people read these tables, and a multiplication sign is not an x

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Sequence

from msgspec import Struct

from scripts.bench import control, local, streams
from scripts.bench.child import Bench, Child, Gone, program, sidecar, temporary_home
from scripts.bench.report import Table, machine, ratio, spread

_NAMES = {
    "floor": "asyncio socket, parse, write: the floor",
    "sidecar": "AI Sidecar",
    "sdk": "openai SDK",
}


class Effort(Struct, frozen=True):
    """How much is measured."""

    rounds: int = 9
    burst: int = 20_000
    sdk_burst: int = 2_500
    paced_rounds: int = 2
    paced_s: float = 4.0
    streams: int = 200
    firsts: int = 200
    cancels: int = 10
    ping_rounds: int = 10
    pings: int = 300
    pipelined: int = 20_000
    starts: int = 15
    answers: int = 3


QUICK = Effort(
    rounds=3, burst=5_000, sdk_burst=500, paced_rounds=1, paced_s=1.0, firsts=30, cancels=3,
    ping_rounds=3, pings=100, pipelined=5_000, starts=3, answers=1,
)  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(
        prog="bench", description="The sidecar against the floor and its peers, in one run."
    )
    parser.add_argument("--quick", action="store_true", help="a short run, for a rough look")
    parser.add_argument("--markdown", action="store_true", help="print the README's tables")
    options = parser.parse_args(arguments)
    effort = QUICK if options.quick else Effort()
    began = time.monotonic()
    setting = machine()
    try:
        streaming, cancel = _streams(effort)
        tables = [streaming, _control(effort, cancel)]
    except Gone as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    _note(f"done in {time.monotonic() - began:.0f} s")
    for table in tables:
        sys.stdout.write(f"\n{table.markdown() if options.markdown else table.plain()}\n")
    sys.stdout.write(f"\n{setting}. Median (least–greatest) of runs that took turns.\n")
    return 0


def _streams(effort: Effort) -> tuple[Table, list[str]]:
    """Return the table of streaming, and the row of a cancel."""
    names = ["floor", "sidecar"]
    if importlib.util.find_spec("openai") is not None:
        names.append("sdk")
    else:
        _note("the openai SDK is not installed and is left out")
    with Bench() as bench:
        children = [bench.start(name) for name in names]
        _note(f"CPU per chunk: {effort.rounds} rounds of {effort.burst} chunks at once")
        counts = {name: effort.sdk_burst if name == "sdk" else effort.burst for name in names}
        cpu = streams.bursts(children, counts, effort.rounds)
        _note(f"first chunk: {effort.firsts} rounds")
        first = streams.first_chunk(children, effort.firsts)
        crowd = _paced(children, effort)
        _note(f"cancel: {effort.cancels} rounds")
        closed = streams.cancel(bench, children[1], effort.cancels)
    late = {name: statistics.median(run.p99_ms for run in runs) for name, runs in crowd.items()}
    rows = [
        [
            _NAMES[name],
            spread(cpu[name]),
            ratio(cpu[name], cpu["floor"]),
            f"{statistics.median(run.core for run in crowd[name]):.0%}",
            _added(late[name], late["floor"]),
            _added(first[name], first["floor"]),
        ]
        for name in names
    ]
    columns = [
        "streaming",
        "µs CPU per chunk, burst",
        "× floor",
        f"{effort.streams} streams × 50/s, of a core",
        "their p99 latency, ms (added)",
        "first chunk, ms (added)",
    ]
    cancel = ["cancel to closed connection, ms", spread(closed), "", ""]
    return Table(columns, rows), cancel


def _paced(children: Sequence[Child], effort: Effort) -> dict[str, list[streams.Paced]]:
    found: dict[str, list[streams.Paced]] = {child.name: [] for child in children}
    for _ in range(effort.paced_rounds):
        for child in children:
            _note(f"{effort.streams} streams × 50/s for {effort.paced_s:.0f} s: {child.name}")
            found[child.name].append(streams.paced(child, effort.streams, effort.paced_s))
    return found


def _control(effort: Effort, cancel: list[str]) -> Table:
    with Bench() as bench, Child("echo", program("echo")) as echo:
        child = bench.start("sidecar")
        pair = [echo, child]
        for each in pair:
            control.pipelined(each, 500)
        _note(f"ping: {effort.ping_rounds} rounds of {effort.pings}")
        ping = control.pings(pair, effort.ping_rounds, effort.pings)
        _note(f"pipelined pings: {effort.pipelined}")
        many = {
            # An echo is done with so few in no time.
            each.name: [control.pipelined(each, effort.pipelined * times) for _ in range(3)]
            for each, times in ((echo, 20), (child, 1))
        }
        _note(f"start: {effort.starts} rounds")
        start = control.starts(effort.starts)
        _note("memory")
        memory = control.memory(bench, effort.burst, effort.streams)
    rows = [
        ["ping, p50, µs", spread(ping["sidecar"], 0), spread(ping["echo"], 0), "bare echo"],
        ["pings per second, pipelined", *(_thousands(many[name]) for name in ("sidecar", "echo")),
         "bare echo"],
        cancel,
        ["start to first answer, ms", spread(start["sidecar"], 0), spread(start["imports"], 0),
         "import asyncio, msgspec, anyio, jsonrpcserver"],
        ["", "", spread(start["pass"], 0), "python -c pass"],
        ["memory (RSS) after the first answer, MB", f"{memory.answered:.1f}", "", ""],
        ["… idle, all imported", f"{memory.warm:.1f}", "", ""],
        [f"… after {effort.burst} chunks", f"{memory.used:.1f}", "", ""],
        [f"… after {effort.streams} streams at once", f"{memory.crowd:.1f}", "", ""],
        *_local(effort),
    ]  # fmt: skip
    return Table(["", "AI Sidecar", "against", "which is"], rows)


def _local(effort: Effort) -> list[list[str]]:
    if reason := local.lacking():
        _note(f"local tokens per second: left out, {reason}")
        return []
    pairs = []
    with (
        temporary_home() as home,
        sidecar(home) as child,
        Child("llama-cpp-python", program("local")) as peer,
    ):
        questions = local.QUESTIONS * effort.answers
        _note(f"local tokens per second: {len(questions)} answers")
        for number, question in enumerate(("Hello!", *questions)):
            there = local.through_sidecar(child, question, number)
            pairs.append((there, local.in_process(peer, question)))
    through, inside = local.rates(pairs[1:])
    share = f"{through:.0f} ({through / inside:.2f} ×)"
    return [["tokens/s, bundled model", share, f"{inside:.0f}", "llama-cpp-python in process"]]


def _added(value: float, floor: float) -> str:
    return f"{value:.2f} ({value - floor:+.2f})"


def _thousands(values: Sequence[float]) -> str:
    return f"{statistics.median(values) / 1000:.1f} k"


def _note(text: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"· {text}\n")
    sys.stderr.flush()
