"""The threat: the provider that a key is for gives it back, in whatever it answers.

By malice, or since its error page quotes the whole request. A model's words pass as they are.
"""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.keys.secret import Secret
from sidecar.providers.formats.faults import excerpt
from tests.security.besieged import Besieged
from tests.security.canary import HIDDEN, Canary
from tests.security.echoes import CASES as ECHOES
from tests.security.echoes import REDIRECTS
from tests.security.more_echoes import (
    CORNERS,
    EVERY_LETTER,
    IN_HTML,
    PIECES,
    STARRED,
    STARRED_NAMES,
    pieces,
)
from tests.security.servers import CASES, case_of

Json = dict[str, Any]
KINDS = {
    "whole": ECHOES,
    "in corners of HTTP": CORNERS,
    "half starred out": STARRED,
    "half starred out, in names": STARRED_NAMES,
    "in pieces": PIECES,
    "escaped for HTML": IN_HTML,
    "escaped to the last letter": EVERY_LETTER,
}
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def asked(case: str) -> list[tuple[str, Json]]:
    """Every way to ask a provider."""
    chat = {"provider": case, "request": REQUEST}
    return [
        ("call_ai_provider", chat),
        ("call_ai_provider", chat | {"output": "agent_block", "execution_id": f"{case} block"}),
        ("call_ai_provider", chat | {"request": REQUEST | {"stream": True}}),
        ("stream_ai_provider", chat | {"execution_id": case}),
        ("list_models", {"provider": case}),
        ("test_provider_connection", {"provider": case}),
        ("test_provider_connection", {"provider": case, "api_key": HIDDEN.value}),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_no_answer_of_a_provider_gives_the_key_away(siege: Besieged, kind: str) -> None:
    cases = KINDS[kind]
    siege.ensure_canaries(*cases)
    before = len(siege.servers.hostile.requests)
    siege.ask(call for case in cases for call in asked(case))
    siege.ask(("attach_execution", {"execution_id": case}) for case in cases)
    siege.ask([("list_executions", {"include_ended": True}), ("list_audit_events", {})])
    assert siege.hunt(parts=False) == []
    with_key = {
        case_of(request)
        for request in siege.servers.hostile.requests[before:]
        if f"Bearer {HIDDEN.value}\r\n".encode() in request
    }
    assert with_key == set(cases), "the others had nothing to give away"


@pytest.mark.parametrize("case", CASES)
def test_each_case_quotes_what_it_was_sent(case: str) -> None:
    # Else the test above would prove nothing.
    with_key, without = (CASES[case](key, "http://elsewhere") for key in (HIDDEN.value, ""))
    assert with_key != without


def test_the_pieces_of_a_key_are_put_together_by_nobody(siege: Besieged) -> None:
    siege.ensure_canaries(*PIECES)
    key, size = HIDDEN.value, len(pieces(HIDDEN.value))
    errors = [
        answer["error"]
        for _ in range(size)
        for answer in siege.ask(asked("a-piece-each")[:1])  # one by one: an error for each piece
    ]
    said = [error["data"]["provider_message"] for error in errors]
    assert key in "".join(said * 2), "the pieces did not even come"
    for error in errors:
        assert not any(key in text for text in texts_of(error))
    for case in PIECES:
        for answer in siege.ask(asked(case)):
            # What it puts together itself of one answer's parts is redacted as a whole.
            assert not any(key in text for text in texts_of(answer)), case
    assert siege.hunt(parts=False) == []


def texts_of(value: object) -> set[str]:
    """Every text of an answer."""
    if isinstance(value, dict):
        return {text for each in value.values() for text in texts_of(each)}
    if isinstance(value, list):
        return {text for each in value for text in texts_of(each)}
    return {str(value)}


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_not_followed_not_even_without_the_key(siege: Besieged, status: int) -> None:
    siege.ensure_canaries(f"redirect-{status}")
    before = len(siege.servers.elsewhere.requests)
    for answer in siege.ask(asked(f"redirect-{status}")[:1]):
        assert answer["error"]["data"]["kind"] == "config", answer
    siege.ask(asked(f"redirect-{status}"))
    assert siege.servers.elsewhere.requests[before:] == []


@pytest.mark.parametrize("case", ["model-text", "split"])
def test_the_words_of_a_model_pass_as_they_are(siege: Besieged, case: str) -> None:
    key = HIDDEN.value
    siege.ensure_canaries(case)
    [answer] = siege.ask(asked(case)[:1])
    response = answer["result"]
    assert key in response["content"]
    assert key in response["message"]["content"]
    if case == "model-text":
        [call] = response["tool_calls"]
        assert (call["id"], call["name"], call["arguments"]) == (key, key, key)
        assert (response["reasoning"], response["refusal"]) == (key, key)
        assert key in [each["url"] for each in response["citations"]]
        assert response["logprobs"] == {"content": [{"token": key}]}
    assert siege.hunt(parts=False) == []


def test_a_stream_gives_the_words_of_a_model_as_they_are(siege: Besieged) -> None:
    siege.ensure_canaries("as-content", "split")
    said = siege.stream("as-content", REQUEST)
    assert said == f"You sent: {HIDDEN.value}"
    assert siege.stream("split", REQUEST) == HIDDEN.value


def test_an_excerpt_does_not_end_within_a_key_however_long_that_is() -> None:
    token = "ey" + "Jh4bGci0OiJSUzI1NiIsInR5cCI6Ik-" * 100  # as long as tokens of clouds are
    canary = Canary("memory", token)
    secret = Secret(canary.value)
    for times in range(1, 12):
        for before in range(0, 3000, 500):
            found = excerpt(("." * before + f"{secret.reveal()} " * times).encode())
            assert canary.found_in(found.lower().encode(), parts=True)[0] == ""
