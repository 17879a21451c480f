from __future__ import annotations

import base64
import gc
import json
import threading
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.keys.redaction import KNOWN, MARK, SHORTEST, scrub, without_secrets
from sidecar.keys.secret import Secret
from sidecar.providers.catalog import VENDORS

KNOWN_KEY = 'my "own"/key+ä'
SHAPES = {
    "openai": "sk-proj-abc_DEF-1234567890",
    "anthropic": "sk-ant-api03-abcdefghijklmnopqrst-AA",
    "azure": "aB3dE5fG7hI9" * 7,
    "openrouter": "sk-or-v1-0123456789abcdef",
    "google": "AQ.Ab1-cdefghijklmnopqrstuvwxyz_0123456789",
    "google-openai": "AIzaSyA1234567890abcdefghijklmnopqrstuvw",
    "groq": "gsk_abcdefghijklmnop",
    "mistral": "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW",
    "deepseek": "sk-abcdefgh12345678",
    "xai": "xai-abcdefghijkl",
    "together": "tgp_v1_abcdefghijklmnop",
    "fireworks": "fw_abcdefghijklmnop",
    "cerebras": "csk-abcdefghijklmnop",
    "perplexity": "pplx-abcdefghijklmnop",
}


@pytest.fixture
def secret() -> Secret:
    return Secret(KNOWN_KEY)


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(
    "form",
    [
        KNOWN_KEY,
        base64.b64encode(KNOWN_KEY.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(KNOWN_KEY.encode()).decode().rstrip("="),
        quote(KNOWN_KEY, safe=""),
        quote(KNOWN_KEY, safe="").lower(),
        quote(KNOWN_KEY),
        quote_plus(KNOWN_KEY),
        json.dumps(KNOWN_KEY)[1:-1],
        json.dumps(KNOWN_KEY, ensure_ascii=False)[1:-1],
        json.dumps(KNOWN_KEY)[1:-1].replace("/", "\\/"),
        KNOWN_KEY.encode().hex(),
    ],
)
def test_a_known_secret_is_taken_out_in_every_usual_form(form: str) -> None:
    for text in (scrub(f"before {form}, after {form}"), without_secrets(f"{form}")):
        assert form not in text
        assert MARK in text


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", 'user:x{"key":"'])
@pytest.mark.parametrize("after", ["", "z", "zz", '"}'])
def test_in_the_base64_of_any_text_it_is_found_at_any_offset(before: str, after: str) -> None:
    raw = f"{before}{KNOWN_KEY}{after}".encode()
    for form in (base64.b64encode(raw), base64.urlsafe_b64encode(raw)):
        assert MARK in scrub(form.decode())
        assert len(scrub(form.decode())) < len(before) * 2 + len(after) * 2 + len(MARK) + 8


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor.key_required])
def test_what_has_the_shape_of_a_vendors_key_is_taken_out(vendor: object) -> None:
    name = getattr(vendor, "name", "")
    assert SHAPES[name] not in scrub(f"Wrong key: {SHAPES[name]}.")


@pytest.mark.parametrize(
    "text",
    [
        *SHAPES.values(),
        "AIzaSyA1234567890abcdefghijk",
        "Bearer abcdefghijkl",
        "Basic YWRhOnBAc3M6d8O2cmQvMQ==",
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
    [
        "Basic authentication", "Basic Authentication fails",
        "task-oriented", "Ask me", "risk-free", "2 * 3 ** 4", "**bold**", "", "sk-", "/v1/models",
        "key_store_locked", "key_origin_mismatch", "OPENAI_API_KEY", "set_api_key",
        "d41d8cd98f00b204e9800998ecf8427e", "req_011CSHoEeqs5C35K2UUqR7Fy",
    ],
)  # fmt: skip
def test_ordinary_words_stay(text: str) -> None:
    assert scrub(text) == text


def test_a_secret_too_short_to_be_one_takes_no_words_out() -> None:
    short = Secret("x" * (SHORTEST - 1))
    assert scrub(f"a {short.reveal()} b") == f"a {short.reveal()} b"


def test_a_part_of_a_secret_is_not_told_from_any_other_word() -> None:
    # Else whoever can have text quoted back could find the key out, piece by piece.
    key = Secret("correct-horse-battery-staple")
    for end in range(SHORTEST, len(key.reveal())):
        assert scrub(key.reveal()[:end]) == key.reveal()[:end]


def test_a_secret_stays_known_for_a_while_after_its_end() -> None:
    value = "gone-but-quoted-all-the-same"
    secret = Secret(value)
    del secret
    gc.collect()
    assert scrub(f"You sent {value}.") == f"You sent {MARK}."


def test_a_living_secret_is_known_however_many_come_after_it() -> None:
    kept = Secret("the-one-that-matters")
    for number in range(1000):
        Secret(f"a-flood-of-secrets-{number}")
    assert scrub(kept.reveal()) == MARK
    assert not KNOWN.within("a-flood-of-secrets-1", SHORTEST)
    assert KNOWN.within("see: the-one-that-matters!", SHORTEST)


def test_threads_may_make_and_drop_secrets_while_others_scrub() -> None:
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(200):
                held = Secret(f"{name}-secret-{number}")
                assert scrub(held.reveal()) == MARK
        except BaseException as error:  # noqa: BLE001 - it is told below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"thread-{each}",)) for each in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@given(st.text(min_size=SHORTEST, max_size=30), st.text(max_size=30), st.integers(0, 60))
def test_no_secret_is_left_wherever_the_text_is_cut(value: str, text: str, limit: int) -> None:
    secret = Secret(value)
    found = scrub(f"{text}{value}{text}", limit)
    assert secret.reveal() not in found or secret.reveal() in MARK * 2 + text * 2
    assert len(found) <= max(limit, len(MARK)) + len(MARK)
