"""Old copies of keys that could not be taken away when they were replaced."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from anyio import from_thread

from sidecar.errors import AIError
from sidecar.keys import leftovers
from sidecar.keys.index import Entry
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, copies, in_a_vault, keeper, used
from tests.keys.vaults import HERE, PASSWORD
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio


async def moved_while_locked(database: Database, keyring_here: SecretService) -> None:
    """Leave the old key in the keyring, which was locked as the new one went into the vault."""
    custody = keeper(database)
    await custody.vault.create(PASSWORD)
    await custody.changes.store(SLOT, Secret("the old one"), (HERE,), None)
    with keyring_here.locked():
        await custody.changes.store(SLOT, Secret("the new one"), (HERE,), None)
    assert {name: len(found) for name, found in copies(custody, database).items()} == {
        "vault": 1, "keyring": 1,
    }  # fmt: skip


async def test_it_is_taken_away_when_its_store_is_used_again_also_in_a_later_run(
    database: Database, keyring_here: SecretService
) -> None:
    await moved_while_locked(database, keyring_here)
    later = await again(database)
    assert await used(later) == "the new one"
    other = Slot("mine", "other")
    await later.changes.store(other, Secret("another"), (HERE,), "keyring")
    [in_the_keyring] = copies(later, database)["keyring"]
    assert in_the_keyring.startswith("mine/other~")
    await later.changes.delete(other)


async def test_reading_a_key_is_a_use_of_its_store(
    database: Database, keyring_here: SecretService
) -> None:
    other = Slot("theirs", "default")
    await keeper(database).changes.store(other, Secret("another"), (HERE,), "keyring")
    await moved_while_locked_beside(database, keyring_here)
    later = await again(database)
    entry = later.holdings.entry(other)
    assert entry is not None
    await later._read(entry, None)
    await asyncio.gather(*later._sweeping)
    assert [name.partition("~")[0] for name in copies(later, database)["keyring"]] == [
        "theirs/default"
    ]
    await later.changes.delete(other)


async def moved_while_locked_beside(database: Database, keyring_here: SecretService) -> None:
    """The same, where there is another key in the keyring."""
    custody = keeper(database)
    await custody.vault.create(PASSWORD)
    await custody.changes.store(SLOT, Secret("the old one"), (HERE,), None)
    with keyring_here.locked():
        await custody.changes.store(SLOT, Secret("the new one"), (HERE,), None)


@pytest.mark.parametrize("store", ["keyring", "vault", "memory"])
async def test_a_key_that_was_set_often_is_there_once(
    database: Database, keyring_here: SecretService, store: StoreName
) -> None:
    del keyring_here
    custody = await in_a_vault(database)
    for number in range(5):
        await custody.changes.store(SLOT, Secret(f"key {number}"), (HERE,), store)
    assert await used(custody) == "key 4"
    assert [(name, len(found)) for name, found in copies(custody, database).items()] == [(store, 1)]
    assert not any(name.startswith("leftover") for name in database.read_settings())
    await custody.changes.delete(SLOT)
    assert copies(custody, database) == {}


async def test_what_a_crash_has_left_behind_is_taken_away_later(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    custody = await in_a_vault(database, "the old one")

    async def killed(*_: object, **__: object) -> None:
        """What would have come next."""

    monkeypatch.setattr(custody.changes, "_take_away", killed)
    monkeypatch.setattr(custody.changes, "sweep", killed)
    await custody.changes.store(SLOT, Secret("the new one"), (HERE,), "vault")
    assert len(copies(custody, database)["vault"]) == 2
    later = await again(database)
    assert await used(later) == "the new one"
    await asyncio.gather(*later._sweeping)
    assert len(copies(later, database)["vault"]) == 1
    assert await used(await again(database)) == "the new one"


async def test_a_copy_that_another_sidecar_is_just_writing_is_none(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await in_a_vault(database, "the old one")
    two = await again(database)
    written, go_on = anyio.Event(), anyio.Event()
    keep = two.changes._enter

    def slowly(entry: Entry, before: Entry | None) -> Entry | None:
        from_thread.run_sync(written.set)
        from_thread.run(go_on.wait)
        return keep(entry, before)

    monkeypatch.setattr(two.changes, "_enter", slowly)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(two.changes.store, SLOT, Secret("the new one"), (HERE,), "vault")
        await written.wait()
        await one.changes.sweep("vault")
        await one.changes.store(Slot("mine", "other"), Secret("another"), (HERE,), "vault")
        go_on.set()
    assert await used(two) == "the new one"
    assert await used(await again(database)) == "the new one"
    assert len(copies(one, database)["vault"]) == 2


async def test_a_copy_that_was_never_listed_is_taken_away_after_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    custody = await in_a_vault(database)
    await custody.stores.add(SLOT.copy("lost"), StoredKey(Secret("never listed")), "vault")
    await custody.changes.sweep("vault")
    assert len(copies(custody, database)["vault"]) == 2
    monkeypatch.setattr(leftovers, "_COMING_S", 0.0)
    await custody.changes.sweep("vault")
    assert len(copies(custody, database)["vault"]) == 1
    assert await used(await again(database)) == "the-key-itself"


async def test_a_key_that_lasts_is_not_given_up_for_one_that_ends_with_this_run(
    database: Database,
) -> None:
    await in_a_vault(database)
    custody = keeper(database, "vault", "memory")
    with pytest.raises(AIError, match="locked"):
        await custody.changes.store(SLOT, Secret("another"), (HERE,), None)
    await custody.changes.store(Slot("mine", "new"), Secret("a new one"), (HERE,), None)
    assert [each.store for each in map(custody.holdings.entry, custody.holdings.slots()) if each]
    restarted = keeper(database, "vault", "memory")
    await restarted.vault.unlock(PASSWORD)
    assert await used(restarted) == "the-key-itself"
