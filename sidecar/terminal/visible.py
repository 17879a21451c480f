"""Text of others (models, providers, servers) made safe to show in a terminal. Pure.

A terminal obeys control characters: an answer could clear the screen, set the clipboard, forge a
prompt or hide what it says. Here each of them becomes a picture of itself: ESC `␛`, DEL `␡`, and
by number what has no picture, as the overrides that turn the direction of reading.
"""

from __future__ import annotations

_KEPT = frozenset("\n\t")
_PICTURES = 0x2400
_UNPICTURED = (
    *range(0x80, 0xA0),  # C1: U+009B is ESC [ in one character
    *range(0x202A, 0x202F),  # overrides of direction: text that reads otherwise than it runs
    *range(0x2066, 0x206A),
    0x2028,  # line ends that some programs obey
    0x2029,
)
_TABLE = (
    {code: chr(_PICTURES + code) for code in range(0x20) if chr(code) not in _KEPT}
    | {0x7F: "␡"}
    | {code: f"<U+{code:04X}>" for code in _UNPICTURED}
)


def visible(text: str) -> str:
    """Return `text` with every character that a terminal would obey shown instead."""
    return text if text.isascii() and text.isprintable() else text.translate(_TABLE)
