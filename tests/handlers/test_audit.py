"""What happened to keys, as a client on the pipe sees it, whatever became of the sidecar."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.keys.servers import (
    PASSWORD,
    UNKNOWN,
    Provider,
    chat,
    given,
    make_row,
    notices,
    set_key,
)
from tests.providers.sidecars import LIMIT_S, Json

KEY = "a-key-that-nobody-may-see-3"


@pytest.fixture
def peer(peer: Peer) -> Peer:
    """One with a key in a vault as well."""
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, KEY)
    return peer


def events(peer: Peer, **params: object) -> list[Json]:
    found: list[Json] = given(peer, "list_audit_events", **params)["events"]
    return found


def by_hand(tmp_path: Path, statement: str) -> None:
    with closing(sqlite3.connect(tmp_path / "home" / "sidecar.db")) as connection, connection:
        connection.execute(statement)


def test_what_happened_to_a_key_is_told_newest_first_and_no_key(
    start: Start, peer: Peer, here: Provider
) -> None:
    given(peer, "lock_vault")
    peer.close()
    peer = start()
    peer.call("unlock_vault", {"password": "wrong"}, LIMIT_S)
    given(peer, "unlock_vault", password=PASSWORD)
    given(peer, "call_ai_provider", **chat(execution_id="e-1"))
    here.usually = UNKNOWN
    peer.call("call_ai_provider", chat(execution_id="e-2"), LIMIT_S)
    given(peer, "delete_api_key", provider="mine")
    told = events(peer)
    assert [(each["event"]["event"], each["event"]["result"]) for each in told] == [
        ("delete", "ok"),
        ("read", "ok"),
        ("use", "authentication"),
        ("use", "ok"),
        ("read", "ok"),
        ("unlock_vault", "ok"),
        ("unlock_vault", "key_store_locked"),
        ("lock_vault", "ok"),
        ("store", "ok"),
        ("create_vault", "ok"),
    ]
    assert [each["seq"] for each in told] == list(range(10, 0, -1))
    use = told[3]["event"]
    assert (use["provider"], use["key_id"], use["store"]) == ("mine", "default", "vault")
    assert (use["origin"], use["execution_id"]) == (here.origin, "e-1")
    assert [each["event"].get("execution_id") for each in told[1:3]] == ["e-2", "e-2"]
    shown = json.dumps(told)
    assert KEY not in shown
    assert PASSWORD not in shown


def test_it_is_read_page_by_page_and_by_provider(peer: Peer, here: Provider) -> None:
    make_row(peer, here.url, "other")
    for number in range(6):
        set_key(peer, f"key-{number}", f"k{number}", provider="other", store="memory")
    first = events(peer, limit=4)
    assert [each["event"]["key_id"] for each in first] == ["k5", "k4", "k3", "k2"]
    second = events(peer, limit=4, before=first[-1]["seq"])
    assert [each["event"].get("key_id") for each in second] == ["k1", "k0", "default", None]
    [mine] = events(peer, provider="mine")
    assert mine["event"]["event"] == "store"
    assert len(events(peer, provider="other", limit=1000)) == 6
    assert events(peer, before=1) == []


@pytest.mark.parametrize("limit", [0, 1001, "all", None])
def test_a_page_has_a_size(peer: Peer, limit: object) -> None:
    answer = peer.call("list_audit_events", {"limit": limit}, LIMIT_S)
    assert answer["error"]["data"]["path"] == "$.limit"


def test_it_is_whole_until_somebody_changes_it(start: Start, peer: Peer, tmp_path: Path) -> None:
    given(peer, "call_ai_provider", **chat())
    verdict = given(peer, "verify_audit")
    assert verdict == {"valid": True, "events": 4 - 1, "sealed": 3}
    by_hand(tmp_path, "UPDATE audit SET event = replace(event, 'store', 'erots') WHERE seq = 2")
    verdict = given(peer, "verify_audit")
    assert (verdict["valid"], verdict["seq"]) == (False, 2)
    peer.close()
    again = start()
    assert not given(again, "verify_audit")["valid"], "no seal is needed to see that"


def test_what_was_cut_off_is_seen_after_a_restart_and_after_new_events(
    start: Start, peer: Peer, tmp_path: Path
) -> None:
    given(peer, "call_ai_provider", **chat())
    peer.close()
    by_hand(tmp_path, "DELETE FROM audit WHERE seq > 1")
    peer = start()
    assert given(peer, "verify_audit")["valid"], "the vault that has the seal is locked"
    given(peer, "unlock_vault", password=PASSWORD)
    for _ in range(4):
        given(peer, "call_ai_provider", **chat())
    verdict = given(peer, "verify_audit")
    assert not verdict["valid"]


def test_events_from_before_the_vault_was_opened_are_sealed_afterwards(
    start: Start, peer: Peer
) -> None:
    peer.close()
    peer = start()
    set_key(peer, "in-memory", "memory", store="memory")
    given(peer, "delete_api_key", provider="mine", key_id="memory")
    verdict = given(peer, "verify_audit")
    assert (verdict["valid"], verdict["sealed"]) == (True, 0)
    given(peer, "unlock_vault", password=PASSWORD)
    verdict = given(peer, "verify_audit")
    assert (verdict["valid"], verdict["sealed"]) == (True, verdict["events"])


def test_a_sidecar_that_was_killed_leaves_a_chain_that_is_whole(start: Start, peer: Peer) -> None:
    for round_ in range(4):
        for number in range(10 + round_):
            peer.request("set_api_key", {
                "provider": "mine", "api_key": f"key-{number}", "key_id": "k", "store": "memory",
            })  # fmt: skip
        peer.messages_until(lambda message: "result" in message, LIMIT_S)
        psutil.Process(peer.process_id).kill()
        peer = start()
        given(peer, "unlock_vault", password=PASSWORD)
        verdict = given(peer, "verify_audit")
        assert verdict["valid"], verdict
        assert verdict["sealed"] == verdict["events"]


@pytest.mark.parametrize(
    "trouble",
    [
        "CREATE TRIGGER no BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'read-only'); END",
        "DROP TABLE audit",
        "PRAGMA user_version = 999",
    ],
)
def test_where_nothing_can_be_written_a_chat_works_and_that_is_told(
    peer: Peer, here: Provider, tmp_path: Path, trouble: str
) -> None:
    by_hand(tmp_path, trouble)
    number = peer.request("call_ai_provider", chat())
    awaited = {"the answer", "the notice"}

    def came(message: Json) -> bool:
        if message.get("id") == number:
            assert message["result"]["content"] == "Hello"
            awaited.discard("the answer")
        elif message.get("method") == "security_notice":
            assert message["params"]["kind"] == "audit_failed"
            awaited.discard("the notice")
        return not awaited

    peer.messages_until(came, LIMIT_S)
    assert here.keys == [KEY]
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello"
    assert notices(peer, "audit_failed") == []
    assert given(peer, "ping") == {}
