r"""Text whose UTF-16 halves a server tore apart.

A server that counts UTF-16 units may end one delta with the first half of an emoji and begin the
next with the second: `"\ud83d"`, then `"\ude00"`. Joined they are a character; a half alone can
not be encoded as UTF-8 and becomes U+FFFD.
"""

from __future__ import annotations


def whole(text: str | None) -> str | None:
    """Return `text` with pairs joined and lone halves replaced."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateJoiner:
    """Holds a first half back until its second half, or something else, comes."""

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str | None:
        """Return what is whole by now, or None where that is nothing."""
        if not self._half and text.isascii():
            return text or None
        text = self._half + text
        self._half = ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return whole(text) or None

    def flush(self) -> str:
        """End of input: a half that is still held was alone."""
        rest, self._half = self._half, ""
        return whole(rest) or ""
