"""The threat: a key that the sidecar keeps and has not looked at since it was started anew.

It lies in the vault or the keyring, and nothing in this run has read it. All the same it must not
be taken where no key belongs: it would be written to sidecar.db, shown, or sent to somebody else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from sidecar.contract import METHODS
from sidecar.rpc.methods import Method
from tests.security.attacks import Attack, Values, attacks
from tests.security.besieged import VICTIMS, Besieged, besieged
from tests.security.canary import HIDDEN, Canary
from tests.security.conftest import environment_of
from tests.security.hunting import Hunter

USUAL = Canary("the store, unread", "cnry_Unread-4Gt7Kx2Vb9Qm5Lz8Ws3", known_to_front_end=True)
UNUSUAL = replace(HIDDEN, lies_in="the store, unread", known_to_front_end=True)
"""Any printable sign may be in a key: quotes, a backslash, an ampersand."""
INVALID_PARAMS = -32602
KEYS = {"a usual key": USUAL, "a key with every sign": UNUSUAL}


@dataclass(frozen=True)
class Outcome:
    """What became of a key that was sent to every place: which took it, and where it came out."""

    accepted: list[str]
    leaks: set[str]


@pytest.fixture(scope="module", params=["vault", "a locked vault", "keyring"])
def outcomes(request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """A sidecar keeps the keys for providers that nobody asks, and is started anew; then they come.

    They are sent once: what was refused, and what came out, are two questions to the same answers.
    """
    store = "keyring" if request.param == "keyring" else "vault"
    with besieged(store, **environment_of(store, request)) as siege:
        for provider, key in zip(VICTIMS, KEYS.values(), strict=False):
            stored = siege.call("set_api_key", provider=provider, api_key=key.value, store=store)
            assert "result" in stored, stored
        siege.restart()
        if request.param == "a locked vault":
            assert siege.call("lock_vault")["result"]["state"] == "locked"
        return {name: _sent_everywhere(siege, key) for name, key in KEYS.items()}


def _sent_everywhere(siege: Besieged, key: Canary) -> Outcome:
    outcome = Outcome([], set())
    hunter = Hunter([key], parts=False)
    texts: Values = {"a pasted key": (key.value,), "in a sentence": (f"My key: {key.value} bye",)}
    before = len(siege.servers.hostile.requests)
    for name, method in METHODS.items():
        attempted = [each for each in attacks(name, method, texts) if _is_misplaced(each, method)]
        for attack, answer in zip(attempted, siege.attack(attempted), strict=True):
            if answer.get("error", {}).get("code") != INVALID_PARAMS:
                outcome.accepted.append(f"{name} {attack.path}, {attack.kind}")
        found = siege.hunt(hunter)
        outcome.leaks.update(f"{name}: {each.form} in {each.place}" for each in found)
    sent = siege.servers.hostile.requests[before:]
    if [each for each in sent if key.value.encode() in each]:
        outcome.leaks.add("sent to another provider")
    return outcome


def _is_misplaced(attack: Attack, method: Method) -> bool:
    """True where a key is sent that doesn't belong there; a plain call is neither."""
    top = attack.path.removeprefix("$.").partition(".")[0]
    return attack.kind != "none" and top not in method.secrets


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_this_run_has_not_read_is_refused_where_no_key_belongs(
    outcomes: dict[str, Outcome], key: str
) -> None:
    assert outcomes[key].accepted == []


@pytest.mark.parametrize("key", KEYS)
def test_a_key_that_this_run_has_not_read_is_neither_kept_nor_said_nor_sent(
    outcomes: dict[str, Outcome], key: str
) -> None:
    assert outcomes[key].leaks == set()
