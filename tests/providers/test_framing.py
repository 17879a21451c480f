"""Server-sent events and JSON lines: the standard's rules, any cut, and bounded memory."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.errors import InvalidResponse
from sidecar.providers.framing import Event, LineSplitter, SseDecoder

# Lines that mean something to the decoder, and bytes that could be mistaken for ends of lines.
LINES = st.sampled_from(
    [
        b"",
        b"data: {}",
        b"data:x",
        b"data:  two spaces",
        b"data",
        b"data:",
        b"event: error",
        b"event:named",
        b": heartbeat",
        b"id: 7",
        b"retry: 10",
        b"unknown: field",
        b"error: {}",
        "data: a\u2028b\u2029c\u0085d\x0b\x0c\x1c".encode(),
        b"data: \xff\xfe\x00",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


def decode(pieces: Iterable[bytes]) -> list[Event]:
    """Feed all pieces, then close."""
    decoder = SseDecoder()
    found = [event for piece in pieces for event in decoder.feed(piece)]
    return found + decoder.close()


def cut(data: bytes, positions: Iterable[int]) -> list[bytes]:
    marks = [0, *sorted(position % (len(data) + 1) for position in positions), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(marks)]


def by_the_standard(lines: Iterable[bytes]) -> list[Event]:
    """Read lines as the standard says, and as naively as can be."""
    found: list[Event] = []
    name, data = "", list[bytes]()
    for line in [*lines, b""]:
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ") if colon else b""
        if not line:
            if data:
                found.append(Event(name, b"\n".join(data)))
            name, data = "", []
        elif field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.strip().decode()
        elif field == b"error":
            name = "error"
            data.append(value.strip())
    return found


@given(lines=st.lists(st.tuples(LINES, ENDS)), positions=st.lists(st.integers(min_value=0)))
def test_any_lines_with_any_ends_cut_anywhere_give_the_events_of_the_standard(
    lines: list[tuple[bytes, bytes]], positions: list[int]
) -> None:
    # A line that ends with CR before an empty line that ends with LF is one line end, not two.
    ends = [end if end != b"\r" else b"\r\n" for _, end in lines]
    body = b"".join(line + end for (line, _), end in zip(lines, ends, strict=True))
    assert decode(cut(body, positions)) == by_the_standard(line for line, _ in lines)


@given(lines=st.lists(st.tuples(LINES, ENDS)), positions=st.lists(st.integers(min_value=0)))
def test_a_cut_changes_nothing_whatever_ends_the_lines(
    lines: list[tuple[bytes, bytes]], positions: list[int]
) -> None:
    body = b"".join(line + end for line, end in lines)
    assert decode(cut(body, positions)) == decode([body])


@given(body=st.binary(), positions=st.lists(st.integers(min_value=0)))
def test_any_bytes_at_all_are_decoded_the_same_however_they_are_cut(
    body: bytes, positions: list[int]
) -> None:
    assert decode(cut(body, positions)) == decode([body])


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_end_with_lf_cr_or_both(end: bytes) -> None:
    body = end.join([b"event: a", b"data: 1", b"data: 2", b"", b"data: 3", b"", b""])
    expected = [Event("a", b"1\n2"), Event("", b"3")]
    assert decode([body]) == expected
    assert decode(body[i : i + 1] for i in range(len(body))) == expected


def test_a_cr_at_the_end_of_a_piece_takes_one_lf_and_no_more() -> None:
    assert decode([b"data: 1\r", b"\n", b"\n", b"data: 2\n\n"]) == [
        Event("", b"1"),
        Event("", b"2"),
    ]


def test_no_other_character_ends_a_line() -> None:
    text = "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n\n".encode()
    assert decode([text]) == [Event("", text[6:-2])]


def test_one_byte_order_mark_at_the_very_start_is_passed_over_even_if_cut() -> None:
    body = b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n"
    for pieces in ([body], [body[i : i + 1] for i in range(len(body))]):
        assert decode(pieces) == [Event("", b"1")]


def test_comments_ids_and_unknown_fields_say_nothing() -> None:
    assert decode([b": heartbeat\nid: 1\nretry: 5\nwhat: ever\n\n:\n\ndata: 1\n\n"]) == [
        Event("", b"1")
    ]


def test_only_one_space_after_the_colon_is_taken_off() -> None:
    assert decode([b"data:  x\n\n"]) == [Event("", b" x")]


def test_the_name_of_an_event_is_forgotten_at_its_end() -> None:
    assert decode([b"event: error\n\ndata: 1\n\n"]) == [Event("", b"1")]


def test_llama_cpps_field_error_is_an_event_of_that_name() -> None:
    assert decode([b'error: {"code": 500}\n\n']) == [Event("error", b'{"code": 500}')]


def test_an_event_without_its_empty_line_comes_at_the_end_of_input() -> None:
    for body in (b"data: 1", b"data: 1\n"):
        assert decode([body]) == [Event("", b"1")]


ENDLESS = {
    "a line": (b"data: " + b"x" * 65_530, b"x" * 65_536),
    "an event": (b"", b"data: " + b"x" * 65_529 + b"\n"),
    "an event of empty lines of data": (b"", b"data:\n" * 10_922),
    "an event of empty lines of error": (b"", b"error:\n" * 9_362),
    "a field without a colon": (b"", b"data\n" * 13_107),
    "a name": (b"event: ", b"x" * 65_536),
    "a comment": (b": ", b"x" * 65_536),
}


def feed_forever(decoder: SseDecoder, more: bytes) -> None:
    for _ in range(1000):
        decoder.feed(more)


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_is_refused_at_the_limit(name: str) -> None:
    start, more = ENDLESS[name]
    decoder = SseDecoder(limit=1024 * 1024)
    tracemalloc.start()
    try:
        decoder.feed(start)
        with pytest.raises(InvalidResponse, match="more than 1048576 bytes"):
            feed_forever(decoder, more)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_many_events_are_no_large_event() -> None:
    decoder = SseDecoder(limit=1024)
    for _ in range(1000):
        assert decoder.feed(b"data: " + b"x" * 1000 + b"\n\n") == [Event("", b"x" * 1000)]
    assert decoder.feed(b": heartbeat\n\n" * 10_000) == []


# --- JSON lines -----------------------------------------------------------------------------------


def split(pieces: Iterable[bytes]) -> list[bytes]:
    """Feed all pieces, then close; no line has a name."""
    splitter = LineSplitter()
    found = [event for piece in pieces for event in splitter.feed(piece)] + splitter.close()
    assert {event.event for event in found} <= {""}
    return [event.data for event in found]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\r\n \n", []),
        (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\r\n\r\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
        (b' {"a": 1} \n', [b'{"a": 1}']),
        ("a\u2028b\u2029c\u0085d\n".encode(), ["a\u2028b\u2029c\u0085d".encode()]),
        (b"a\rb\x0b\x0cc\n", [b"a\rb\x0b\x0cc"]),
        (b"data: {}\n", [b"data: {}"]),
        (b"\xff\xfe\x00\n", [b"\xff\xfe\x00"]),
    ],
)
def test_a_line_ends_at_a_line_feed_and_at_nothing_else(data: bytes, expected: list[bytes]) -> None:
    assert split([data]) == expected
    assert split(data[at : at + 1] for at in range(len(data))) == expected


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b""))),
    ends=st.lists(st.sampled_from([b"\n", b"\r\n"])),
    positions=st.lists(st.integers(0, 10_000), max_size=8),
)
def test_lines_are_the_same_at_any_cut(
    lines: list[bytes], ends: list[bytes], positions: list[int]
) -> None:
    joined = zip(lines, itertools.cycle(ends or [b"\n"]), strict=False)
    data = b"".join(line + end for line, end in joined)
    expected = [line.strip() for line in data.split(b"\n") if line.strip()]
    assert split(cut(data, positions)) == expected


def test_a_line_without_end_is_refused_in_bounded_memory() -> None:
    splitter = LineSplitter(limit=100_000)
    piece = b"x" * 10_000

    def grow() -> None:
        for _ in range(1000):
            splitter.feed(piece)

    tracemalloc.start()
    try:
        with pytest.raises(InvalidResponse, match="more than 100000 bytes"):
            grow()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_many_lines_of_one_piece_are_no_line_without_end() -> None:
    assert len(LineSplitter(limit=100).feed(b"{}\n" * 1000)) == 1000
