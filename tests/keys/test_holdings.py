"""The list of keys in memory, beside the one in sidecar.db that others change and damage."""

from __future__ import annotations

import anyio
import pytest

from sidecar.errors import StorageError
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, in_a_vault, keeper, used, wanted
from tests.keys.vaults import HERE, PASSWORD, by_hand, file_of

pytestmark = pytest.mark.anyio


async def test_a_key_that_is_deleted_while_the_list_is_read_is_gone(database: Database) -> None:
    for _ in range(20):
        custody = await in_a_vault(Database(file_of(database).parent / "homes" / str(_)))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(custody.holdings.refresh)
            tasks.start_soon(custody.changes.delete, SLOT)
            tasks.start_soon(custody.holdings.refresh)
        assert custody.holdings.of(wanted()) == []
        assert custody.holdings.opened(SLOT) is None


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


async def test_a_list_that_cannot_be_read_is_told_at_the_start(database: Database) -> None:
    await in_a_vault(database)
    by_hand(database, "UPDATE keys SET origins = 'x'")
    assert len(keeper(database).holdings.load()) == 1
    by_hand(database, "PRAGMA user_version = 999")
    [told] = keeper(database).holdings.load()
    assert "newer version" in told
