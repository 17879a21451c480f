from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sidecar.rpc.lines import LineDecoder, Overlong


def lines_of(data: bytes, *cuts: int, limit: int = 1000) -> list[bytes | Overlong]:
    """Decode `data`, fed in pieces that end at `cuts`."""
    decoder = LineDecoder(limit)
    found: list[bytes | Overlong] = []
    edges = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(edges):
        found += decoder.feed(data[start:end])
    return found + decoder.close()


def test_a_line_ends_at_a_line_feed() -> None:
    assert lines_of(b"one\ntwo\n") == [b"one", b"two"]


def test_a_carriage_return_before_the_line_feed_is_taken_off() -> None:
    assert lines_of(b"one\r\ntwo\r\n") == [b"one", b"two"]


def test_a_carriage_return_inside_a_line_stays() -> None:
    assert lines_of(b"one\rtwo\n") == [b"one\rtwo"]


def test_unicode_line_separators_do_not_end_a_line() -> None:
    text = "a\u2028b\u0085c\u2029d".encode()
    assert lines_of(text + b"\n") == [text]


def test_a_byte_order_mark_is_taken_off_at_the_very_start_only() -> None:
    assert lines_of(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n") == [b"one", b"\xef\xbb\xbftwo"]


def test_a_byte_order_mark_may_come_in_pieces() -> None:
    assert lines_of(b"\xef\xbb\xbfone\n", 1, 2) == [b"one"]


def test_blank_lines_are_passed_over() -> None:
    assert lines_of(b"\n \t\r\n\none\n\n") == [b"one"]


def test_a_last_line_without_its_line_feed_is_a_line() -> None:
    assert lines_of(b"one\ntwo") == [b"one", b"two"]


def test_a_line_of_the_limit_passes() -> None:
    assert lines_of(b"x" * 10 + b"\n", limit=10) == [b"x" * 10]


def test_a_line_over_the_limit_is_told_once_and_its_neighbours_are_untouched() -> None:
    data = b"before\n" + b"x" * 5000 + b"\nafter\n"
    assert lines_of(data, 20, 1500, 4000) == [b"before", Overlong(1000), b"after"]


def test_a_line_over_the_limit_is_told_before_it_ends() -> None:
    decoder = LineDecoder(10)
    assert decoder.feed(b"x" * 11) == [Overlong(10)]
    assert decoder.feed(b"x" * 1000) == []
    assert decoder.feed(b"\nnext\n") == [b"next"]


def test_a_line_over_the_limit_at_the_end_of_input_is_told_once() -> None:
    assert lines_of(b"x" * 2000, 1500) == [Overlong(1000)]


@given(
    pieces=st.lists(st.binary(max_size=30), max_size=8),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_where_the_bytes_are_cut_makes_no_difference(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(pieces)
    inside = [cut for cut in cuts if cut <= len(data)]
    assert lines_of(data, *inside) == lines_of(data)
