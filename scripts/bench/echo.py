"""The floor of a ping: reads lines and writes each back, with no event loop and no JSON.

Like the sidecar it takes what came line by line, and writes at once what it has answered.
"""

from __future__ import annotations

import os

from scripts.bench.wire import write


def main() -> None:
    """Echo line after line until stdin ends."""
    rest = b""
    while data := os.read(0, 64 * 1024):
        *lines, rest = (rest + data).split(b"\n")
        answers = []
        for line in lines:
            answers.append(line + b"\n")  # noqa: PERF401 - as what answers each has to do it
        write(b"".join(answers))


if __name__ == "__main__":
    main()
