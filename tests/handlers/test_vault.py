"""The vault as a client on the pipe sees it: made, opened, locked, shared, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.keys.servers import (
    PASSWORD,
    Provider,
    chat,
    given,
    keys_of,
    make_row,
    refused,
    set_key,
)
from tests.providers.sidecars import LIMIT_S, configure

KEY = "a-key-that-nobody-may-see-4"
OTHER = "another long password"


def states(peer: Peer) -> dict[str, str]:
    stores = given(peer, "list_api_keys")["stores"]
    return {each["name"]: each["state"] for each in stores}


def test_a_vault_keeps_keys_over_a_restart(start: Start, peer: Peer, here: Provider) -> None:
    assert states(peer) == {"keyring": "missing", "vault": "missing", "environment": "ready"}
    assert given(peer, "create_vault", password=PASSWORD)["state"] == "ready"
    assert set_key(peer, KEY)["source"] == "vault"
    peer.close()
    peer = start()
    assert states(peer)["vault"] == "locked"
    assert [each["source"] for each in keys_of(peer)] == ["vault"], "the list needs no password"
    told = refused(peer, "call_ai_provider", **chat())
    assert (told["kind"], here.keys) == ("key_store_locked", [])
    assert "unlock_vault" in told["hint"]
    assert given(peer, "unlock_vault", password=PASSWORD)["state"] == "ready"
    given(peer, "call_ai_provider", **chat())
    assert here.keys == [KEY]
    assert given(peer, "lock_vault")["state"] == "locked"
    assert refused(peer, "call_ai_provider", **chat())["kind"] == "key_store_locked"
    assert here.keys == [KEY]


def test_a_vaults_password_is_changed_by_who_knows_it(start: Start, peer: Peer) -> None:
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, KEY)
    told = refused(peer, "change_vault_password", password=OTHER, new_password=OTHER)
    assert told["kind"] == "key_store_locked"
    assert given(peer, "change_vault_password", password=PASSWORD, new_password=OTHER)
    again = start()
    assert refused(again, "unlock_vault", password=PASSWORD)["kind"] == "key_store_locked"
    assert given(again, "unlock_vault", password=OTHER)["state"] == "ready"
    for password in (PASSWORD, OTHER):
        assert password not in json.dumps(given(again, "list_audit_events"))


@pytest.mark.parametrize("method", ["create_vault", "change_vault_password"])
def test_a_password_too_short_is_refused(peer: Peer, method: str) -> None:
    name = "password" if method == "create_vault" else "new_password"
    told = refused(peer, method, **{name: "1234567"})
    assert told["path"] == f"$.{name}"
    assert "1234567" not in told["message"]


def test_three_wrong_passwords_are_told(peer: Peer) -> None:
    given(peer, "create_vault", password=PASSWORD)
    for _ in range(3):
        peer.request("unlock_vault", {"password": "wrong, and wrong again"})
    number = peer.request("unlock_vault", {"password": PASSWORD})
    came = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)
    told = [each["params"] for each in came if each.get("method") == "security_notice"]
    assert [(each["kind"], each["count"]) for each in told] == [("unlock_failures", 3)]


def test_a_vault_that_is_not_used_locks_itself(
    start: Start, here: Provider, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    configure(home)
    (home / "config.toml").write_text("[key_store]\nlock_after_seconds = 1\n", encoding="utf-8")
    peer = start()
    make_row(peer, here.url)
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, KEY)
    given(peer, "call_ai_provider", **chat())
    while states(peer)["vault"] == "ready":
        pass
    assert refused(peer, "call_ai_provider", **chat())["kind"] == "key_store_locked"
    assert here.keys == [KEY]


def test_two_sidecars_on_one_home_share_its_keys(start: Start, peer: Peer, here: Provider) -> None:
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, KEY)
    second = start()
    assert refused(second, "create_vault", password=OTHER)["kind"] == "invalid_request"
    given(second, "unlock_vault", password=PASSWORD)
    for each in (peer, second):
        given(each, "call_ai_provider", **chat())
    assert here.keys == [KEY, KEY]
    given(second, "change_vault_password", password=PASSWORD, new_password=OTHER)
    set_key(peer, "another-key", "second"), "an open vault stays open"
    third = start()
    given(third, "unlock_vault", password=OTHER)
    assert [each["key_id"] for each in keys_of(third)] == ["default", "second"]
    given(peer, "lock_vault")
    given(second, "call_ai_provider", **chat())
    assert given(third, "verify_audit")["valid"]


@pytest.mark.parametrize("size", [0, 20, 5000])
def test_a_damaged_file_is_told_at_the_start_and_by_what_needs_it(
    start: Start, peer: Peer, here: Provider, tmp_path: Path, size: int
) -> None:
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, KEY)
    peer.close()
    path = tmp_path / "home" / "sidecar.db"
    data = path.read_bytes()
    path.write_bytes(data[:size])
    peer = start(MINE_KEY="")
    problems = given(peer, "initialize")["problems"]
    assert any("sidecar.db can't be used" in each for each in problems)
    assert refused(peer, "unlock_vault", password=PASSWORD)["kind"] == "key_store_corrupt"
    assert refused(peer, "create_vault", password=PASSWORD)["kind"] == "key_store_corrupt"
    peer.close()
    path.write_bytes(data)
    peer = start()
    given(peer, "unlock_vault", password=PASSWORD)
    given(peer, "call_ai_provider", **chat())
    assert here.keys == [KEY]


def test_lines_that_come_together_are_done_in_their_order(peer: Peer, here: Provider) -> None:
    given(peer, "create_vault", password=PASSWORD)
    for _ in range(5):
        peer.request("set_api_key", {"provider": "mine", "api_key": KEY, "store": "vault"})
        assert given(peer, "lock_vault")["state"] == "locked"
        while not keys_of(peer):  # what was asked before the lock has been done before it
            pass
        assert refused(peer, "call_ai_provider", **chat())["kind"] == "key_store_locked"
        peer.request("unlock_vault", {"password": PASSWORD})
        assert given(peer, "lock_vault")["state"] == "locked"
        given(peer, "unlock_vault", password=PASSWORD)
    assert here.keys == []
