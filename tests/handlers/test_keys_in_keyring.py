"""A sidecar and the keyring of the desktop: a real Secret Service, open, locked and hanging."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.terminal.peer import Peer
from tests.conftest import Start
from tests.keys.servers import Provider, chat, given, make_row, refused, set_key
from tests.providers.sidecars import LIMIT_S, Json, ask, stream, until_end
from tests.secret_service import SecretService
from tests.streams import HELLO, Write, params

KEY = "a-key-that-nobody-may-see-2"
SERVICE = "ai-sidecar"

Desktop = Callable[..., Peer]


@pytest.fixture
def desktop(start: Start, secret_service: SecretService, script: Write) -> Desktop:
    """Start a sidecar as a desktop's session does, with the provider `scripted` beside."""
    scripts = str(script("hello", HELLO))
    for name in kept(secret_service):
        put(secret_service, name, None)  # of other tests

    def begin(**environment: str) -> Peer:
        return start("--scripted", scripts, **{**secret_service.environment, **environment})

    return begin


@pytest.fixture
def peer(desktop: Desktop, here: Provider) -> Peer:
    """One with a key in the keyring."""
    found = desktop()
    make_row(found, here.url)
    assert set_key(found, KEY)["source"] == "keyring"
    return found


def kept(service: SecretService) -> dict[str, str]:
    """What the keyring has of any sidecar, by its name there."""
    import secretstorage  # noqa: PLC0415 - Linux alone has it
    from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - as above

    with closing(open_dbus_connection(service.address)) as connection:
        items = secretstorage.Collection(connection).search_items({"service": SERVICE})
        return {item.get_attributes()["username"]: item.get_secret().decode() for item in items}


def put(service: SecretService, name: str, text: str | None) -> None:
    """Do to an entry what another program of the user's could; None takes it away."""
    import secretstorage  # noqa: PLC0415 - Linux alone has it
    from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - as above

    with closing(open_dbus_connection(service.address)) as connection:
        wanted = {"service": SERVICE, "username": name}
        [item] = secretstorage.Collection(connection).search_items(wanted)
        if text is None:
            item.delete()
        else:
            item.set_secret(text.encode())


def entry_of(service: SecretService, key: str) -> str:
    """The name of the entry that has a key in it."""
    [name] = [name for name, text in kept(service).items() if key in text]
    return name


def states(peer: Peer) -> dict[str, Json]:
    return {each["name"]: each for each in given(peer, "list_api_keys")["stores"]}


def test_a_key_goes_into_the_keyring_by_itself_and_is_there_after_a_restart(
    desktop: Desktop, peer: Peer, here: Provider, secret_service: SecretService, tmp_path: Path
) -> None:
    given(peer, "call_ai_provider", **chat())
    assert states(peer)["keyring"]["state"] == "ready"
    peer.close()
    for path in (tmp_path / "home").rglob("*"):
        assert KEY.encode() not in path.read_bytes()
    text = json.loads(kept(secret_service)[entry_of(secret_service, KEY)])
    assert text["origins"] == [here.origin]
    again = desktop()
    given(again, "call_ai_provider", **chat())
    assert here.keys == [KEY, KEY]
    assert given(again, "delete_api_key", provider="mine") == {"deleted": True}
    assert not [text for text in kept(secret_service).values() if KEY in text]


def test_another_home_does_not_see_it(
    desktop: Desktop, peer: Peer, here: Provider, tmp_path: Path
) -> None:
    other = desktop(AI_SIDECAR_HOME=str(tmp_path / "other"))
    make_row(other, here.url)
    assert given(other, "list_api_keys")["keys"] == []
    set_key(other, "of-another-app")
    given(peer, "call_ai_provider", **chat())
    given(other, "call_ai_provider", **chat())
    assert here.keys == [KEY, "of-another-app"]


def test_a_locked_keyring_is_told_by_what_needs_it_and_by_the_list(
    desktop: Desktop, peer: Peer, here: Provider, secret_service: SecretService
) -> None:
    given(peer, "call_ai_provider", **chat())
    again = desktop()
    with secret_service.locked():
        state = states(again)["keyring"]
        assert (state["state"], bool(state["hint"])) == ("locked", True)
        assert [each["source"] for each in given(again, "list_api_keys")["keys"]] == ["keyring"]
        told = refused(again, "call_ai_provider", **chat())
        assert (told["kind"], bool(told["hint"])) == ("key_store_locked", True)
        assert refused(again, "set_api_key", provider="mine", api_key="x")["kind"] == told["kind"]
        given(peer, "call_ai_provider", **chat())
        assert given(again, "call_ai_provider", **params("hello"))["content"] == "Hello"
    assert here.keys == [KEY, KEY], "what was read before serves on; nothing went without a key"
    given(again, "call_ai_provider", **chat())
    assert here.keys == [KEY] * 3


