from __future__ import annotations

import unicodedata

import pytest

from sidecar.terminal.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Grüße, 世界, 🎉", "plain, Grüße, 世界, 🎉"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[31mred", "␛[31mred"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\rb\x08c\x7f\x00", "a␍b␈c␡␀"),
        ("\x9b31m\x85", "<U+009B>31m<U+0085>"),
        ("\u202eabc\u202c\u2066d\u2069", "<U+202E>abc<U+202C><U+2066>d<U+2069>"),
        ("a\u2028b\u2029c", "a<U+2028>b<U+2029>c"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_control_character_but_line_feed_and_tab_gets_through() -> None:
    everything = "".join(map(chr, range(0x110000)))
    left = {char for char in visible(everything) if unicodedata.category(char) == "Cc"}
    assert left == {"\n", "\t"}
