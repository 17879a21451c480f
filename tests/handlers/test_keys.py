"""Keys as a client on the pipe sees them: they go in, are used, and never come out."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.keys.servers import (
    PASSWORD,
    UNKNOWN,
    Provider,
    chat,
    given,
    keys_of,
    make_row,
    notices,
    refused,
    set_key,
)
from tests.providers.sidecars import LIMIT_S, Json, ask, configure

KEY = "a-key-that-nobody-may-see-1"


# --- in, and never out ---------------------------------------------------------------------------


def test_a_key_that_was_set_serves_the_next_request_and_is_never_told(
    peer: Peer, here: Provider
) -> None:
    before = int(time.time() * 1000)
    told = set_key(peer, f" {KEY}\n", store="memory")
    assert told["source"] == "memory"
    assert told["has_api_key"]
    assert told["origins"] == [here.origin]
    assert (told["provider"], told["key_id"]) == ("mine", "default")
    assert before <= told["created_at"] <= time.time() * 1000
    assert given(peer, "call_ai_provider", **chat())["content"] == "Hello"
    assert here.keys == [KEY]
    listed = keys_of(peer)
    assert listed == [told]
    assert KEY not in json.dumps([told, given(peer, "list_ai_providers"), listed])


@pytest.mark.parametrize(
    ("method", "more"),
    [("set_api_key", {"api_key": KEY, "store": "memory"}), ("delete_api_key", {})],
)
def test_a_change_is_answered_and_then_told(peer: Peer, method: str, more: Json) -> None:
    set_key(peer, "before", store="memory")
    number = peer.request(method, {"provider": "mine", **more})
    peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)
    [told] = peer.messages_until(lambda message: "method" in message, LIMIT_S)
    assert (told["method"], told["params"]) == ("providers_changed", {"provider": "mine"})


def test_the_same_key_has_the_same_fingerprint_and_another_another(peer: Peer) -> None:
    one, two, three = (
        set_key(peer, text, key_id, store="memory")["fingerprint"]
        for text, key_id in ((KEY, "a"), (KEY, "b"), (KEY + "x", "c"))
    )
    assert one == two != three
    assert one not in KEY


def test_a_key_that_was_deleted_is_not_used_any_more(peer: Peer, here: Provider) -> None:
    set_key(peer, KEY, store="memory")
    assert given(peer, "delete_api_key", provider="mine") == {"deleted": True}
    assert given(peer, "delete_api_key", provider="mine") == {"deleted": False}
    assert keys_of(peer) == []
    given(peer, "call_ai_provider", **chat())
    assert here.keys == [""]


def test_a_key_in_memory_ends_with_the_run(start: Start, peer: Peer, tmp_path: Path) -> None:
    set_key(peer, KEY, store="memory")
    peer.close()
    again = start()
    assert keys_of(again) == []
    for path in (tmp_path / "home").rglob("*"):
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"api_key": ""}, "$.api_key"),
        ({"api_key": " \n"}, "$.api_key"),
        ({"api_key": "se\ncret"}, "$.api_key"),
        ({"api_key": "x" * 10_001}, "$.api_key"),
        ({"api_key": None}, "$.api_key"),
        ({"api_key": ["secret"]}, "$.api_key"),
        ({"key_id": ""}, "$.key_id"),
        ({"key_id": "a/b"}, "$.key_id"),
        ({"key_id": "a\n"}, "$.key_id"),
        ({"key_id": "$audit"}, "$.key_id"),
        ({"key_id": "environment"}, "$.key_id"),
        ({"key_id": "x" * 65}, "$.key_id"),
        ({"store": "environment"}, "$.store"),
        ({"store": "file"}, "$.store"),
        ({"provider": "local"}, "$.provider"),
        ({"provider": "openai-compatible"}, "$.provider"),
        ({"provider": "$vault"}, "$.provider"),
        ({"origins": ["https://evil.example"]}, "$"),
        ({"base_url": "https://evil.example"}, "$"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_told_with_its_path(start: Start, changes: Json, path: str) -> None:
    told = refused(
        start(),
        "set_api_key",
        **{"provider": "openai", "api_key": KEY, "store": "memory", **changes},
    )
    assert told["kind"] in {"invalid_request", "provider_not_found"}
    assert told["path"].startswith(path)
    assert "cret" not in told["message"]


def test_a_provider_has_so_many_keys_and_no_more(peer: Peer) -> None:
    for number in range(20):
        set_key(peer, f"key-{number}", f"k{number:02}", store="memory")
    told = refused(peer, "set_api_key", provider="mine", api_key=KEY, key_id="more", store="memory")
    assert "20 keys" in told["message"]
    set_key(peer, "another", "k07", store="memory")
    assert [each["key_id"] for each in keys_of(peer)] == [f"k{number:02}" for number in range(20)]


def test_auto_is_the_first_store_of_the_order_that_works(peer: Peer) -> None:
    given(peer, "create_vault", password=PASSWORD)
    assert (
        set_key(peer, KEY, store="auto")["source"] == set_key(peer, KEY, "b")["source"] == "vault"
    )


def test_where_no_store_can_keep_a_key_it_says_what_to_do(peer: Peer) -> None:
    told = refused(peer, "set_api_key", provider="mine", api_key=KEY)
    assert told["kind"] == "component_missing"
    assert "create_vault" in told["hint"]
    assert KEY not in json.dumps(told)


# --- where keys may go ---------------------------------------------------------------------------


def test_a_key_does_not_follow_its_provider_to_another_host(
    peer: Peer, here: Provider, there: Provider
) -> None:
    given(peer, "create_vault", password=PASSWORD)
    set_key(peer, KEY)
    given(peer, "configure_provider", provider="mine", base_url=there.url)
    for method in ("call_ai_provider", "stream_ai_provider"):
        told = refused(peer, method, **chat())
        assert told["kind"] == "key_origin_mismatch"
        assert here.origin in told["hint"]
    assert refused(peer, "list_models", provider="mine")["kind"] == "key_origin_mismatch"
    tested = given(peer, "test_provider_connection", provider="mine")
    assert tested["error"]["data"]["kind"] == "key_origin_mismatch"
    [listed] = [
        each for each in given(peer, "list_ai_providers")["providers"] if each["name"] == "mine"
    ]
    assert not listed["available"]
    assert there.server is not None
    assert there.server.connections == [], "nothing has left"
    given(peer, "configure_provider", provider="mine", base_url=here.url)
    given(peer, "call_ai_provider", **chat())
    assert here.keys == [KEY]
    given(peer, "configure_provider", provider="mine", base_url=there.url)
    set_key(peer, "for-there")
    given(peer, "call_ai_provider", **chat())
    assert there.keys == ["for-there"]


def test_a_key_that_stands_in_the_settings_is_not_kept(peer: Peer, tmp_path: Path) -> None:
    given(peer, "configure_provider", provider="mine", organization=KEY)
    told = refused(peer, "set_api_key", provider="mine", api_key=KEY, store="memory")
    assert (told["kind"], told["path"]) == ("invalid_request", "$.api_key")
    assert "configure_provider" in told["hint"]
    given(peer, "configure_provider", provider="mine", organization=None)
    set_key(peer, KEY, store="memory")
    assert KEY.encode() not in (tmp_path / "home" / "sidecar.db").read_bytes()


def test_a_key_is_refused_elsewhere_also_when_it_was_not_read_since_the_start(
    start: Start, here: Provider
) -> None:
    first = start()
    make_row(first, here.url)
    given(first, "create_vault", password=PASSWORD)
    set_key(first, KEY, store="vault")
    first.close()
    again = start()
    for method, more in (
        ("call_ai_provider", {"provider": "mine", "request": ask(f"My key is {KEY}.")}),
        ("configure_provider", {"provider": "mine", "model": KEY}),
        ("delete_api_key", {"provider": "mine", "key_id": KEY}),
    ):
        told = refused(again, method, **more)
        assert "has an API key in it" in told["message"]
        assert KEY not in json.dumps(told)
    assert here.keys == []


def test_a_provider_without_an_address_says_so_and_opens_no_store(start: Start) -> None:
    peer = start()
    name = "openai-compatible"
    given(peer, "configure_provider", provider=name, base_url="http://127.0.0.1:9/v1")
    set_key(peer, KEY, provider=name, store="memory")
    given(peer, "configure_provider", provider=name, base_url=None)
    for method, more in (("call_ai_provider", chat(name)), ("list_models", {"provider": name})):
        told = refused(peer, method, **more)
        assert (told["kind"], told["path"]) == ("invalid_request", "$.provider")
    assert notices(peer, "origin_mismatch") == []


def test_an_attempt_to_send_a_key_elsewhere_is_told(peer: Peer, there: Provider) -> None:
    set_key(peer, KEY, store="memory")
    given(peer, "configure_provider", provider="mine", base_url=there.url)
    peer.request("call_ai_provider", chat())
    [told] = notices(peer, "origin_mismatch")
    assert (told["provider"], told["origin"]) == ("mine", there.origin)
    assert KEY not in json.dumps(told)
    peer.request("call_ai_provider", chat())
    assert notices(peer, "origin_mismatch") == [], "once is enough for a while"


def test_a_key_of_the_environment_goes_where_catalogue_and_file_say_and_nowhere_else(
    start: Start, here: Provider, there: Provider, tmp_path: Path
) -> None:
    row = {"format": "openai_chat", "base_url": here.url, "key_variable": "MINE_API_KEY"}
    configure(tmp_path / "home", mine=row)
    peer = start(MINE_API_KEY=KEY, OPENAI_API_KEY=KEY)
    [listed] = keys_of(peer)
    assert (listed["source"], listed["origins"]) == ("environment", [here.origin])
    assert "created_at" not in listed
    given(peer, "call_ai_provider", **chat())
    assert here.keys == [KEY]
    for name in ("mine", "openai"):
        given(peer, "configure_provider", provider=name, base_url=there.url)
        told = refused(peer, "call_ai_provider", **chat(name))
        assert told["kind"] == "key_origin_mismatch"
        assert "config.toml" in told["hint"]
    assert there.server is not None
    assert there.server.connections == []
    set_key(peer, "for-there", store="memory")
    given(peer, "call_ai_provider", **chat())
    assert there.keys == ["for-there"], "a key that was entered for it serves it"


def test_a_test_with_a_key_keeps_none_and_sends_no_other(peer: Peer, here: Provider) -> None:
    set_key(peer, KEY, store="memory")
    here.usually = lambda connection: connection.answer(
        b'{"data":[]}', content_type="application/json"
    )
    assert given(peer, "test_provider_connection", provider="mine", api_key="used-once")["ok"]
    assert here.keys == ["used-once"]
    [event, *_] = given(peer, "list_audit_events")["events"]
    assert (event["event"]["key_id"], event["event"]["result"]) == ("used once", "ok")


def test_a_refused_key_is_told_after_three_times(peer: Peer, here: Provider) -> None:
    set_key(peer, KEY, store="memory")
    here.usually = UNKNOWN
    for _ in range(2):
        assert refused(peer, "call_ai_provider", **chat())["kind"] == "authentication"
    number = peer.request("call_ai_provider", chat())
    came = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)
    told = [each["params"] for each in came if each.get("method") == "security_notice"]
    assert [(each["kind"], each["count"]) for each in told] == [("authentication_failures", 3)]


def test_what_a_provider_quotes_of_its_key_is_taken_out(peer: Peer, here: Provider) -> None:
    set_key(peer, KEY, store="memory")
    here.usually = lambda connection: connection.answer(
        json.dumps({"error": {"message": f"Wrong key: {KEY}"}}).encode(),
        status="401 Unauthorized",
        content_type="application/json",
    )
    answer = peer.call("call_ai_provider", {**chat(), "request": ask()}, LIMIT_S)
    assert KEY not in json.dumps(answer)
    assert "[redacted]" in answer["error"]["data"]["provider_message"]


def test_keys_of_a_provider_that_was_taken_away_are_listed_and_can_be_deleted(peer: Peer) -> None:
    set_key(peer, KEY, store="memory")
    given(peer, "configure_provider", provider="mine", format=None)
    [listed] = keys_of(peer)
    assert (listed["provider"], listed["source"]) == ("mine", "memory")
    assert listed in given(peer, "list_api_keys")["keys"]
    assert given(peer, "delete_api_key", provider="mine")["deleted"]
    assert refused(peer, "list_api_keys", provider="mine")["kind"] == "provider_not_found"


def test_what_was_tried_is_in_the_audit(peer: Peer, there: Provider) -> None:
    set_key(peer, KEY, store="memory")
    given(peer, "configure_provider", provider="mine", base_url=there.url)
    refused(peer, "call_ai_provider", **chat(execution_id="turn-7"))
    refused(peer, "configure_provider", provider="mine", organization=KEY)
    newest, before, *_ = [each["event"] for each in given(peer, "list_audit_events")["events"]]
    assert (newest["event"], newest["result"]) == ("refuse", "invalid_request")
    assert (before["event"], before["result"]) == ("refuse", "key_origin_mismatch")
    assert (before["execution_id"], before["origin"]) == ("turn-7", there.origin)
