"""The command line: measure in turns, then print what was found."""

# ruff: noqa: RUF001 - people read these tables: a dash is no hyphen, a multiplication sign no x

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Sequence

from msgspec import Struct

from scripts.bench import control, figures, local, streams
from scripts.bench.child import Bench, Child, Gone, program, sidecar, temporary_home
from scripts.bench.figures import Control, Rates, Streaming
from scripts.bench.report import machine


class Effort(Struct, frozen=True):
    """How much is measured."""

    rounds: int = 9
    burst: int = 20_000
    sdk_burst: int = 2_500
    paced_rounds: int = 2
    paced_s: float = 4.0
    streams: int = 200
    first_rounds: int = 10
    firsts: int = 20
    cancels: int = 10
    ping_rounds: int = 10
    pings: int = 300
    pipelined: int = 20_000
    starts: int = 15
    answers: int = 3
    """Of the demo model to each question; 0 leaves them out, since a few tell nothing."""


QUICK = Effort(
    rounds=3, burst=5_000, sdk_burst=500, paced_rounds=1, paced_s=1.0, first_rounds=3, firsts=10,
    cancels=3, ping_rounds=3, pings=100, pipelined=5_000, starts=3, answers=0,
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
        streaming, cancel_ms = _streams(effort)
        tables = [
            figures.streaming(streaming, effort.streams),
            figures.control(_control(effort, cancel_ms), effort.burst, effort.streams),
        ]
    except Gone as error:
        sys.stderr.write(f"✗ {error}\n")
        return 1
    _note(f"done in {time.monotonic() - began:.0f} s")
    for table in tables:
        sys.stdout.write(f"\n{table.markdown() if options.markdown else table.plain()}\n")
    sys.stdout.write(
        f"\n{setting}. Medians of runs that took turns (least–greatest, where they differ).\n"
    )
    return 0


def _streams(effort: Effort) -> tuple[dict[str, Streaming], list[float]]:
    """Return what each program needed for streams, and the times of cancels."""
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
        _note(f"first chunk: {effort.first_rounds} rounds of {effort.firsts}")
        first = streams.first_chunks(children, effort.first_rounds, effort.firsts)
        crowd = _paced(children, effort)
        _note(f"cancel: {effort.cancels} rounds")
        closed = streams.cancel(bench, children[1], effort.cancels)
    return {name: Streaming(cpu[name], crowd[name], first[name]) for name in names}, closed


def _paced(children: Sequence[Child], effort: Effort) -> dict[str, list[streams.Paced]]:
    found: dict[str, list[streams.Paced]] = {child.name: [] for child in children}
    for _ in range(effort.paced_rounds):
        for child in children:
            _note(f"{effort.streams} streams × 50/s for {effort.paced_s:.0f} s: {child.name}")
            found[child.name].append(streams.paced(child, effort.streams, effort.paced_s))
    return found


def _control(effort: Effort, cancel_ms: list[float]) -> Control:
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
    return Control(ping, many, cancel_ms, start, memory, _local(effort))


def _local(effort: Effort) -> Rates | None:
    reason = local.lacking() if effort.answers else "a short run says nothing of it"
    if reason:
        _note(f"local tokens per second: left out, {reason}")
        return None
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
    return Rates(*local.rates(pairs[1:]))


def _note(text: str) -> None:
    """Say how far it is."""
    sys.stderr.write(f"· {text}\n")
    sys.stderr.flush()
