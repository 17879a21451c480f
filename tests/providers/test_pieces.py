"""Text in pieces."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.pieces import Pieces


@given(texts=st.lists(st.text()))
def test_pieces_are_joined_in_their_order(texts: list[str]) -> None:
    pieces = Pieces()
    for text in texts:
        pieces.add(text)
    assert pieces.text() == "".join(texts)


def test_a_million_small_pieces_take_what_their_text_takes() -> None:
    pieces = Pieces()
    tracemalloc.start()
    try:
        for number in range(300_000):
            pieces.add(f"{number % 100:02}")
        assert tracemalloc.get_traced_memory()[0] < 1024 * 1024
    finally:
        tracemalloc.stop()
    assert len(pieces.text()) == 600_000
