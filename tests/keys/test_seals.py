"""Where the audit's seal lies: in a key store that outlives the run, and in one alone."""

from __future__ import annotations

import pytest

from sidecar.errors import ComponentMissing, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.index import Index
from sidecar.keys.seals import StoredSeals
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores
from sidecar.records.database import Database
from tests.keys.conftest import found_anew
from tests.keys.vaults import CHEAP, PASSWORD, by_hand
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio

SEAL = Slot("$audit", "seal")
USUAL: tuple[StoreName, ...] = ("keyring", "vault", "environment")


def the_stores(database: Database, *order: StoreName) -> Stores:
    stores = Stores(database, Index(database), order or USUAL)
    stores.vault._wrapping.scrypt_n = CHEAP
    return stores


async def test_without_a_store_that_outlives_the_run_there_is_none(database: Database) -> None:
    for stores in (the_stores(database), the_stores(database, "memory", "environment")):
        assert await StoredSeals(stores, database).read(search=True) is None
        await StoredSeals(stores, database).write(Checkpoint(bytes(32)))
        assert await stores.read("memory", SEAL) is None


async def test_a_vault_has_one_from_its_first_moment_on(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    made = await StoredSeals(stores, database).read(search=True)
    assert made is not None
    assert len(made.key) == 32
    assert made.is_new
    again = the_stores(database)
    await again.in_vault(lambda vault: vault.unlock(PASSWORD))
    seals = StoredSeals(again, database)
    assert await seals.read(search=True) == made
    later = Checkpoint(made.key, 7, b"x" * 32, 2)
    await seals.write(later)
    assert await StoredSeals(stores, database).read(search=True) == later


async def test_a_vault_without_one_is_one_that_it_was_taken_from(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    by_hand(database, "DELETE FROM secrets WHERE provider = '$audit'")
    with pytest.raises(KeyStoreCorrupt, match="gone from the vault"):
        await StoredSeals(stores, database).read(search=True)
    made = await StoredSeals(stores, database).make()
    assert made is not None
    assert await StoredSeals(stores, database).read(search=True) == made


async def test_in_a_keyring_one_is_made_once_and_found_again(
    database: Database, keyring_here: SecretService
) -> None:
    stores = the_stores(database)
    assert await StoredSeals(stores, database).read(search=True) is None
    made = await StoredSeals(stores, database).make()
    assert made is not None
    with keyring_here.locked():
        await stores.in_vault(lambda vault: vault.create(PASSWORD))
        with pytest.raises(KeyStoreLocked, match="keyring"):
            await StoredSeals(stores, database).read(search=True)
    assert await StoredSeals(stores, database).read(search=True) == made


async def test_a_store_that_is_not_here_has_it_and_another_does_not_stand_in(
    database: Database, keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    del keyring_here
    stores = the_stores(database)
    made = await StoredSeals(stores, database).make()
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    with monkeypatch.context() as patch:
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        found_anew()
        for search in (True, False):
            with pytest.raises(ComponentMissing, match="in the keyring, which is not here"):
                await StoredSeals(stores, database).read(search=search)
    found_anew()
    assert await StoredSeals(stores, database).read(search=False) == made


async def test_no_store_is_asked_for_one_of_which_there_is_no_note(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    stores = the_stores(database)
    assert await StoredSeals(stores, database).read(search=False) is None
    assert not database.exists()
    assert stores._threads["keyring"]._thread is None


async def test_one_whose_note_was_lost_is_found_and_noted_again(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    stores = the_stores(database)
    made = await StoredSeals(stores, database).make()
    by_hand(database, "DELETE FROM settings WHERE name = 'audit_seal'")
    assert await StoredSeals(stores, database).read(search=False) is None
    assert await StoredSeals(stores, database).read(search=True) == made
    assert await StoredSeals(stores, database).read(search=False) == made


async def test_another_one_in_its_place_is_told(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    assert await StoredSeals(stores, database).read(search=True)
    await stores.replace("vault", SEAL, Checkpoint(b"x" * 32).stored())
    with pytest.raises(KeyStoreCorrupt, match="gone from the vault"):
        await StoredSeals(stores, database).read(search=False)


async def test_a_locked_vault_may_have_it(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    stores.vault.lock()
    with pytest.raises(KeyStoreLocked, match="vault"):
        await StoredSeals(stores, database).read(search=True)


async def test_a_seal_in_a_later_store_is_found_before_another_is_made(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    alone = the_stores(database, "vault")
    await alone.in_vault(lambda vault: vault.create(PASSWORD))
    made = await StoredSeals(alone, database).read(search=True)
    both = the_stores(database)
    await both.in_vault(lambda vault: vault.unlock(PASSWORD))
    assert await StoredSeals(both, database).read(search=True) == made
    assert await both.read("keyring", SEAL) is None


@pytest.mark.parametrize("text", ["", "x", "AAAA", "e30=", "é"])
async def test_one_that_cannot_be_read_is_told_and_not_made_anew(
    database: Database, text: str
) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    await stores.replace("vault", SEAL, StoredKey(Secret(text)))
    with pytest.raises(KeyStoreCorrupt, match="seal"):
        await StoredSeals(stores, database).read(search=True)
    kept = await stores.read("vault", SEAL)
    assert kept is not None
    assert kept.api_key.reveal() == text


def test_a_checkpoint_is_text_and_back() -> None:
    checkpoint = Checkpoint(bytes(range(32)), 2**40, bytes(32), 5)
    assert Checkpoint.of(checkpoint.stored()) == checkpoint
    assert checkpoint.stored().api_key.reveal().isascii()
