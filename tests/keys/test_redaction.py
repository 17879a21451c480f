from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.keys.redaction import MARK, scrub

KNOWN = 'my "own"/key+ä'


@pytest.mark.parametrize(
    "form",
    [
        KNOWN,
        base64.b64encode(KNOWN.encode()).decode(),
        base64.urlsafe_b64encode(KNOWN.encode()).decode(),
        quote(KNOWN, safe=""),
        json.dumps(KNOWN)[1:-1],
    ],
)
def test_a_known_secret_is_taken_out_in_every_usual_form(form: str) -> None:
    assert scrub(f"before {form}, after {form}", [KNOWN]) == f"before {MARK}, after {MARK}"


@pytest.mark.parametrize(
    "text",
    [
        "sk-abcdefgh12345678",
        "sk-proj-abc_DEF-1234567890",
        "gsk_abcdefghijklmnop",
        "xai-abcdefghijkl",
        "AIzaSyA1234567890abcdefghijk",
        "Bearer abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl",
        "sk-abc***wxyz",
        "abcd****wxyz",
    ],
)
def test_whatever_has_the_shape_of_a_key_is_taken_out(text: str) -> None:
    assert scrub(f"Wrong key: {text}") == f"Wrong key: {MARK}"
    assert text not in scrub(f'{{"key": "{text}"}}')


@pytest.mark.parametrize(
    "text",
    ["task-oriented", "Ask me", "risk-free", "2 * 3 ** 4", "**bold**", "", "sk-", "/v1/models"],
)
def test_ordinary_words_stay(text: str) -> None:
    assert scrub(text, [""]) == text


@given(st.text(min_size=4, max_size=30), st.text(max_size=30), st.integers(0, 60))
def test_no_secret_is_left_wherever_the_text_is_cut(secret: str, text: str, limit: int) -> None:
    found = scrub(f"{text}{secret}{text}", [secret], limit)
    assert secret not in found or secret in MARK * 2 + text * 2
    assert len(found) <= max(limit, len(MARK)) + len(MARK)
