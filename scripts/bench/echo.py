"""The floor of a ping: reads lines and writes them back, with no event loop and no JSON."""

from __future__ import annotations

import os

from scripts.bench.wire import write


def main() -> None:
    """Echo whole lines until stdin ends."""
    rest = b""
    while data := os.read(0, 64 * 1024):
        whole, feed, rest = (rest + data).rpartition(b"\n")
        write(whole + feed)


if __name__ == "__main__":
    main()
