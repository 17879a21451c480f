"""Bytes of tokens become text that may be shown."""

from __future__ import annotations

import itertools

import pytest

from sidecar.local.text import TextStream


def _all(stream: TextStream, pieces: list[bytes]) -> tuple[list[str], str]:
    said = []
    for piece in pieces:
        said.append(stream.feed(piece))
        if stream.stopped:
            break
    return said, "".join(said) + stream.flush()


def test_a_character_split_over_tokens_is_held_back_until_it_is_whole() -> None:
    said, whole = _all(TextStream(), [b"a\xf0", b"\x9f", b"\x98", b"\x80b"])
    assert said == ["a", "", "", "😀b"]
    assert whole == "a😀b"


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert _all(TextStream(), [b"a\xff", b"b"])[1] == "a\ufffdb"


def test_a_character_that_never_becomes_whole_is_not_said() -> None:
    assert _all(TextStream(), [b"a", b"\xe2\x82"])[1] == "a"


def test_nothing_of_a_stop_sequence_and_nothing_after_it_is_said() -> None:
    said, whole = _all(TextStream(["<END>"]), [b"one<", b"EN", b"D>two", b"three"])
    assert said == ["one", "", ""]
    assert whole == "one"


def test_what_only_began_like_a_stop_sequence_is_said() -> None:
    assert _all(TextStream(["<END>"]), [b"one<E", b"<EN", b"X<"])[1] == "one<E<ENX<"


def test_the_first_of_several_stop_sequences_wins() -> None:
    assert _all(TextStream(["world", "o"]), [b"hello", b" world"])[1] == "hell"


@pytest.mark.parametrize("stop", [["aab"], ["b", "aaab"], ["ab"], ["😀b"]])
def test_the_cut_does_not_matter(stop: list[str]) -> None:
    text = "xaaaab😀b".encode()
    expected = min(
        (text.decode().split(sequence)[0] for sequence in stop if sequence in text.decode()),
        key=len,
    )
    for first, second in itertools.combinations(range(len(text)), 2):
        pieces = [text[:first], text[first:second], text[second:]]
        assert _all(TextStream(stop), pieces)[1] == expected
