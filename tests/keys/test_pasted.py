from __future__ import annotations

import pytest

from sidecar.errors import InvalidParams
from sidecar.keys.pasted import cleaned


@pytest.mark.parametrize(
    "pasted", ["key-1", "  key-1", "key-1\r\n", "\t\n key-1 \x0b\x0c", "\u00a0key-1\u2003"]
)
def test_white_space_around_a_key_is_no_part_of_it(pasted: str) -> None:
    assert cleaned(pasted) == "key-1"


@pytest.mark.parametrize("key", ["x", "a b", "x" * 10_000, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"])
def test_any_printable_ascii_is_left_as_it_is(key: str) -> None:
    assert cleaned(key) == key


@pytest.mark.parametrize("pasted", ["", " ", "\n\t", "\u3000"])
def test_an_empty_one_is_told(pasted: str) -> None:
    with pytest.raises(InvalidParams, match="empty") as refused:
        cleaned(pasted)
    assert refused.value.path == "$.api_key"


@pytest.mark.parametrize(
    "pasted",
    [
        "se\ncret",
        "se\r\nx: y",
        "se\x00cret",
        "secret\x7f",
        "sécret",
        "“secret”",
        "\ufeffsecret",
        "se\u200bcret",
    ],
)
def test_what_no_header_can_carry_is_told_and_not_quoted(pasted: str) -> None:
    with pytest.raises(InvalidParams, match="characters that no key has") as refused:
        cleaned(pasted)
    assert "cret" not in f"{refused.value.message} {refused.value.hint}"
    assert refused.value.path == "$.api_key"
