"""Compressed bodies, in pieces of bounded size. Pure: no IO, no clock.

Identity is what requests ask for; some proxies compress all the same. A few kilobytes of gzip can
hold gigabytes, so nothing is inflated further than the next piece.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from sidecar.errors import InvalidResponse

ENCODINGS = ("gzip", "x-gzip", "deflate")
_PIECE = 64 * 1024
_EITHER_HEADER = zlib.MAX_WBITS | 32


class Inflater:
    """Inflates `gzip` and `deflate`, which is zlib's format (RFC 9110, section 8.4.1)."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_EITHER_HEADER)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` inflates to. Raises `InvalidResponse` where it is damaged."""
        while data:
            try:
                piece = self._zlib.decompress(data, _PIECE)
            except zlib.error as error:
                message = f"The provider's compressed answer is damaged: {error}."
                raise InvalidResponse(message) from None
            if piece:
                yield piece
            data = self._zlib.unconsumed_tail
            if self._zlib.eof:
                data = self._zlib.unused_data
                self._zlib = zlib.decompressobj(_EITHER_HEADER)  # gzip may have several members
