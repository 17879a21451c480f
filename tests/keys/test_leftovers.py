"""Old copies of keys that could not be taken away when they were replaced."""

from __future__ import annotations

import pytest

from sidecar.errors import AIError
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, in_a_vault, keeper, used
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
    assert await custody.stores.read("keyring", SLOT) is not None


async def test_it_is_taken_away_when_its_store_is_used_again_also_in_a_later_run(
    database: Database, keyring_here: SecretService
) -> None:
    await moved_while_locked(database, keyring_here)
    later = await again(database)
    assert await used(later) == "the new one"
    other = Slot("mine", "other")
    await later.changes.store(other, Secret("another"), (HERE,), "keyring")
    assert await later.stores.read("keyring", SLOT) is None
    assert await later.stores.read("vault", SLOT) is not None
    await later.changes.delete(other)


async def test_reading_a_key_is_a_use_of_its_store(
    database: Database, keyring_here: SecretService
) -> None:
    other = Slot("theirs", "default")
    await keeper(database).changes.store(other, Secret("another"), (HERE,), "keyring")
    await moved_while_locked(database, keyring_here)
    later = await again(database)
    entry = later.holdings.entry(other)
    assert entry is not None
    await later._read(entry, None)
    assert await later.stores.read("keyring", SLOT) is None
    await later.changes.delete(other)


async def test_what_was_set_there_anew_is_no_leftover(
    database: Database, keyring_here: SecretService
) -> None:
    await moved_while_locked(database, keyring_here)
    later = await again(database)
    await later.changes.store(SLOT, Secret("in the keyring again"), (HERE,), "keyring")
    await later.changes.store(Slot("mine", "other"), Secret("another"), (HERE,), "keyring")
    assert await used(later) == "in the keyring again"
    assert await used(await again(database)) == "in the keyring again"
    for name in ("default", "other"):
        await later.changes.delete(Slot("mine", name))


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
