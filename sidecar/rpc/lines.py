"""Bytes in, lines out. A pure object: no IO, no clock.

The framing of this contract (protocol/README.md, "Framing"):

* A line ends at 0x0A and nowhere else: U+2028 and U+0085 are ordinary text in JSON strings.
* One CR before the line feed is taken off; one UTF-8 byte order mark at the very start is, too.
* A line longer than `limit` is discarded up to its line feed and yields one `Overlong`; the lines
  around it are untouched.
* A line of nothing but white space is no message and is passed over.
* What stands after the last line feed when the input ends comes from `close()`: a last line
  without its line feed is still a line.
"""

from __future__ import annotations

from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"

DEFAULT_LIMIT = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Overlong:
    """Stands where a line longer than `limit` bytes was discarded."""

    limit: int


class LineDecoder:
    """Splits a byte stream into lines of at most `limit` bytes."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._discarding = False
        self._at_start = True

    def feed(self, data: bytes) -> list[bytes | Overlong]:
        """Take the next bytes and return the lines that they complete."""
        head, *rest = data.split(b"\n")
        lines: list[bytes | Overlong] = []
        self._append(head, lines)
        for piece in rest:
            self._complete(lines)
            self._append(piece, lines)
        return lines

    def close(self) -> list[bytes | Overlong]:
        """The input has ended: return the last line, if it had no line feed."""
        lines: list[bytes | Overlong] = []
        self._complete(lines)
        return lines

    def _append(self, piece: bytes, lines: list[bytes | Overlong]) -> None:
        if self._discarding or not piece:
            return
        self._size += len(piece)
        if self._size > self._limit:
            # Told at once and not at the line feed: a line that never ends must not be silent.
            self._forget()
            self._discarding = True
            lines.append(Overlong(self._limit))
        else:
            self._pieces.append(piece)

    def _complete(self, lines: list[bytes | Overlong]) -> None:
        discarded, self._discarding = self._discarding, False
        line = b"".join(self._pieces)
        self._forget()
        if self._at_start and not discarded:
            line = line.removeprefix(_BOM)
        self._at_start = False
        line = line.removesuffix(b"\r")
        if line and not line.isspace():
            lines.append(line)

    def _forget(self) -> None:
        self._pieces.clear()
        self._size = 0
