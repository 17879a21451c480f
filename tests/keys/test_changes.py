"""Keys that are set and deleted: all of a change is done, or nothing is, whoever comes between."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sidecar.errors import AIError, InvalidParams, KeyStoreLocked, StorageError
from sidecar.keys.changes import MAX_KEYS
from sidecar.keys.index import Index
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoreName
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, copies, in_a_vault, keeper, used, wanted
from tests.keys.vaults import HERE, PASSWORD, THERE, by_hand
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio


@pytest.mark.usefixtures("keyring_here")
async def test_a_key_that_is_set_in_another_store_is_in_that_one_alone(
    database: Database,
) -> None:
    custody = await in_a_vault(database)
    names: tuple[StoreName, ...] = ("keyring", "memory", "vault")
    for name in names:
        await custody.changes.store(SLOT, Secret(f"in {name}"), (HERE,), name)
        assert [each.store for each in custody.holdings.of(wanted())] == [name]
        assert list(copies(custody, database)) == [name]
        assert await used(custody) == f"in {name}"
        listed = Index(database).read()[0]
        assert (SLOT in listed) == (name != "memory")


async def test_a_key_whose_old_store_is_locked_is_set_all_the_same(
    database: Database, keyring_here: SecretService
) -> None:
    custody = keeper(database)
    await custody.vault.create(PASSWORD)
    await custody.changes.store(SLOT, Secret("the old one"), (HERE,), None)
    with keyring_here.locked():
        entry = await custody.changes.store(SLOT, Secret("the new one"), (HERE,), None)
        assert entry.store == "vault"
        assert await used(custody) == "the new one"
    assert await used(await again(database)) == "the new one"
    await custody.changes.sweep("keyring")
    assert list(copies(custody, database)) == ["vault"]


async def test_what_is_set_at_once_from_two_sides_ends_as_one_of_both(database: Database) -> None:
    custody = await in_a_vault(database)
    async with anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(custody.changes.store, SLOT, Secret(f"key {number}"), (HERE,), "vault")
    [entry] = custody.holdings.of(wanted())
    restarted = await again(database)
    assert await used(restarted) == await used(custody)
    assert Index(database).read()[0][SLOT] == entry
    assert entry.fingerprint == Index(database).fingerprint(Secret(await used(custody)))


async def test_a_key_is_deleted_everywhere(database: Database) -> None:
    custody = await in_a_vault(database)
    assert await used(custody) == "the-key-itself"
    assert await custody.changes.delete(SLOT)
    assert not await custody.changes.delete(SLOT)
    assert custody.holdings.of(wanted()) == []
    assert copies(custody, database) == {}
    assert (await again(database)).holdings.of(wanted()) == []


async def test_names_that_were_only_asked_for_are_not_kept(database: Database) -> None:
    custody = keeper(database)
    for number in range(100):
        assert not await custody.changes.delete(Slot("mine", f"nobody-{number}"))
    async with anyio.create_task_group() as tasks:
        for number in range(20):
            key = Secret(f"a-key-of-its-own-{number}")
            tasks.start_soon(custody.changes.store, SLOT, key, (HERE,), "memory")
            tasks.start_soon(custody.changes.delete, SLOT)
    assert custody.changes._changing == {}


async def test_a_key_that_could_not_be_kept_changes_nothing(database: Database) -> None:
    custody = await in_a_vault(database)
    await custody.vault.lock()
    for store in ("vault", None):
        with pytest.raises(AIError):
            await custody.changes.store(SLOT, Secret("another"), (THERE,), store)
    await custody.vault.unlock(PASSWORD)
    assert await used(custody) == "the-key-itself"
    events = await custody.oversight.audit.events(before=None, limit=9, provider="mine")
    told = [each.event.result for each in events if each.event.event == "store"]
    assert told == ["key_store_locked", "key_store_locked", "ok"]


async def test_a_key_that_cannot_be_listed_is_not_kept_either(database: Database) -> None:
    custody = await in_a_vault(database)
    by_hand(
        database,
        "CREATE TRIGGER no BEFORE INSERT ON keys BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    for slot in (SLOT, Slot("mine", "second")):
        with pytest.raises(StorageError, match="disk full"):
            await custody.changes.store(slot, Secret("another"), (THERE,), "vault")
    assert await used(custody) == "the-key-itself"
    by_hand(database, "DROP TRIGGER no")
    restarted = await again(database)
    assert await used(restarted) == "the-key-itself"
    assert len(copies(restarted, database)["vault"]) == 1


async def test_so_many_keys_and_no_more_also_when_they_come_at_once(database: Database) -> None:
    custody = keeper(database, "memory")
    refused: list[AIError] = []

    async def one(number: int) -> None:
        try:
            slot = Slot("mine", f"k{number}")
            await custody.changes.store(slot, Secret(f"key {number}"), (HERE,), None)
        except InvalidParams as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        for number in range(MAX_KEYS * 2):
            tasks.start_soon(one, number)
    assert len(custody.holdings.slots()) <= MAX_KEYS
    assert len(refused) >= MAX_KEYS
    await custody.changes.store(Slot("mine", "k0"), Secret("anew"), (HERE,), None)


async def test_a_key_that_is_set_while_the_vault_is_being_locked_is_not_kept_open(
    database: Database,
) -> None:
    custody = await in_a_vault(database)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(custody.changes.store, SLOT, Secret("another"), (HERE,), "vault")
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(custody.vault.lock)
    assert (await custody.stores.state("vault")).state == "locked"
    assert custody.holdings.opened(SLOT) is None
    with pytest.raises(KeyStoreLocked):
        await used(custody)


@pytest.mark.parametrize("change", ["store", "delete"])
async def test_a_change_that_has_begun_is_done_to_its_end(database: Database, change: str) -> None:
    custody = await in_a_vault(database)
    async with anyio.create_task_group() as tasks:
        if change == "store":
            tasks.start_soon(custody.changes.store, SLOT, Secret("another"), (THERE,), "vault")
        else:
            tasks.start_soon(custody.changes.delete, SLOT)
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    restarted = await again(database)
    if change == "store":
        assert await used(restarted, THERE) == "another"
    else:
        assert restarted.holdings.of(wanted()) == []
        assert copies(restarted, database) == {}


@pytest.mark.usefixtures("keyring_here")
@pytest.mark.parametrize("store", ["keyring", "vault"])
async def test_what_another_sidecar_has_changed_meanwhile_is_what_is_replaced_or_deleted(
    database: Database, store: StoreName
) -> None:
    one = await in_a_vault(database)
    two = await again(database)
    for change in ("store", "delete"):
        await one.changes.store(SLOT, Secret("set by the first"), (HERE,), store)
        if change == "store":
            await two.changes.store(SLOT, Secret("set by the second"), (HERE,), "vault")
            assert await used(await again(database)) == "set by the second"
            assert {name: len(found) for name, found in copies(two, database).items()} == {
                "vault": 1
            }
        else:
            assert await two.changes.delete(SLOT)
            assert copies(two, database) == {}
            assert (await again(database)).holdings.of(wanted()) == []


async def test_two_sidecars_that_set_a_key_at_once_end_with_one_copy_of_one(
    database: Database,
) -> None:
    both = [await in_a_vault(database), await again(database)]
    for turn in range(5):
        async with anyio.create_task_group() as tasks:
            for number, each in enumerate(both):
                key = Secret(f"turn {turn} of {number}")
                tasks.start_soon(each.changes.store, SLOT, key, (HERE,), "vault")
                tasks.start_soon(each.changes.sweep, "vault")
        assert (await used(await again(database))).startswith(f"turn {turn} of ")
        assert len(copies(both[0], database)["vault"]) == 1


@pytest.mark.parametrize("name", ["x" * 300, "damaged"])
async def test_a_key_for_this_run_alone_needs_no_home(tmp_path: Path, name: str) -> None:
    if name == "damaged":
        (tmp_path / name).mkdir()
        (tmp_path / name / "sidecar.db").write_bytes(b"x" * 5000)
    custody = keeper(Database(tmp_path / name))
    for key in ("first", "second"):
        await custody.changes.store(SLOT, Secret(key), (HERE,), "memory")
        assert await used(custody) == key
    assert await custody.changes.delete(SLOT)
