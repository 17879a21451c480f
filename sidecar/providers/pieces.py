"""Text that comes in pieces. Pure.

A Python string of one character takes fifty bytes. Pieces are joined block by block as they come,
so that a million of them take what their text takes.
"""

from __future__ import annotations

_BLOCK = 1024


class Pieces:
    """Text that grows at its end."""

    __slots__ = ("_blocks", "_pieces")

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Append."""
        self._pieces.append(piece)
        if len(self._pieces) >= _BLOCK:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def text(self) -> str:
        """Return all of it."""
        return "".join((*self._blocks, *self._pieces))
