"""The threat: the provider that a key is for gives it back, in whatever it answers.

By malice, or since its error page quotes the whole request. A model's words pass as they are.
"""

from __future__ import annotations

from typing import Any

import pytest

from sidecar.keys.secret import Secret
from sidecar.providers.formats.openai_chat.faults import excerpt
from tests.security.besieged import Besieged
from tests.security.canary import HIDDEN, Canary
from tests.security.echoing_provider import CASES, REDIRECTS

Json = dict[str, Any]
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def echoed(siege: Besieged) -> Besieged:
    """A sidecar whose canary is for every case of the hostile provider."""
    siege.lay_canaries(*CASES)
    return siege


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


def test_no_answer_of_a_provider_gives_the_key_away(echoed: Besieged) -> None:
    echoed.ask(call for case in CASES for call in asked(case))
    echoed.ask(("attach_execution", {"execution_id": case}) for case in CASES)
    echoed.ask([("list_executions", {"include_ended": True}), ("list_audit_events", {})])
    assert echoed.hunt(parts=False) == []


def test_each_case_got_the_key_and_quoted_it(echoed: Besieged) -> None:
    # Else the test above would prove nothing.
    echoed.ask(call for case in CASES for call in asked(case)[:1])
    with_key = {
        request.split(b" ")[1].decode().split("/")[1]
        for request in echoed.servers.hostile.requests
        if f"Bearer {HIDDEN.value}\r\n".encode() in request
    }
    assert with_key >= set(CASES)
    for case, answer in CASES.items():
        assert answer(HIDDEN.value, "http://elsewhere") != answer("", "http://elsewhere"), case


@pytest.mark.parametrize("status", REDIRECTS)
def test_a_redirect_is_not_followed_not_even_without_the_key(echoed: Besieged, status: int) -> None:
    before = len(echoed.servers.elsewhere.requests)
    for answer in echoed.ask(asked(f"redirect-{status}")[:1]):
        assert answer["error"]["data"]["kind"] == "config", answer
    echoed.ask(asked(f"redirect-{status}"))
    assert echoed.servers.elsewhere.requests[before:] == []


@pytest.mark.parametrize("case", ["model-text", "split"])
def test_the_words_of_a_model_pass_as_they_are(echoed: Besieged, case: str) -> None:
    key = HIDDEN.value
    [answer] = echoed.ask(asked(case)[:1])
    response = answer["result"]
    assert key in response["content"]
    assert key in response["message"]["content"]
    if case == "model-text":
        [call] = response["tool_calls"]
        assert (call["id"], call["name"], call["arguments"]) == (key, key, key)
        assert (response["reasoning"], response["refusal"]) == (key, key)
        assert key in [each["url"] for each in response["citations"]]
        assert response["logprobs"] == {"content": [{"token": key}]}
    assert echoed.hunt(parts=False) == []


def test_a_stream_gives_the_words_of_a_model_as_they_are(echoed: Besieged) -> None:
    said = echoed.stream("as-content", REQUEST)
    assert said == f"You sent: {HIDDEN.value}"
    assert echoed.stream("split", REQUEST) == HIDDEN.value


def test_an_excerpt_does_not_end_within_a_key_however_long_that_is() -> None:
    token = "ey" + "Jh4bGci0OiJSUzI1NiIsInR5cCI6Ik-" * 100  # as long as tokens of clouds are
    canary = Canary("memory", token)
    secret = Secret(canary.value)
    for times in range(1, 12):
        for before in range(0, 3000, 500):
            found = excerpt(("." * before + f"{secret.reveal()} " * times).encode())
            assert canary.found_in(found.lower().encode(), parts=True)[0] == ""
