"""From a model's bytes to text that may be shown. Pure: no IO, no llama.cpp.

* A character that is split over tokens is held back until it is whole; one that never becomes
  whole is not said. Bytes that are no UTF-8 become U+FFFD.
* No part of a stop sequence is said: what may still become one is held back.
* The work per token does not grow with the length of the answer.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

_new_decoder = codecs.getincrementaldecoder("utf-8")


class TextStream:
    """Takes the bytes of one token after the other and gives text.

    `stopped` turns true at a stop sequence; whatever comes after it is not said.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._decoder = _new_decoder("replace")
        self._stop = tuple(stop)
        self._held = ""
        self.stopped = False

    def feed(self, piece: bytes) -> str:
        """Take the next token's bytes; return what may be said now, often one word."""
        text = self._decoder.decode(piece)
        if not self._stop or not text:
            return text
        text = self._held + text
        end = self._end_of_text(text)
        if end is not None:
            self.stopped = True
            self._held = ""
            return text[:end]
        self._held = text[len(text) - self._doubtful(text) :]
        return text[: len(text) - len(self._held)]

    def flush(self) -> str:
        """Return, at the end, what was held back and became no stop sequence."""
        held, self._held = self._held, ""
        return held

    def _end_of_text(self, text: str) -> int | None:
        """Return where the first stop sequence begins."""
        found = [place for stop in self._stop if (place := text.find(stop)) >= 0]
        return min(found, default=None)

    def _doubtful(self, text: str) -> int:
        """Return the length of the longest end of `text` with which a stop sequence begins."""
        longest = 0
        for stop in self._stop:
            for length in range(min(len(stop) - 1, len(text)), longest, -1):
                if text.endswith(stop[:length]):
                    longest = length
                    break
        return longest
