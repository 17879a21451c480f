"""The threat: a provider is pointed elsewhere, so that its key is sent there.

Over RPC, with addresses that look like the right one, and by a provider of the attacker's own. Who
can write sidecar.db, but not open the key store, comes in test_tampered_database.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.security.attacks import TARGET
from tests.security.besieged import Besieged
from tests.security.canary import HIDDEN
from tests.security.values import urls

Json = dict[str, Any]
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LOOKALIKES = len(urls("http://127.0.0.1:1", "http://127.0.0.1:2"))


def ask_in_every_way(siege: Besieged, provider: str) -> list[str]:
    """Return the kinds of the errors."""
    chat = {"provider": provider, "request": REQUEST}
    answers = siege.ask(
        [
            ("call_ai_provider", chat),
            ("stream_ai_provider", chat),
            ("list_models", {"provider": provider}),
            ("test_provider_connection", {"provider": provider}),
            ("list_ai_providers", {}),
        ]
    )
    errors = [each.get("error") or each["result"].get("error") for each in answers]
    return [each["data"]["kind"] for each in errors if each]


def elsewhere(siege: Besieged) -> str:
    return f"http://127.0.0.1:{siege.servers.elsewhere.port}"


@pytest.mark.parametrize("number", range(LOOKALIKES))
def test_a_key_goes_to_no_address_that_only_looks_like_its_own(
    siege: Besieged, number: int
) -> None:
    url = urls(siege.servers.hostile.url, siege.servers.elsewhere.url)[number]
    answer = siege.call("configure_provider", provider=TARGET, base_url=url)
    if "error" in answer:
        assert answer["error"]["data"]["path"] == "$.base_url", (url, answer)
    before = len(siege.servers.elsewhere.requests)
    ask_in_every_way(siege, TARGET)
    assert siege.servers.elsewhere.requests[before:] == [], url
    siege.call("configure_provider", provider=TARGET, base_url=None)
    assert siege.hunt() == []
    assert HIDDEN.value in siege.heard_by_the_model()


def test_a_key_that_is_moved_is_refused_with_a_hint_and_works_again_once_it_is_back(
    siege: Besieged,
) -> None:
    siege.lay_canaries(TARGET)
    siege.call("configure_provider", provider=TARGET, base_url=elsewhere(siege))
    assert ask_in_every_way(siege, TARGET) == ["key_origin_mismatch"] * 4
    siege.call("configure_provider", provider=TARGET, base_url=None)
    assert HIDDEN.value in siege.heard_by_the_model()


@pytest.mark.parametrize("name", ["mine", "hostile2", "local.openai"])
def test_a_provider_of_ones_own_has_no_key_even_at_the_keys_own_address(
    siege: Besieged, name: str
) -> None:
    siege.lay_canaries(TARGET)
    address = {"format": "openai_chat", "base_url": siege.servers.hostile_url()}
    made = siege.call("configure_provider", provider=name, **address)
    assert made["result"]["has_api_key"] is False
    assert siege.heard_by_the_model(name) == "You sent: no key came"
