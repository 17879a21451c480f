"""The threat: somebody who can write sidecar.db, but not open the key store, moves a key.

Everything is tampered with in one go, each in a provider of its own, and one restart brings it in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.security.attacks import BESIDE, TARGET
from tests.security.besieged import STORES, VARIABLE, VICTIMS, Besieged, besieged
from tests.security.canary import HIDDEN
from tests.security.conftest import environment_of
from tests.security.test_origins import ask_in_every_way, elsewhere

PLAIN_HTTP = (
    "http://api.example.com/v1", "http://evil.example:80", "http://0:1/v1", "http://127.1/v1",
    "http://[::2]/v1", "http://localhost.evil.example/v1", "http://10.0.0.1/v1",
)  # fmt: skip
_PLACE = "coalesce((SELECT key_id FROM secrets WHERE provider = :victim), key_id)"
_COPY = f"INSERT OR REPLACE INTO secrets SELECT :victim, {_PLACE},"
_MOVED = "SET origins = json_array(:there) WHERE provider = :victim"


def _index(key_id: str, store: str) -> str:
    copy = "coalesce((SELECT copy FROM keys WHERE provider = :victim), '')"
    values = f"(:victim, '{key_id}', '{store}', json_array(:there), 'ffff', 1, {copy})"
    return f"INSERT OR REPLACE INTO keys VALUES {values}"  # noqa: S608 - parts are of this file


EDITS: dict[str, tuple[str, ...]] = {
    "the index gives its key another origin": (f"UPDATE keys {_MOVED}",),
    "the vault's row gives its key another origin": (
        f"UPDATE keys {_MOVED}", f"UPDATE secrets {_MOVED}",
    ),
    "the index has a row of the environment": (_index("environment", "environment"),),
    "the index has another row of the environment": (_index("a", "environment"),),
    "the index has a row of the memory": (_index("default", "memory"),),
    "the index has a row of no store": (_index("default", "?"),),
    "the vault's row is swapped with another provider's": (
        f"UPDATE keys {_MOVED}",
        f"{_COPY} origins, nonce, ciphertext FROM secrets WHERE provider = '{BESIDE}'",
    ),
    "the vault's row is another provider's, its origin another one": (
        _index("default", "vault"),
        f"{_COPY} json_array(:there), nonce, ciphertext FROM secrets WHERE provider = '{BESIDE}'",
    ),
    "the index says that the keyring has it": (_index("default", "keyring"),),
    "nothing but the address is another one": (),
}  # fmt: skip
VICTIM_OF = dict(zip((*EDITS, *PLAIN_HTTP, "over RPC"), VICTIMS, strict=False))
"""Each attack's own provider."""


@pytest.fixture(scope="module", params=STORES)
def tampered(request: pytest.FixtureRequest) -> Iterator[Besieged]:
    """A sidecar that was started anew after all that."""
    with besieged(request.param, **environment_of(request.param, request)) as siege:
        siege.lay_canaries(TARGET, BESIDE, *VICTIM_OF.values())
        there = elsewhere(siege)
        siege.call("configure_provider", provider=VICTIM_OF["over RPC"], base_url=there)
        siege.restart(lambda: _tamper(siege.database, there, rows=request.param == "vault"))
        yield siege


def _tamper(database: Path, there: str, *, rows: bool) -> None:
    """Edit the database. `rows`: there are rows of the vault's, which the edits must change."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for attack, victim in VICTIM_OF.items():
            for statement in EDITS.get(attack, ()):
                values = {"victim": victim, "there": there}
                changed = connection.execute(statement, values).rowcount
                assert changed or not rows, attack
            if attack != "over RPC":
                url = attack if attack in PLAIN_HTTP else f"{there}/{victim}"
                _point(connection, victim, url)
        # One whose key lies in the environment under a name of the catalogue's.
        connection.execute(_index("b", "environment"), {"victim": "openai", "there": there})
        _point(connection, "openai", there)


def _point(connection: sqlite3.Connection, provider: str, url: str) -> None:
    row = (f"provider:{provider}", f'{{"base_url":"{url}"}}'.encode())
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", row)


@pytest.mark.parametrize("attack", VICTIM_OF)
def test_who_edits_the_database_moves_no_key(tampered: Besieged, attack: str) -> None:
    before = len(tampered.servers.elsewhere.requests)
    assert ask_in_every_way(tampered, VICTIM_OF[attack]), "nothing was refused"
    if attack in PLAIN_HTTP:  # nothing at all goes there; what did would come by the proxy
        assert tampered.servers.elsewhere.requests[before:] == []
    assert tampered.hunt() == []


def test_a_key_of_the_catalogues_variables_is_not_moved_either(tampered: Besieged) -> None:
    ask_in_every_way(tampered, "openai")
    tampered.ask([("list_api_keys", {}), ("verify_audit", {})])
    assert tampered.hunt() == []
    assert VARIABLE in (tampered.home / "config.toml").read_text(encoding="utf-8")


def test_who_was_not_tampered_with_is_served_as_before(tampered: Besieged) -> None:
    # Else the edits may all have been refused as one, for the clumsiest of them.
    answer = tampered.heard_by_the_model()
    assert (HIDDEN.value in answer) == (tampered.store != "memory"), answer


@pytest.mark.parametrize("url", PLAIN_HTTP)
def test_plain_http_to_another_machine_is_refused(siege: Besieged, url: str) -> None:
    answer = siege.call("configure_provider", provider="mine", format="openai_chat", base_url=url)
    assert answer["error"]["data"]["path"] == "$.base_url"