def test_a_keyring_that_hangs_blocks_those_who_need_it_and_nobody_else(
    desktop: Desktop, peer: Peer, here: Provider, secret_service: SecretService
) -> None:
    peer.close()
    peer = desktop(OTHER_API_KEY="of the environment")
    make_row(peer, here.url, "other")
    with secret_service.frozen():
        stream(peer, "mine", ask(), "waits")
        number = peer.request("call_ai_provider", chat(execution_id="waits-too"))
        began = time.monotonic()
        assert given(peer, "call_ai_provider", **params("hello"))["content"] == "Hello"
        set_key(peer, "in-memory", provider="other", store="memory")
        given(peer, "call_ai_provider", **chat("other"))
        assert here.keys == ["in-memory"]
        running = given(peer, "list_executions")["executions"]
        assert {"waits", "waits-too"} <= {each["execution_id"] for each in running}
        assert given(peer, "cancel_execution", execution_id="waits") == {"cancelled": True}
        _, end = until_end(peer, "waits")
        assert end["finish_reason"] == "cancelled"
        peer.request("cancel_execution", {"execution_id": "waits-too"})
        answer = peer.messages_until(lambda message: message.get("id") == number, LIMIT_S)[-1]
        assert answer["error"]["data"]["kind"] == "cancelled"
        assert time.monotonic() - began < 5, "nobody has waited for the keyring"
    given(peer, "call_ai_provider", **chat())
    assert here.keys == ["in-memory", KEY], "it answers again, and is used again"


def test_a_sidecar_ends_in_time_and_keeps_its_events_while_the_keyring_hangs(
    desktop: Desktop, peer: Peer, secret_service: SecretService
) -> None:
    peer.close()
    peer = desktop()
    with secret_service.frozen():
        stream(peer, "mine", ask(), "waits")
        set_key(peer, "in-memory", "memory", store="memory")
        began = time.monotonic()
        peer.end_input()
        assert peer.wait(LIMIT_S) == 0
        assert time.monotonic() - began < 3
        events = given(desktop(), "list_audit_events")["events"]
    assert (events[0]["event"]["event"], events[0]["event"]["key_id"]) == ("store", "memory")


def test_a_key_too_large_for_the_keyring_is_in_a_vault_that_the_keyring_protects(
    desktop: Desktop, peer: Peer, here: Provider, secret_service: SecretService
) -> None:
    large = "large-" + "x" * 3000
    assert set_key(peer, large)["source"] == "vault"
    peer.close()
    assert not [text for text in kept(secret_service).values() if KEY in text], "the old one went"
    again = desktop()
    given(again, "call_ai_provider", **chat())
    assert here.keys == [large]
    assert states(again)["vault"]["detail"] == "Protected by keyring."


@pytest.mark.parametrize(
    "tamper",
    [
        lambda text: text.replace("a-key", "b-key").replace('"mine"', '"yours"'),
        lambda _text: "the-key-alone",
        lambda text: text[:-5],
        lambda text: json.dumps({**json.loads(text), "key_id": "second"}),
    ],
    ids=["another provider's", "no entry", "cut", "another key id's"],
)
def test_an_entry_that_was_changed_is_corrupt_and_not_used(
    desktop: Desktop,
    peer: Peer,
    here: Provider,
    secret_service: SecretService,
    tamper: Callable[[str], str],
) -> None:
    peer.close()
    name = entry_of(secret_service, KEY)
    put(secret_service, name, tamper(kept(secret_service)[name]))
    peer = desktop()
    told = refused(peer, "call_ai_provider", **chat())
    assert (told["kind"], here.keys) == ("key_store_corrupt", [])
    assert "set_api_key" in told["hint"]
    set_key(peer, KEY)
    given(peer, "call_ai_provider", **chat())
    assert here.keys == [KEY]
    given(peer, "delete_api_key", provider="mine")


def test_an_entry_that_somebody_deleted_is_not_found_and_not_listed_any_more(
    desktop: Desktop, peer: Peer, here: Provider, secret_service: SecretService
) -> None:
    peer.close()
    put(secret_service, entry_of(secret_service, KEY), None)
    peer = desktop()
    assert len(given(peer, "list_api_keys")["keys"]) == 1, "the list asks no store"
    assert refused(peer, "call_ai_provider", **chat())["kind"] == "key_not_found"
    assert given(peer, "list_api_keys")["keys"] == []
    assert here.keys == []


def test_the_audit_is_sealed_by_the_keyring_over_restarts(desktop: Desktop, peer: Peer) -> None:
    given(peer, "call_ai_provider", **chat())
    verdict = given(peer, "verify_audit")
    assert (verdict["valid"], verdict["sealed"]) == (True, verdict["events"])
    peer.close()
    verdict = given(desktop(), "verify_audit")
    assert (verdict["valid"], verdict["sealed"]) == (True, verdict["events"])


def test_the_keyring_protects_a_vault_and_gives_it_back(desktop: Desktop, peer: Peer) -> None:
    given(peer, "create_vault")
    set_key(peer, KEY, store="vault")
    given(peer, "change_vault_password", new_password="a long password")  # noqa: S106 - of this test
    peer.close()
    again = desktop()
    assert states(again)["vault"]["state"] == "locked"
    assert refused(again, "call_ai_provider", **chat())["kind"] == "key_store_locked"
    given(again, "unlock_vault", password="a long password")  # noqa: S106 - of this test
    given(again, "call_ai_provider", **chat())
    given(again, "change_vault_password", password="a long password")  # noqa: S106 - of this test
    again.close()
    given(desktop(), "call_ai_provider", **chat())
