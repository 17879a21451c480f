"""What a stream costs: CPU per chunk, many streams at once, the first chunk, a cancel."""

from __future__ import annotations

import itertools
import math
import re
import statistics
import time
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from scripts.bench.child import Bench, Child, Gone
from scripts.bench.wire import END, STAMP_DIGITS, ask

INTERVAL_US = 20_000
_SETTLE_S = 1.5
_GOLDEN = 0.618034  # spreads any number of streams evenly over the interval
_STAMP = re.compile(rb'"content":"(\d{%d})' % STAMP_DIGITS)
_numbers = itertools.count(1)


class Late(Struct, frozen=True, gc=False):
    """When a chunk was sent, by the clock of `time.perf_counter_ns`, and how long it took."""

    sent: int
    ms: float


class Paced(Struct, frozen=True):
    """Many slow streams: CPU as a share of one core, and how late chunks came, in ms."""

    core: float
    p50_ms: float
    p99_ms: float


def burst(child: Child, count: int) -> float:
    """Stream `count` chunks at once; return the microseconds of CPU per chunk."""
    before = child.cpu_ns()
    reads = _stream(child, [f"burst-{count}"], 60)
    cpu = child.cpu_ns() - before
    _check(child, len(_chunks(reads)), count)
    return cpu / count / 1000


def bursts(
    children: Sequence[Child], counts: dict[str, int], rounds: int
) -> dict[str, list[float]]:
    """Take turns, so that whatever else the machine does hits all of them."""
    for child in children:
        burst(child, 200)
    found: dict[str, list[float]] = {child.name: [] for child in children}
    for _ in range(rounds):
        for child in children:
            found[child.name].append(burst(child, counts[child.name]))
    return found


def paced(child: Child, streams: int, seconds: float) -> Paced:
    """Run `streams` streams of 50 chunks a second each; measured once all of them run."""
    count = round((_SETTLE_S + seconds) * 1e6 / INTERVAL_US)
    models = [
        f"paced-{count}-{INTERVAL_US}-{int(number * _GOLDEN % 1 * INTERVAL_US)}"
        for number in range(streams)
    ]
    samples: list[tuple[int, int]] = []
    reads = _stream(child, models, seconds * 10 + 20, (_SETTLE_S, _SETTLE_S + seconds), samples)
    late = _chunks(reads)
    _check(child, len(late), streams * count)
    (began, before), (ended, after) = samples
    steady = sorted(each.ms for each in late if began <= each.sent < ended)
    return Paced((after - before) / (ended - began), _at(steady, 0.5), _at(steady, 0.99))


def first_chunks(children: Sequence[Child], rounds: int, each: int) -> dict[str, list[float]]:
    """Return each round's median milliseconds from asking to the first chunk, by child.

    Within a round they take turns as well; connections are kept.
    """
    found: dict[str, list[float]] = {child.name: [] for child in children}
    for _ in range(rounds):
        times: dict[str, list[float]] = {child.name: [] for child in children}
        for _ in range(each):
            for child in children:
                times[child.name].append(_first_chunk_ms(child))
        for name, values in times.items():
            found[name].append(statistics.median(values))
    return found


def _first_chunk_ms(child: Child) -> float:
    began = time.perf_counter_ns()
    reads = _stream(child, ["burst-1"], 20)
    first = next(at for at, data in reads if b'"content"' in data)
    return (first - began) / 1e6


def cancel(bench: Bench, child: Child, rounds: int) -> list[float]:
    """Return the milliseconds from each cancel to when the server saw the connection closed."""
    found = []
    for _ in range(rounds):
        name = _name()
        with child.within(20):
            child.send(ask(name, "silent"))
            data = b""
            while b'"ai_stream_chunk"' not in data:
                data += child.read()
            params = {"execution_id": name}
            call = {"jsonrpc": "2.0", "id": 0, "method": "cancel_execution", "params": params}
            began = time.perf_counter_ns()
            child.send(msgspec.json.encode(call) + b"\n")
            data = b""
            while END not in data:
                data += child.read()
        with bench.server.within(20):
            found.append((int(bench.server.line()) - began) / 1e6)
    return found


def _stream(
    child: Child,
    models: Sequence[str],
    limit_s: float,
    marks_s: Sequence[float] = (),
    samples: list[tuple[int, int]] | None = None,
) -> list[tuple[int, bytes]]:
    """Ask for the streams all at once; return what came and when, up to the last one's end.

    At `marks_s` from the start, the time and the child's CPU time are appended to `samples`.
    """
    reads: list[tuple[int, bytes]] = []
    ended, tail = 0, b""
    began = time.perf_counter_ns()
    marks = [began + round(mark * 1e9) for mark in marks_s]
    with child.within(limit_s):
        child.send(b"".join(ask(_name(), model) for model in models))
        while ended < len(models):
            data = child.read()
            now = time.perf_counter_ns()
            reads.append((now, data))
            if samples is not None and marks and now >= marks[0]:
                samples.append((now, child.cpu_ns()))
                del marks[0]
            data = tail + data
            ended += data.count(END)
            tail = data[-len(END) + 1 :]
    return reads


def _chunks(reads: list[tuple[int, bytes]]) -> list[Late]:
    """How long after it was sent each chunk was read here."""
    found: list[Late] = []
    rest = b""
    for at, data in reads:
        whole, _, rest = (rest + data).rpartition(b"\n")
        found += (
            Late(int(stamp[1]), (at - int(stamp[1])) / 1e6)
            for line in whole.split(b"\n")
            if b'"ai_stream_chunk"' in line and (stamp := _STAMP.search(line))
        )
    return found


def _check(child: Child, came: int, sent: int) -> None:
    """A figure of a stream that failed would be a fine one."""
    if came != sent:
        raise Gone(f"{child.name}: {came} of {sent} chunks came")


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def _name() -> str:
    return f"bench-{next(_numbers)}"
