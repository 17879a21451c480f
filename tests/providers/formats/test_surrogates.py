"""Characters whose UTF-16 halves come apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.providers.formats.surrogates import SurrogateJoiner, whole

HIGH, LOW = "\ud83d", "\ude00"
ANY_TEXT = st.text(
    st.one_of(st.sampled_from([HIGH, LOW, "a", "é", "😀"]), st.characters(exclude_categories=()))
)


def joined(pieces: list[str]) -> str:
    joiner = SurrogateJoiner()
    return "".join([joiner.feed(piece) or "" for piece in pieces] + [joiner.flush()])


def naive(text: str) -> str:
    """Join pairs, replace what is left, one character at a time."""
    found = ""
    for character in text:
        if found and "\ud800" <= found[-1] <= "\udbff" and "\udc00" <= character <= "\udfff":
            code = 0x10000 + (ord(found[-1]) - 0xD800) * 0x400 + ord(character) - 0xDC00
            found = found[:-1] + chr(code)
        else:
            found += character
    return "".join("\ufffd" if "\ud800" <= each <= "\udfff" else each for each in found)


def test_two_halves_over_two_pieces_are_one_character() -> None:
    assert joined(["a" + HIGH, LOW + "b"]) == "a😀b"


def test_nothing_is_said_while_a_half_is_held_back() -> None:
    joiner = SurrogateJoiner()
    assert joiner.feed(HIGH) is None
    assert joiner.feed(LOW) == "😀"


def test_a_half_alone_is_the_replacement_character() -> None:
    assert joined([HIGH]) == joined([LOW]) == "\ufffd"
    assert joined([HIGH, "a"]) == "\ufffda"
    assert joined([LOW, HIGH]) == "\ufffd\ufffd"


def test_an_empty_piece_between_the_halves_changes_nothing() -> None:
    assert joined([HIGH, "", LOW]) == "😀"


@given(pieces=st.lists(ANY_TEXT))
def test_any_text_in_any_pieces_becomes_text_that_can_be_written(pieces: list[str]) -> None:
    text = joined(pieces)
    text.encode()
    assert text == naive("".join(pieces)) == whole("".join(pieces))


def test_no_text_stays_no_text() -> None:
    assert whole(None) is None
