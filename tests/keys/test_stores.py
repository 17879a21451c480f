"""The key stores together: which takes a new key, and what happens where one does not answer."""

from __future__ import annotations

import time

import anyio
import pytest

from sidecar.errors import ComponentMissing, InvalidParams, KeyStoreCorrupt, KeyStoreLocked
from sidecar.keys.index import Index
from sidecar.keys.keyring_store import MAX_VALUE
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.stores import Stores
from sidecar.records.database import Database
from tests.keys.vaults import CHEAP, PASSWORD, by_hand, key
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio

SLOT = Slot("openai", "default")
USUAL: tuple[StoreName, ...] = ("keyring", "vault", "environment")


def large() -> StoredKey:
    """Larger than a keyring takes. Not kept: what lives makes the redaction slower."""
    return key("x" * MAX_VALUE)


def the_stores(
    database: Database,
    order: tuple[StoreName, ...] = USUAL,
    *,
    patience_s: float = 20.0,
) -> Stores:
    found = Stores(database, Index(database), order, patience_s)
    found.vault._wrapping.scrypt_n = CHEAP
    return found


# --- which takes a new key -----------------------------------------------------------------------


@pytest.mark.usefixtures("keyring_here")
async def test_the_first_of_the_order_that_works_takes_a_key(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    assert await stores.add(SLOT, key(), None) == "keyring"
    assert await stores.read("keyring", SLOT) == key()
    assert await stores.read("vault", SLOT) is None
    stores = the_stores(database, ("vault", "keyring"))
    await stores.in_vault(lambda vault: vault.unlock(PASSWORD))
    assert await stores.add(SLOT, key(), None) == "vault"
    assert await the_stores(database, ("memory",)).add(SLOT, key(), None) == "memory"


@pytest.mark.usefixtures("keyring_here")
async def test_a_store_that_is_named_takes_it_and_no_other_does(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    names: tuple[StoreName, ...] = ("vault", "memory", "keyring")
    for name in names:
        assert await stores.add(SLOT, key(name), name) == name
    for name in names:
        assert await stores.read(name, SLOT) == key(name)
    with pytest.raises(InvalidParams, match="environment"):
        await stores.add(SLOT, key(), "environment")


async def test_where_there_is_no_keyring_the_vault_takes_it(database: Database) -> None:
    stores = the_stores(database)
    with pytest.raises(
        ComponentMissing, match=r"no OS keyring here\. There is no vault"
    ) as refused:
        await stores.add(SLOT, key(), None)
    assert "create_vault" in refused.value.hint
    assert "memory" in refused.value.hint
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    assert await stores.add(SLOT, key(), None) == "vault"
    stores.vault.lock()
    with pytest.raises(KeyStoreLocked, match="vault is locked"):
        await stores.add(SLOT, key(), None)
    with pytest.raises(ComponentMissing, match="no OS keyring"):
        await stores.add(SLOT, key(), "keyring")


async def test_a_locked_keyring_leaves_the_key_to_the_vault(
    database: Database, keyring_here: SecretService
) -> None:
    stores = the_stores(database)
    with keyring_here.locked():
        with pytest.raises(KeyStoreLocked, match="locked"):
            await stores.add(SLOT, key(), None)
        await stores.in_vault(lambda vault: vault.create(PASSWORD))
        assert await stores.add(SLOT, key(), None) == "vault"


@pytest.mark.usefixtures("keyring_here")
async def test_a_key_too_large_for_the_keyring_goes_into_a_vault_that_the_keyring_protects(
    database: Database,
) -> None:
    stores = the_stores(database)
    with pytest.raises(InvalidParams, match="larger than what an OS keyring takes"):
        await stores.add(SLOT, large(), "keyring")
    assert await stores.add(SLOT, large(), None) == "vault"
    again = the_stores(database)
    assert await again.read("vault", SLOT) == large()
    assert (await again.state("vault")).detail == "Protected by keyring."
    assert await again.add(SLOT, large(), None) == "vault", "into the one that is there by now"


@pytest.mark.usefixtures("keyring_here")
async def test_a_key_too_large_goes_into_the_vault_that_there_is(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    assert await stores.add(SLOT, large(), None) == "vault"
    assert (await stores.state("vault")).detail == "Protected by password."
    stores.vault.lock()
    with pytest.raises(KeyStoreLocked):
        await stores.add(SLOT, large(), None)


async def test_a_key_too_large_for_the_only_store_is_told(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    with pytest.raises(ComponentMissing, match="No key store here can keep the key"):
        await the_stores(database, ("keyring",)).add(SLOT, large(), None)


# --- how they are --------------------------------------------------------------------------------


async def test_they_tell_how_they_are(database: Database, keyring_here: SecretService) -> None:
    stores = the_stores(database)
    assert [(each.name, each.state) for each in await stores.known()] == [
        ("keyring", "unknown"), ("vault", "missing"), ("environment", "ready"),
    ]  # fmt: skip
    assert [each.state for each in await stores.states()] == ["ready", "missing", "ready"]
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    stores.vault.lock()
    with keyring_here.locked():
        states = await stores.states()
    assert [each.state for each in states] == ["locked", "locked", "ready"]
    assert all(each.hint for each in states if each.state == "locked")


async def test_a_damaged_vault_is_told_and_the_others_too(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    by_hand(database, "UPDATE vault SET header = 'x'")
    keyring, vault, environment = await stores.states()
    assert (keyring.state, environment.state) == ("missing", "ready")
    assert "changed from outside" in (vault.detail or "")
    assert "changed from outside" in ((await stores.known())[1].detail or "")


# --- one that does not answer --------------------------------------------------------------------


async def test_a_keyring_that_hangs_is_given_up_and_the_others_go_on(
    database: Database, keyring_here: SecretService
) -> None:
    stores = the_stores(database, patience_s=1.0)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    assert await stores.add(SLOT, key("in the vault"), "vault") == "vault"
    assert await stores.add(SLOT, key("in the keyring"), "keyring") == "keyring"
    with keyring_here.frozen():
        with pytest.raises(KeyStoreLocked, match="does not answer"):
            await stores.read("keyring", SLOT)
        began = time.monotonic()
        with pytest.raises(KeyStoreLocked, match="does not answer"):
            await stores.read("keyring", SLOT)
        assert [each.state for each in await stores.states()] == ["busy", "ready", "ready"]
        assert await stores.read("vault", SLOT) == key("in the vault")
        assert await stores.add(SLOT, key("anew"), None) == "vault"
        assert time.monotonic() - began < 1.0, "nobody has waited again"
    # It answers again: the one call that hung comes back, and the next is served.
    await until_it_answers(stores)
    assert await stores.read("keyring", SLOT) == key("in the keyring")


async def until_it_answers(stores: Stores) -> None:
    with anyio.fail_after(10):
        while (await stores.state("keyring")).state == "busy":
            await anyio.lowlevel.checkpoint()


# --- what is taken away again --------------------------------------------------------------------


async def test_a_copy_that_is_refused_leaves_the_others(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    await stores.add(SLOT.copy("a"), key(), "vault")
    stores.vault.lock()
    with pytest.raises(KeyStoreLocked):
        await stores.add(SLOT.copy("b"), StoredKey(Secret("another")), "vault")
    with pytest.raises(ComponentMissing):
        await stores.add(SLOT.copy("c"), key(), "keyring")
    assert [name for name in database.read_settings() if name.startswith("leftover")] == [
        "leftover:vault:openai:default~a"
    ], "what was not taken leaves no trace"
    await stores.in_vault(lambda vault: vault.unlock(PASSWORD))
    assert await stores.read("vault", SLOT.copy("a")) == key()
    assert await stores.read("vault", SLOT.copy("b")) is None


async def test_a_copy_that_was_given_up_does_not_land_later_and_takes_no_other_with_it(
    database: Database, keyring_here: SecretService
) -> None:
    stores = the_stores(database, patience_s=1.0)
    await stores.add(SLOT.copy("a"), key("the old one"), "keyring")
    with keyring_here.frozen(), pytest.raises(KeyStoreLocked, match="does not answer"):
        await stores.add(SLOT.copy("b"), key("too late"), "keyring")
    await until_it_answers(stores)
    assert "leftover:keyring:openai:default~b" not in database.read_settings()
    assert await stores.read("keyring", SLOT.copy("a")) == key("the old one")
    assert await stores.read("keyring", SLOT.copy("b")) is None
    await stores.delete("keyring", SLOT.copy("a"))


async def test_one_copy_does_not_stand_in_for_another(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    for mark in "ab":
        await stores.add(SLOT.copy(mark), key(mark), "vault")
    by_hand(database, "UPDATE secrets SET key_id = 'default~c' WHERE key_id = 'default~a'")
    with pytest.raises(KeyStoreCorrupt, match=r"for openai/default was changed"):
        await stores.read("vault", SLOT.copy("c"))


@pytest.mark.parametrize("named", ["vault", "keyring"])
async def test_a_store_in_which_nobody_looks_takes_no_key(
    database: Database, named: StoreName
) -> None:
    stores = the_stores(database, ("environment",))
    with pytest.raises(InvalidParams, match="No key is looked for") as refused:
        await stores.add(SLOT, key(), named)
    assert refused.value.path == "$.store"
    assert await stores.add(SLOT, key(), "memory") == "memory"


async def test_a_damaged_vault_is_called_damaged_by_all_that_tell(database: Database) -> None:
    stores = the_stores(database)
    await stores.in_vault(lambda vault: vault.create(PASSWORD))
    by_hand(database, "UPDATE vault SET header = 'x'")
    assert (await stores.known())[1].state == "damaged"
    assert (await stores.states())[1].state == "damaged"
