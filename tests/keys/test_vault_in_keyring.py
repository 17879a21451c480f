"""A vault whose key lies in the OS keyring, in the place of a password."""

from __future__ import annotations

import pytest

from sidecar.errors import InvalidParams, KeyStoreCorrupt, KeyStoreLocked, StorageError
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.vaults import OTHER, PASSWORD, a_vault, by_hand, key, opened
from tests.secret_service import SecretService

SLOT = Slot("openai", "default")


def test_the_keyring_opens_it_with_no_password(
    database: Database, keyring_here: SecretService
) -> None:
    a_vault(database).create(None)
    a_vault(database).write(SLOT, key())
    again = a_vault(database)
    assert again.state().state == "ready"
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
def test_it_goes_from_a_password_to_the_keyring_and_back(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
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
def test_two_that_make_one_in_the_keyring_at_once_lose_nothing(database: Database) -> None:
    slower = a_vault(database)
    a_vault(database).create(None)
    a_vault(database).write(SLOT, key())
    with pytest.raises(StorageError):
        slower._wrap(bytes(32), None, replaces=None)  # past the look whether there is one
    assert a_vault(database).read(SLOT) == key()
