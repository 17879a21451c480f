"""The threat: a front end asks thousands of questions, each of which tells a little of a key.

The redaction takes whole keys out of errors, and errors quote what the front end sends. If it knew
parts of keys, too, an error would tell whether a guess is one, and a key could be found letter by
letter. So a part of a key must read like any other text, and a text that a person thought up, which
others may guess as a whole, must not be known to it at all.
"""

from __future__ import annotations

import json
import random
import string

import pytest

from tests.security.attacks import TARGET
from tests.security.besieged import Besieged
from tests.security.canary import HIDDEN, PASSWORD, SHAPED, Canary

QUOTING = {
    "set_active_provider": "provider",
    "attach_execution": "execution_id",
    "configure_provider": "base_url",
    "ping": "",
}


@pytest.mark.parametrize("method", QUOTING)
@pytest.mark.parametrize("canary", [HIDDEN, SHAPED], ids=lambda canary: canary.lies_in)
def test_a_part_of_a_key_reads_like_any_other_text(
    siege: Besieged, canary: Canary, method: str
) -> None:
    assert HIDDEN.value in siege.heard_by_the_model()  # it has been read from its store
    for part in parts(canary.value):
        other = alike(part)
        told = [siege.call(method, **_quoted(method, text)) for text in (part, other)]
        assert blank(told[0], part) == blank(told[1], other), part
    siege.lines.clear()  # the parts were the front end's own words here


def test_a_guess_at_the_vaults_password_reads_like_any_other_text(siege: Besieged) -> None:
    # Else a front end could try passwords by the thousand, past scrypt, which makes each dear.
    siege.call("unlock_vault", password=PASSWORD.value)
    for text in (PASSWORD.value, alike(PASSWORD.value)):
        answer = siege.call("attach_execution", execution_id=text)
        assert answer["error"]["message"] == f"There is no execution {text!r}."
    siege.lines.clear()  # the password was the front end's own words here


def test_fingerprints_do_not_tell_how_alike_keys_are(siege: Besieged) -> None:
    keys = [f"{HIDDEN.value[:-1]}{end}" for end in "0123456789"]
    calls = [
        ("set_api_key", {"provider": "vllm", "api_key": key, "store": "memory"}) for key in keys
    ]
    prints = [answer["result"]["fingerprint"] for answer in siege.ask(calls)]
    assert len(set(prints)) == len(keys)
    for each in prints:
        same = sum(a == b for a, b in zip(each, prints[0], strict=True))
        assert each == prints[0] or same < 12, "by chance it is so once in ten thousand million"
    siege.lines.clear()


def _quoted(method: str, text: str) -> dict[str, str]:
    around = {"provider": TARGET} if method == "configure_provider" else {}
    return around | {QUOTING[method] or text: text}


def parts(key: str) -> list[str]:
    """Beginnings, ends and middles, up to all but one character."""
    lengths = [3, 6, 8, 12, 19, 20, 21, len(key) - 2, len(key) - 1]
    return [
        part for size in lengths for part in (key[:size], key[-size:], key[2 : 2 + size])
        if part != key
    ]  # fmt: skip


def alike(text: str) -> str:
    """Another text of the same length, and of the same kind of characters; `sk-` stays."""
    draw = random.Random(text)  # noqa: S311 - the same at every run
    begin = 3 if text.startswith("sk-") else 0
    return text[:begin] + "".join(
        draw.choice(kind) if (kind := _kind(each)) else each for each in text[begin:]
    )


def _kind(character: str) -> str:
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    return next((kind for kind in kinds if character in kind), "")


def blank(answer: object, text: str) -> str:
    """The answer with the text taken out, in the forms in which an error may quote it."""
    said = json.dumps(answer, ensure_ascii=False)
    for form in sorted({text, repr(text), repr(text)[1:-1], text.lower()}, key=len, reverse=True):
        for written in (json.dumps(form)[1:-1], form):
            said = said.replace(written, "…")
    return said.partition('"id"')[0]
