"""What everything around a stream costs: a ping, a start, memory."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from scripts.bench.child import Bench, Child, sidecar, temporary_home
from scripts.bench.streams import burst, paced

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
_IMPORTS = "import asyncio, msgspec, anyio, jsonrpcserver"
_WARM_S = 1.0


class Memory(Struct, frozen=True):
    """Resident megabytes of one sidecar, in the order of its life."""

    answered: float
    warm: float
    used: float
    crowd: float


def pings(children: Sequence[Child], rounds: int, each: int) -> dict[str, list[float]]:
    """Return each round's median microseconds of a ping, one after the other."""
    found: dict[str, list[float]] = {child.name: [] for child in children}
    for _ in range(rounds):
        for child in children:
            with child.within(60):
                times = [_ping_ns(child) for _ in range(each)]
            found[child.name].append(statistics.median(times) / 1000)
    return found


def pipelined(child: Child, count: int) -> float:
    """Send `count` pings without waiting; return how many a second were answered."""
    began = time.perf_counter_ns()
    with child.within(120):
        writer = threading.Thread(target=child.send, args=(PING * count,), daemon=True)
        writer.start()
        answered = 0
        while answered < count:
            answered += child.read().count(b"\n")
        writer.join()
    return count / ((time.perf_counter_ns() - began) / 1e9)


def starts(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds from spawning to the first answer, and of the imports alone."""
    with temporary_home() as home:
        ways: dict[str, Callable[[], float]] = {
            "imports": lambda: _start_bare(_IMPORTS),
            "sidecar": lambda: _start_sidecar(home),
        }
        for way in ways.values():
            way()
        found: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                found[name].append(way())
    return found


def memory(bench: Bench, chunks: int, streams: int) -> Memory:
    """Return what one sidecar holds through its life."""
    with sidecar(bench.home) as child:
        with child.within(20):
            child.send(PING)
            child.line()
        answered = child.rss_mb()
        time.sleep(_WARM_S)
        warm = child.rss_mb()
        burst(child, chunks)
        used = child.rss_mb()
        paced(child, streams, 1)
        return Memory(answered, warm, used, child.rss_mb())


def _ping_ns(child: Child) -> int:
    began = time.perf_counter_ns()
    child.send(PING)
    while not child.read().endswith(b"\n"):
        pass
    return time.perf_counter_ns() - began


def _start_bare(code: str) -> float:
    """A Python that prints a line once it is ready."""
    began = time.perf_counter_ns()
    with Child(code, [sys.executable, "-c", f"{code}\nprint(flush=True)"]) as child:
        with child.within(20):
            child.line()
        return (time.perf_counter_ns() - began) / 1e6


def _start_sidecar(home: Path) -> float:
    began = time.perf_counter_ns()
    with sidecar(home) as child:
        with child.within(20):
            child.send(PING)
            child.line()
        return (time.perf_counter_ns() - began) / 1e6
