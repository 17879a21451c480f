"""The keeper of all keys and its stores: what is read, kept, forgotten, changed and deleted."""

from __future__ import annotations

import threading

import anyio
import pytest

from sidecar.errors import AIError, InvalidParams, KeyNotFound, KeyStoreLocked, StorageError
from sidecar.keys.changes import MAX_KEYS
from sidecar.keys.index import Index
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey, StoreName
from sidecar.keys.watch import SecurityNotice
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, in_a_vault, keeper, used, wanted
from tests.keys.vaults import HERE, PASSWORD, THERE, by_hand, file_of
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio

# --- opening -------------------------------------------------------------------------------------


async def test_twenty_requests_at_once_open_the_store_once(database: Database) -> None:
    await in_a_vault(database)
    custody = await again(database)
    [entry] = custody.choose(wanted())
    found: list[str] = []

    async def one() -> None:
        found.append((await custody.open(entry, wanted(), None)).reveal())

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(one)
    assert found == ["the-key-itself"] * 20
    events = await custody.oversight.audit.events(before=None, limit=100, provider="mine")
    assert [each.event.event for each in events].count("read") == 1


async def test_one_who_gives_up_does_not_take_the_others_with_him(database: Database) -> None:
    await in_a_vault(database)
    custody = await again(database)
    [entry] = custody.choose(wanted())
    gate = threading.Event()
    busy = custody.stores._threads["vault"]
    found: list[Secret] = []

    async def one() -> None:
        found.append(await custody.open(entry, wanted(), None))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(busy.call, gate.wait)
        async with anyio.create_task_group() as impatient:
            impatient.start_soon(custody.open, entry, wanted(), None)
            tasks.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            impatient.cancel_scope.cancel()
        gate.set()
    assert [each.reveal() for each in found] == ["the-key-itself"]


async def test_a_key_is_read_once_until_it_is_refused(database: Database) -> None:
    first = await in_a_vault(database)
    second = await again(database)
    assert await used(second) == "the-key-itself"
    await first.changes.store(SLOT, Secret("another"), (HERE,), None)
    assert await used(second) == "the-key-itself"
    [entry] = second.choose(wanted())
    newer = await second.read_again(entry, Secret("the-key-itself"), wanted(), "e1")
    assert newer == Secret("another")
    assert await second.read_again(entry, Secret("another"), wanted(), "e1") is None


async def test_locking_forgets_what_was_read_and_what_is_just_being_read(
    database: Database,
) -> None:
    await in_a_vault(database)
    custody = await again(database)
    assert await used(custody) == "the-key-itself"
    await custody.vault.lock()
    with pytest.raises(KeyStoreLocked, match="locked"):
        await used(custody)
    await custody.vault.unlock(PASSWORD)
    [entry] = custody.choose(wanted())
    gate = threading.Event()
    vault = custody.stores.vault
    reading = vault.read

    def slowly(slot: Slot) -> StoredKey | None:
        stored = reading(slot)
        gate.wait(10)
        return stored

    vault.read = slowly  # type: ignore[method-assign] # the moment between reading and returning
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(custody.open, entry, wanted(), None)
        await anyio.wait_all_tasks_blocked()
        await custody.vault.lock()
        gate.set()
    vault.read = reading  # type: ignore[method-assign] # as before
    with pytest.raises(KeyStoreLocked, match="locked"):
        await used(custody)


async def test_a_key_that_its_store_has_not_is_passed_over_in_this_run_and_not_forgotten(
    database: Database,
) -> None:
    await in_a_vault(database)
    custody = await again(database)
    row = by_hand(database, "SELECT * FROM secrets WHERE provider = 'mine'")[0]
    by_hand(database, "DELETE FROM secrets WHERE provider = 'mine'")
    with pytest.raises(KeyNotFound, match="not in the vault any more"):
        await used(custody)
    await custody.holdings.refresh()
    assert custody.holdings.of(wanted()) == []
    with pytest.raises(KeyNotFound, match="no API key"):
        custody.choose(wanted())
    by_hand(database, "INSERT INTO secrets VALUES (?, ?, ?, ?, ?)", *row)
    assert await used(await again(database)) == "the-key-itself", "as with another keyring"
    await custody.changes.store(SLOT, Secret("entered again"), (HERE,), "vault")
    assert await used(custody) == "entered again"


async def test_a_key_that_is_deleted_while_the_list_is_read_is_gone(database: Database) -> None:
    for _ in range(20):
        custody = await in_a_vault(Database(file_of(database).parent / "homes" / str(_)))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(custody.holdings.refresh)
            tasks.start_soon(custody.changes.delete, SLOT)
            tasks.start_soon(custody.holdings.refresh)
        assert custody.holdings.of(wanted()) == []
        assert custody.holdings.opened(SLOT) is None


@pytest.mark.usefixtures("keyring_here")
async def test_a_key_that_another_sidecar_has_moved_is_not_lost(database: Database) -> None:
    first = await in_a_vault(database)
    second = await again(database)
    await first.changes.store(SLOT, Secret("in the keyring now"), (HERE,), "keyring")
    with pytest.raises(KeyNotFound):
        await used(second)
    assert await used(await again(database)) == "in the keyring now"
    assert await first.changes.delete(SLOT)


