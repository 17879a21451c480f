"""Tokens per second of the bundled model, through the sidecar and in process.

Run as a program it is the peer: llama-cpp-python's `create_chat_completion` on the same model
file, told to be as the sidecar's row of that model is; one JSON line in for each answer, one out.
Both start every answer afresh, are timed from question to end, and must give the same answer: at
temperature 0 there is only one.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from scripts.bench.child import Child, Gone
from scripts.bench.wire import END
from sidecar.errors import ComponentMissing
from sidecar.local.models import bundled

QUESTIONS = (
    "Tell me a long story.",
    "Count from one to fifty.",
    "What can you do? Explain it at length.",
    "Write about the sea, the mountains and the stars.",
    "How does a computer work?",
)


class Answer(Struct):
    """One answer; `seconds` go from the question to its end."""

    text: str
    pieces: int
    seconds: float


def lacking() -> str | None:
    """Return what is missing for this measurement, if anything is."""
    if importlib.util.find_spec("llama_cpp") is None:
        return "llama-cpp-python is not installed"
    try:
        path = bundled().path
    except ComponentMissing as error:
        return error.message
    return None if os.path.exists(path) else f"there is no {path}"  # noqa: PTH110 - a string


def in_process(child: Child, question: str) -> Answer:
    """Ask the peer."""
    with child.within(60):
        child.send(msgspec.json.encode(question) + b"\n")
        return msgspec.json.decode(child.line(), type=Answer)


def through_sidecar(child: Child, question: str, number: int) -> Answer:
    """Ask the sidecar."""
    request = {
        "model": "demo",
        "temperature": 0,
        "seed": 1,
        "messages": [{"role": "user", "content": question}],
    }
    params = {"provider": "local", "execution_id": f"local-{number}", "request": request}
    call = {"jsonrpc": "2.0", "id": 1, "method": "stream_ai_provider", "params": params}
    data = b""
    began = time.perf_counter()
    with child.within(60):
        child.send(msgspec.json.encode(call) + b"\n")
        while END not in data or not data.endswith(b"\n"):
            data += child.read()
    seconds = time.perf_counter() - began
    lines = [msgspec.json.decode(line) for line in data.splitlines()]
    pieces = sum("content" in line.get("params", {}).get("chunk", {}) for line in lines)
    end = lines[-1]["params"]
    if end.get("error"):
        raise Gone(end["error"]["message"])
    return Answer(end["response"]["content"], pieces, seconds)


def rates(pairs: Sequence[tuple[Answer, Answer]]) -> tuple[float, float]:
    """Return tokens per second of both sides over all answers that were alike."""
    alike = [pair for pair in pairs if pair[0].text == pair[1].text]
    if len(alike) < len(pairs) / 2:
        raise Gone("the sidecar and llama-cpp-python gave different answers")
    # One piece is one token where no character takes several; so the peer's count stands for both.
    tokens = sum(here.pieces for _, here in alike)
    return (
        tokens / sum(there.seconds for there, _ in alike),
        tokens / sum(here.seconds for _, here in alike),
    )


def main() -> None:
    """Answer every line of stdin."""
    import llama_cpp  # noqa: PLC0415 - only this program's process needs it

    import sidecar.local.engine  # noqa: F401, PLC0415 - loads llama.cpp's code for this processor

    row = bundled()
    llama = llama_cpp.Llama(
        row.path,
        n_ctx=row.context,
        n_threads=row.threads,
        n_threads_batch=row.threads,
        n_gpu_layers=row.gpu_layers,
        verbose=False,
    )
    for line in sys.stdin.buffer:
        question: Any = {"role": "user", "content": msgspec.json.decode(line, type=str)}
        began = time.perf_counter()
        llama.reset()  # type: ignore[no-untyped-call]
        stream: Any = llama.create_chat_completion(
            [question], stream=True, temperature=0, max_tokens=None
        )
        deltas = (chunk["choices"][0]["delta"] for chunk in stream)
        pieces = [delta["content"] for delta in deltas if delta.get("content")]
        answer = Answer("".join(pieces), len(pieces), time.perf_counter() - began)
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
