"""A vault whose key lies in the OS keyring, in the place of a password."""

from __future__ import annotations

import pytest

from sidecar.errors import InvalidParams, KeyStoreCorrupt, KeyStoreLocked, StorageError
from sidecar.keys.secret import Secret
from sidecar.keys.store import StoreState
from sidecar.keys.vault import Vault
from sidecar.records.database import Database
from tests.keys.vaults import (
    OTHER,
    PASSWORD,
    READY,
    SLOT,
    a_vault,
    by_hand,
    kept_and_told_to_have_failed,
    key,
    opened,
)
from tests.secret_service import SecretService


def test_the_keyring_opens_it_with_no_password(
    database: Database, keyring_here: SecretService
) -> None:
    a_vault(database).create(None)
    a_vault(database).write(SLOT, key())
    again = a_vault(database)
    assert again.state(READY).state == "ready"
    assert again.read(SLOT) == key()
    with keyring_here.locked(), pytest.raises(KeyStoreLocked):
        a_vault(database).read(SLOT)


@pytest.mark.usefixtures("keyring_here")
def test_without_its_key_in_the_keyring_it_is_corrupt_and_not_empty(database: Database) -> None:
    a_vault(database).create(None)
    a_vault(database).write(SLOT, key())
    elsewhere = a_vault(database, home_id="another home")
    with pytest.raises(KeyStoreCorrupt, match="not in the OS keyring any more"):
        elsewhere.read(SLOT)
    with pytest.raises(InvalidParams, match="already"):
        elsewhere.create(PASSWORD)


@pytest.mark.usefixtures("keyring_here")
def test_it_goes_from_a_password_to_the_keyring_and_back(vault: Vault, database: Database) -> None:
    vault.write(SLOT, key())
    vault.change_password(PASSWORD, None)
    assert a_vault(database).read(SLOT) == key()
    a_vault(database).change_password(None, None)
    assert a_vault(database).read(SLOT) == key()
    a_vault(database).change_password(None, OTHER)
    with pytest.raises(KeyStoreLocked):
        a_vault(database).read(SLOT)
    assert opened(database, OTHER).read(SLOT) == key()


@pytest.mark.usefixtures("keyring_here")
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_a_change_that_cannot_be_written_leaves_it_open_to_the_keyring(
    database: Database, password: Secret | None
) -> None:
    a_vault(database).create(None)
    a_vault(database).write(SLOT, key())
    by_hand(
        database,
        "CREATE TRIGGER no BEFORE UPDATE ON vault BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    with pytest.raises(StorageError, match="disk full"):
        a_vault(database).change_password(None, password)
    assert a_vault(database).read(SLOT) == key()


@pytest.mark.usefixtures("keyring_here")
def test_two_that_make_one_in_the_keyring_at_once_lose_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    slower = a_vault(database)
    a_vault(database).create(None)
    a_vault(database).write(SLOT, key())
    monkeypatch.setattr(slower, "_row", lambda: None)  # past the look whether there is one
    with pytest.raises(StorageError):
        slower.create(None)
    assert a_vault(database).read(SLOT) == key()


@pytest.mark.usefixtures("keyring_here")
def test_it_is_as_open_as_the_keyring_is(database: Database) -> None:
    a_vault(database).create(None)
    assert a_vault(database).state(READY).state == "ready"
    unknown = StoreState(name="keyring", state="unknown")
    assert a_vault(database).state(unknown).state == "unknown"
    for state in ("locked", "missing", "busy"):
        keyring = StoreState(name="keyring", state=state, detail="It is so.", hint="Do this.")
        told = a_vault(database).state(keyring)
        assert (told.state, told.hint) == ("locked", "Do this.")
        assert told.detail == "Its own key is in the OS keyring. It is so."


@pytest.mark.usefixtures("keyring_here")
def test_what_opened_it_is_taken_out_of_the_keyring_when_a_password_does(
    database: Database,
) -> None:
    vault = a_vault(database)
    vault.create(None)
    header = vault.header()
    assert header is not None
    assert vault._wrapping._keyring.read(header.slot) is not None
    change = vault.change_password(None, PASSWORD)
    assert vault._wrapping._keyring.read(header.slot) is not None, "it may still be taken back"
    vault.forget(change)
    assert vault._wrapping._keyring.read(header.slot) is None


@pytest.mark.usefixtures("keyring_here")
def test_a_change_to_the_keyring_that_is_kept_though_told_to_have_failed_opens_all_the_same(
    vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write(SLOT, key())
    monkeypatch.setattr(vault, "_changing", kept_and_told_to_have_failed(vault))
    with pytest.raises(StorageError):
        vault.change_password(PASSWORD, None)
    assert a_vault(database).read(SLOT) == key(), "what the file names is in the keyring"


@pytest.mark.usefixtures("keyring_here")
@pytest.mark.parametrize(("before", "after"), [(None, PASSWORD), (PASSWORD, None), (None, None)])
def test_a_change_that_is_taken_back_leaves_it_as_it_was(
    database: Database, before: Secret | None, after: Secret | None
) -> None:
    vault = a_vault(database)
    vault.create(before)
    vault.write(SLOT, key())
    vault.take_back(vault.change_password(before, after))
    again = a_vault(database)
    if before is not None:
        again.unlock(before)
    assert again.read(SLOT) == key()


@pytest.mark.usefixtures("keyring_here")
@pytest.mark.parametrize("password", [None, PASSWORD])
def test_one_whose_making_is_taken_back_is_none(
    database: Database, password: Secret | None
) -> None:
    vault = a_vault(database)
    vault.take_back(vault.create(password))
    assert vault.state(READY).state == "missing"
    assert by_hand(database, "SELECT count(*) FROM secrets") == [(0,)]
    vault.create(OTHER)
    vault.write(SLOT, key())
    assert opened(database, OTHER).read(SLOT) == key()
