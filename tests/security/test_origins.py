"""The threat: a provider is pointed elsewhere, so that its key is sent there.

Over RPC, with addresses that look like the right one; by a provider of the attacker's own; and by
somebody who can write sidecar.db, but not open the key store.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.security.attacks import BESIDE, TARGET
from tests.security.besieged import VARIABLE, Besieged
from tests.security.canary import HIDDEN
from tests.security.values import urls

Json = dict[str, Any]
REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LOOKALIKES = len(urls("http://127.0.0.1:1", "http://127.0.0.1:2"))


@pytest.fixture
def laid(siege: Besieged) -> Iterator[Besieged]:
    """A sidecar whose canaries lie in place; its database is put back afterwards."""
    siege.lay_canaries(TARGET, BESIDE)
    copy = siege.folder / "copy.db"
    if siege.database.exists():
        shutil.copy(siege.database, copy)
    yield siege

    def put_back() -> None:
        if copy.exists():
            shutil.copy(copy, siege.database)
        else:
            siege.database.unlink(missing_ok=True)

    siege.restart(put_back)


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
    siege.lay_canaries(TARGET)
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


@pytest.mark.parametrize(
    "url",
    ["http://api.example.com/v1", "http://evil.example:80", "http://0:1/v1", "http://127.1/v1",
     "http://[::2]/v1", "http://localhost.evil.example/v1", "http://10.0.0.1/v1"],
)  # fmt: skip
def test_plain_http_to_another_machine_is_impossible(laid: Besieged, url: str) -> None:
    answer = laid.call("configure_provider", provider="mine", format="openai_chat", base_url=url)
    assert answer["error"]["data"]["path"] == "$.base_url"
    # Nor for who writes the database.
    laid.restart(lambda: point(laid.database, TARGET, url))
    before = len(laid.servers.elsewhere.requests)
    ask_in_every_way(laid, TARGET)
    assert laid.servers.elsewhere.requests[before:] == []  # it is the proxy as well


def test_a_key_that_is_moved_is_refused_with_a_hint_and_works_again_once_it_is_back(
    siege: Besieged,
) -> None:
    siege.lay_canaries(TARGET)
    siege.call("configure_provider", provider=TARGET, base_url=elsewhere(siege))
    assert ask_in_every_way(siege, TARGET) == ["key_origin_mismatch"] * 4
    siege.call("configure_provider", provider=TARGET, base_url=None)
    assert HIDDEN.value in siege.heard_by_the_model()


def test_a_restart_in_between_changes_nothing(laid: Besieged) -> None:
    laid.call("configure_provider", provider=TARGET, base_url=elsewhere(laid))
    laid.restart()
    ask_in_every_way(laid, TARGET)
    assert laid.hunt() == []


@pytest.mark.parametrize("name", ["mine", "hostile2", "local.openai"])
def test_a_provider_of_ones_own_has_no_key_even_at_the_keys_own_address(
    siege: Besieged, name: str
) -> None:
    siege.lay_canaries(TARGET)
    address = {"format": "openai_chat", "base_url": siege.servers.hostile_url()}
    made = siege.call("configure_provider", provider=name, **address)
    assert made["result"]["has_api_key"] is False
    assert siege.heard_by_the_model(name) == "You sent: no key came"


def point(database: Path, provider: str, url: str) -> None:
    """Point a provider elsewhere, in the file."""
    write(database, "INSERT OR REPLACE INTO settings VALUES (?, ?)",
          f"provider:{provider}", f'{{"base_url":"{url}"}}'.encode())  # fmt: skip


def write(database: Path, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, parameters)


INDEX = "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, json_array(?), 'ffff', 1)"
COPY = "INSERT OR REPLACE INTO secrets SELECT 'spare',"
EDITS: dict[str, list[tuple[str, ...]]] = {
    "the index gives its key another origin": [
        ("UPDATE keys SET origins = json_array(?1) WHERE ?1 = ?1", "{there}"),
    ],
    "the vault's row gives its key another origin": [
        ("UPDATE keys SET origins = json_array(?1) WHERE ?1 = ?1", "{there}"),
        ("UPDATE secrets SET origins = json_array(?1) WHERE ?1 = ?1", "{there}"),
    ],
    "the index has a row of the environment": [
        (INDEX, TARGET, "environment", "environment", "{there}"),
    ],
    "the index has another row of the environment": [
        (INDEX, TARGET, "a", "environment", "{there}"),
    ],
    "the index has a row of the memory": [(INDEX, TARGET, "default", "memory", "{there}")],
    "the index has a row of no store": [(INDEX, TARGET, "default", "?", "{there}")],
    "the vault's rows are swapped": [
        (f"{COPY} key_id, origins, nonce, ciphertext FROM secrets WHERE provider = ?", TARGET),
        ("UPDATE keys SET origins = json_array(?1) WHERE ?1 = ?1", "{there}"),
    ],
    "the vault's row is another provider's": [
        (f"{COPY} key_id, json_array(?), nonce, ciphertext FROM secrets", "{there}"),
        (INDEX, BESIDE, "default", "vault", "{there}"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS)
def test_who_edits_the_database_moves_no_key(laid: Besieged, edit: str) -> None:
    there = elsewhere(laid)

    def tamper() -> None:
        for provider in (TARGET, BESIDE, "openai"):
            point(laid.database, provider, there)
        for statement, *values in EDITS[edit]:
            write(laid.database, statement, *(each.format(there=there) for each in values))
        write(laid.database, INDEX, "openai", "b", "environment", there)

    laid.restart(tamper)
    for provider in (TARGET, BESIDE, "openai"):
        ask_in_every_way(laid, provider)
    laid.ask([("list_api_keys", {}), ("verify_audit", {})])
    assert laid.hunt() == []
    assert VARIABLE in (laid.home / "config.toml").read_text(encoding="utf-8")
