"""Where the audit's seal lies: in a key store that outlives the run, and in one alone."""

from __future__ import annotations

import pytest

from sidecar.errors import KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.index import Index
from sidecar.keys.seals import StoredSeals
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores
from sidecar.records.database import Database
from tests.keys.vaults import CHEAP, PASSWORD, by_hand
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio

SEAL = Slot("$audit", "seal")
USUAL: tuple[StoreName, ...] = ("keyring", "vault", "environment")


def the_stores(database: Database, *order: StoreName) -> Stores:
    stores = Stores(database, Index(database), order or USUAL)
    stores.vault._scrypt_n = CHEAP
    return stores


async def test_without_a_store_that_outlives_the_run_there_is_none(database: Database) -> None:
    for stores in (the_stores(database), the_stores(database, "memory", "environment")):
        assert await StoredSeals(stores).read() is None
        await StoredSeals(stores).write(Checkpoint(bytes(32)))
        assert await stores.read("memory", SEAL) is None


async def test_a_vault_has_one_from_its_first_moment_on(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    made = await StoredSeals(stores).read()
    assert made is not None
    assert len(made.key) == 32
    assert made.is_new
    again = the_stores(database)
    await again.in_vault(lambda vault: vault.unlock(PASSWORD))
    seals = StoredSeals(again)
    assert await seals.read() == made
    later = Checkpoint(made.key, 7, b"x" * 32, 2)
    await seals.write(later)
    assert await StoredSeals(stores).read() == later


async def test_a_vault_without_one_is_one_that_it_was_taken_from(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    by_hand(database, "DELETE FROM secrets WHERE provider = '$audit'")
    with pytest.raises(KeyStoreCorrupt, match="gone from the vault"):
        await StoredSeals(stores).read()
    made = await StoredSeals(stores).make()
    assert made is not None
    assert await StoredSeals(stores).read() == made


async def test_in_a_keyring_one_is_made_once_and_found_again(
    database: Database, keyring_here: SecretService
) -> None:
    stores = the_stores(database)
    assert await StoredSeals(stores).read() is None
    made = await StoredSeals(stores).make()
    assert made is not None
    with keyring_here.locked():
        await stores.in_vault(lambda vault: vault.create(PASSWORD))
        with pytest.raises(KeyStoreLocked, match="keyring"):
            await StoredSeals(stores).read()
    assert await StoredSeals(stores).read() == made


async def test_a_locked_vault_may_have_it(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    stores.vault.lock()
    with pytest.raises(KeyStoreLocked, match="vault"):
        await StoredSeals(stores).read()


async def test_a_seal_in_a_later_store_is_found_before_another_is_made(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    alone = the_stores(database, "vault")
    await alone.in_vault(lambda vault: vault.create(PASSWORD))
    made = await StoredSeals(alone).read()
    both = the_stores(database)
    await both.in_vault(lambda vault: vault.unlock(PASSWORD))
    assert await StoredSeals(both).read() == made
    assert await both.read("keyring", SEAL) is None


@pytest.mark.parametrize("text", ["", "x", "AAAA", "e30=", "é"])
async def test_one_that_cannot_be_read_is_told_and_not_made_anew(
    database: Database, text: str
) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    await stores.write(SEAL, StoredKey(Secret(text)), "vault")
    with pytest.raises(KeyStoreCorrupt, match="seal"):
        await StoredSeals(stores).read()
    kept = await stores.read("vault", SEAL)
    assert kept is not None
    assert kept.api_key.reveal() == text


def test_a_checkpoint_is_text_and_back() -> None:
    checkpoint = Checkpoint(bytes(range(32)), 2**40, bytes(32), 5)
    assert Checkpoint.of(checkpoint.stored()) == checkpoint
    assert checkpoint.stored().api_key.reveal().isascii()
