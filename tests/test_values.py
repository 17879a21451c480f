"""The words themselves: what a part of a message must be."""

from __future__ import annotations

import msgspec
import pytest

from sidecar.values import AIMessage

GOOD = [
    {"type": "image", "url": "https://a.example/a.png"},
    {"type": "image", "url": "data:image/png;base64,AAAA"},
    {"type": "file", "url": "HTTP://127.0.0.1/a.pdf"},
    {"type": "image", "data": "AA==", "media_type": "image/png"},
    {"type": "audio", "data": "", "media_type": "audio/wav"},
]
BAD = [
    ({"type": "image"}, "exactly one of"),
    ({"type": "image", "url": "https://a", "data": "AAAA", "media_type": "image/png"}, "exactly"),
    ({"type": "image", "data": "AAAA"}, "media_type"),
    ({"type": "image", "url": "file:///etc/passwd"}, "must begin with https"),
    ({"type": "file", "url": "/etc/passwd"}, "must begin with https"),
    ({"type": "image", "data": "@@", "media_type": "image/png"}, "base64"),
    ({"type": "file", "data": "AAAA\nAAAA", "media_type": "application/pdf"}, "base64"),
    ({"type": "audio", "data": "AA", "media_type": "audio/wav"}, "base64"),
]


def message(part: dict[str, str]) -> AIMessage:
    return msgspec.convert({"role": "user", "content": [part]}, AIMessage)


@pytest.mark.parametrize("part", GOOD)
def test_a_part_is_at_an_address_or_in_the_message(part: dict[str, str]) -> None:
    assert message(part).content


@pytest.mark.parametrize(("part", "why"), BAD)
def test_any_other_part_is_refused_with_its_place(part: dict[str, str], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why) as refused:
        message(part)
    assert "$.content[0]" in str(refused.value)
