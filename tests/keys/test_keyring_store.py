"""The OS keyring, which is a real Secret Service here."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Iterator

import keyring
import pytest

from sidecar.errors import ComponentMissing, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys import keyring_store
from sidecar.keys.keyring_store import MAX_VALUE, SERVICE, KeyringStore, TooLarge
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey
from tests.keys.conftest import found_anew
from tests.secret_service import SecretService

SLOT = Slot("openai", "default")
KEPT = StoredKey(Secret('the key, ünd "quoted" \\ / 鍵'), ("https://a.example:443",))


@pytest.fixture
def home_id() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def store(keyring_here: SecretService, home_id: str) -> Iterator[KeyringStore]:
    del keyring_here
    found = KeyringStore(lambda: home_id)
    yield found
    found.delete(SLOT)


def test_what_is_kept_is_read_again_with_its_origins(store: KeyringStore) -> None:
    assert store.read(SLOT) is None
    store.write(SLOT, KEPT)
    assert store.read(SLOT) == KEPT
    other = StoredKey(Secret("another"), ())
    store.write(SLOT, other)
    assert store.read(SLOT) == other
    store.delete(SLOT)
    assert store.read(SLOT) is None
    store.delete(SLOT)


def test_each_provider_and_key_id_has_an_entry_of_its_own(store: KeyringStore) -> None:
    slots = [Slot("openai", "default"), Slot("openai", "second"), Slot("groq", "default")]
    for number, slot in enumerate(slots):
        store.write(slot, StoredKey(Secret(f"key {number}")))
    found = [kept.api_key.reveal() for slot in slots if (kept := store.read(slot))]
    assert found == ["key 0", "key 1", "key 2"]
    for slot in slots:
        store.delete(slot)


def test_another_home_does_not_see_it(store: KeyringStore) -> None:
    store.write(SLOT, KEPT)
    assert KeyringStore(lambda: "another").read(SLOT) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the-key-itself",
        "{}",
        "[]",
        '{"provider":"openai","key_id":"default","origins":[]}',
        '{"provider":"openai","key_id":"second","origins":[],"api_key":"k"}',
        '{"provider":"groq","key_id":"default","origins":[],"api_key":"k"}',
        '{"provider":"openai","key_id":"default","origins":"all","api_key":"k"}',
    ],
)
def test_an_entry_that_is_not_what_was_kept_is_corrupt(
    store: KeyringStore, home_id: str, text: str
) -> None:
    keyring.set_password(SERVICE, f"{home_id}/openai/default", text)
    with pytest.raises(KeyStoreCorrupt, match="openai/default") as refused:
        store.read(SLOT)
    assert "the-key-itself" not in str(refused.value)


def test_the_largest_value_goes_in_and_a_larger_one_does_not(
    store: KeyringStore, home_id: str
) -> None:
    rest = len('{"provider":"openai","key_id":"default","origins":[],"api_key":""}')
    largest = "x" * (MAX_VALUE // 2 - rest)
    store.write(SLOT, StoredKey(Secret(largest)))
    with pytest.raises(TooLarge):
        store.write(SLOT, StoredKey(Secret(largest + "y")))
    kept = keyring.get_password(SERVICE, f"{home_id}/openai/default")
    assert kept is not None
    assert len(kept.encode("utf-16-le")) == MAX_VALUE


def test_it_tells_its_state_and_asks_nobody(store: KeyringStore) -> None:
    assert store.state().state == "ready"


def test_a_locked_one_says_so_and_keeps_what_it_has(
    store: KeyringStore, keyring_here: SecretService
) -> None:
    store.write(SLOT, KEPT)
    with keyring_here.locked():
        assert store.state().state == "locked"
        with pytest.raises(KeyStoreLocked, match="locked"):
            store.read(SLOT)
        with pytest.raises(KeyStoreLocked, match="locked") as refused:
            store.write(SLOT, KEPT)
        assert KEPT.api_key.reveal() not in str(refused.value)
    assert store.read(SLOT) == KEPT


def test_the_keyring_of_the_session_is_found_by_itself(
    store: KeyringStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND")
    found_anew()
    store.write(SLOT, KEPT)
    assert store.read(SLOT) == KEPT
    assert store.state().detail == "SecretService"


# --- without one ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "backend",
    ["keyring.backends.fail.Keyring", "keyring.backends.null.Keyring", "no_such_module.Keyring"],
)
def test_where_there_is_none_that_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    found_anew()
    store = KeyringStore(lambda: "home")
    assert store.state().state == "missing"
    with pytest.raises(ComponentMissing, match="keyring") as refused:
        store.read(SLOT)
    assert "create_vault" in refused.value.hint


def test_a_bus_that_has_gone_is_told_and_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.SecretService.Keyring")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/bus")
    found_anew()
    store = KeyringStore(lambda: "home")
    with pytest.raises((ComponentMissing, KeyStoreLocked)):
        store.read(SLOT)
    assert store.state().state in {"missing", "ready"}


def test_one_of_several_that_is_locked_is_told(
    keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.chainer.ChainerBackend")
    found_anew()
    with keyring_here.locked():
        assert KeyringStore(lambda: "home").state().state == "locked"


@pytest.mark.parametrize("module", ["keyrings.alt.file", "keyring.backends.null"])
def test_one_that_keeps_keys_in_the_clear_or_not_at_all_is_none(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    kind = type("Backend", (), {"__module__": module})
    monkeypatch.setattr(keyring_store, "_found", functools.cache(kind))
    assert KeyringStore(lambda: "home").state().state == "missing"
