"""A key on its way out of its store: read once, for all who ask, and forgotten when it must be."""

from __future__ import annotations

import threading

import anyio
import pytest

from sidecar.errors import KeyNotFound, KeyStoreLocked
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoredKey
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, in_a_vault, keeper, used, wanted
from tests.keys.vaults import HERE, PASSWORD, by_hand
from tests.providers.sidecars import LIMIT_S

pytestmark = pytest.mark.anyio


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


async def test_a_key_that_was_replaced_in_memory_meanwhile_is_tried_after_a_refusal(
    database: Database,
) -> None:
    custody = keeper(database, "memory")
    entry = await custody.changes.store(SLOT, Secret("the old one"), (HERE,), None)
    refused = await custody.open(entry, wanted(), None)
    assert await custody.read_again(entry, refused, wanted(), None) is None
    await custody.changes.store(SLOT, Secret("the new one"), (HERE,), None)
    assert await custody.read_again(entry, refused, wanted(), None) == Secret("the new one")


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
        assert gate.wait(LIMIT_S)
        return stored

    vault.read = slowly  # type: ignore[method-assign] # the moment between reading and returning
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(custody.open, entry, wanted(), None)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(custody.vault.lock)
        await anyio.wait_all_tasks_blocked()
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


@pytest.mark.usefixtures("keyring_here")
async def test_a_key_that_another_sidecar_has_moved_is_found_where_it_is_now(
    database: Database,
) -> None:
    first = await in_a_vault(database)
    second = await again(database)
    await first.changes.store(SLOT, Secret("in the keyring now"), (HERE,), "keyring")
    assert await used(second) == "in the keyring now"
    assert await used(await again(database)) == "in the keyring now"
    assert await first.changes.delete(SLOT)


async def test_a_setting_that_nobody_here_has_written_keeps_no_key_from_being_read(
    database: Database,
) -> None:
    await in_a_vault(database)
    for name in ("leftover:vault", "leftover:vault:a", "leftover:vault:a:b:c", "leftover:"):
        by_hand(database, "INSERT INTO settings VALUES (?, x'')", name)
    assert await used(await again(database)) == "the-key-itself"


async def test_no_key_is_in_what_is_said_of_it(database: Database) -> None:
    custody = await in_a_vault(database)
    await used(custody)
    shown = f"{custody.holdings.of(wanted())} {vars(custody.holdings)} {vars(custody)}"
    assert "the-key-itself" not in shown