# --- changes -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("keyring_here")
async def test_a_key_that_is_set_in_another_store_is_in_that_one_alone(
    database: Database,
) -> None:
    custody = await in_a_vault(database)
    stores = custody.stores
    names: tuple[StoreName, ...] = ("keyring", "memory", "vault")
    for name in names:
        await custody.changes.store(SLOT, Secret(f"in {name}"), (HERE,), name)
        assert [each.store for each in custody.holdings.of(wanted())] == [name]
        for each in names:
            kept = await stores.read(each, SLOT)
            assert (kept is not None) == (each == name)
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
    await custody.stores.delete("keyring", SLOT)


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
    assert await custody.stores.read("vault", SLOT) is None
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
    assert await restarted.stores.read("vault", Slot("mine", "second")) is None


async def test_what_another_sidecar_has_changed_is_seen_when_the_list_is_read_anew(
    database: Database,
) -> None:
    first = await in_a_vault(database)
    second = await again(database)
    assert await used(second) == "the-key-itself"
    await second.changes.store(Slot("mine", "m"), Secret("of this run"), (HERE,), "memory")
    await first.changes.store(SLOT, Secret("another"), (HERE,), "vault")
    await first.changes.store(Slot("mine", "b"), Secret("one more"), (HERE,), "vault")
    await second.holdings.refresh()
    assert [each.slot.key_id for each in second.holdings.of(wanted())] == ["m", "b", "default"]
    entry = second.holdings.entry(SLOT)
    assert entry is not None
    assert (await second.open(entry, wanted(), None)).reveal() == "another"
    await first.changes.delete(SLOT)
    await second.holdings.refresh()
    assert [each.slot.key_id for each in second.holdings.of(wanted())] == ["m", "b"]


async def test_a_key_is_known_again_after_a_restart_before_it_is_read(database: Database) -> None:
    await in_a_vault(database, "the-very-key-that-was-kept")
    custody = keeper(database)
    assert custody.holdings.is_unread(["a word", "the-very-key-that-was-kept"])
    assert not custody.holdings.is_unread(["the-very-key-that-was-kep", "kept"])
    await custody.vault.unlock(PASSWORD)
    await used(custody)
    assert not custody.holdings.is_unread(["the-very-key-that-was-kept"]), "it is known by itself"


async def test_where_the_list_cannot_be_read_that_is_said_and_not_that_there_is_no_key(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_a_vault(database)
    whole = file_of(database).read_bytes()
    file_of(database).write_bytes(b"x" * 5000)
    custody = keeper(database)
    with pytest.raises(StorageError, match="can't be read") as told:
        custody.choose(wanted())
    assert "backup" in told.value.hint
    assert custody.choose(wanted(required=False)) == []
    monkeypatch.setenv("MINE_API_KEY", "of the environment")
    assert await used(custody) == "of the environment"
    monkeypatch.delenv("MINE_API_KEY")
    file_of(database).write_bytes(whole)
    await custody.holdings.refresh()
    await custody.vault.unlock(PASSWORD)
    assert await used(custody) == "the-key-itself"


async def test_no_key_is_in_what_is_said_of_it(database: Database) -> None:
    custody = await in_a_vault(database)
    await used(custody)
    shown = f"{custody.holdings.of(wanted())} {vars(custody.holdings)} {vars(custody)}"
    assert "the-key-itself" not in shown


async def test_wrong_passwords_are_told_and_other_failures_are_none(database: Database) -> None:
    notices: list[SecurityNotice] = []
    custody = keeper(database, notices=notices)
    for _ in range(4):
        with pytest.raises(AIError):
            await custody.vault.unlock(PASSWORD)  # there is none
        with pytest.raises(AIError):
            await custody.vault.change_password(None, PASSWORD)
    assert notices == []
    await custody.vault.create(PASSWORD)
    for _ in range(2):
        with pytest.raises(KeyStoreLocked):
            await custody.vault.unlock(Secret("wrong"))
    with pytest.raises(KeyStoreLocked):
        await custody.vault.change_password(Secret("wrong"), PASSWORD)
    assert [(each.kind, each.count) for each in notices] == [("unlock_failures", 3)]


async def test_a_list_that_cannot_be_read_is_told_at_the_start(database: Database) -> None:
    await in_a_vault(database)
    by_hand(database, "UPDATE keys SET origins = 'x'")
    assert len(keeper(database).holdings.load()) == 1
    by_hand(database, "PRAGMA user_version = 999")
    [told] = keeper(database).holdings.load()
    assert "newer version" in told


async def test_a_key_that_was_replaced_in_memory_meanwhile_is_tried_after_a_refusal(
    database: Database,
) -> None:
    custody = keeper(database, "memory")
    entry = await custody.changes.store(SLOT, Secret("the old one"), (HERE,), None)
    refused = await custody.open(entry, wanted(), None)
    assert await custody.read_again(entry, refused, wanted(), None) is None
    await custody.changes.store(SLOT, Secret("the new one"), (HERE,), None)
    assert await custody.read_again(entry, refused, wanted(), None) == Secret("the new one")


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
        assert await restarted.stores.read("vault", SLOT) is None


async def test_a_setting_that_nobody_here_has_written_keeps_no_key_from_being_read(
    database: Database,
) -> None:
    await in_a_vault(database)
    for name in ("leftover:vault", "leftover:vault:a", "leftover:vault:a:b:c", "leftover:"):
        by_hand(database, "INSERT INTO settings VALUES (?, x'')", name)
    assert await used(await again(database)) == "the-key-itself"
