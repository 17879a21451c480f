"""The keeper of all keys: which of them serves a request, and where it may go."""

from __future__ import annotations

import pytest

from sidecar.errors import KeyNotFound, KeyOriginMismatch, KeyStoreCorrupt
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.keys.watch import BURST_FLOOR, SecurityNotice
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, in_a_vault, keeper, used, wanted
from tests.keys.vaults import HERE, PASSWORD, THERE, by_hand
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio

# --- which one -----------------------------------------------------------------------------------


async def test_memory_goes_before_keyring_before_vault_before_environment(
    database: Database, keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    del keyring_here
    custody = keeper(database)
    await custody.vault.create(PASSWORD)
    with pytest.raises(KeyNotFound, match="Mine"):
        custody.choose(wanted())
    found = []
    monkeypatch.setenv("MINE_API_KEY", "in the environment")
    found.append(await used(custody))
    await custody.changes.store(Slot("mine", "v"), Secret("in the vault"), (HERE,), "vault")
    found.append(await used(custody))
    await custody.changes.store(Slot("mine", "k"), Secret("in the keyring"), (HERE,), None)
    found.append(await used(custody))
    await custody.changes.store(Slot("mine", "m"), Secret("in memory"), (HERE,), "memory")
    found.append(await used(custody))
    assert found == ["in the environment", "in the vault", "in the keyring", "in memory"]
    order = [each.store for each in custody.holdings.of(wanted())]
    assert order == ["memory", "keyring", "vault", "environment"]
    other = keeper(database, "environment", "vault", "keyring")
    await other.vault.unlock(PASSWORD)
    assert await used(other) == "in the environment"
    alone = keeper(database, "vault")
    await alone.vault.unlock(PASSWORD)
    assert [each.store for each in alone.holdings.of(wanted())] == ["vault"]
    await custody.changes.delete(Slot("mine", "k"))


async def test_a_key_for_this_address_goes_before_one_that_is_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    custody = await in_a_vault(database)
    await custody.changes.store(SLOT, Secret("for there"), (THERE,), None)
    monkeypatch.setenv("MINE_API_KEY", "for here")
    assert await used(custody) == "for here"
    assert await used(custody, THERE) == "for there"


async def test_a_provider_that_needs_no_key_gets_none_where_there_is_none(
    database: Database,
) -> None:
    custody = keeper(database)
    assert custody.choose(wanted(required=False)) == []
    assert custody.fits(wanted(required=False))
    assert not custody.fits(wanted())
    await custody.changes.store(SLOT, Secret("for there"), (THERE,), "memory")
    assert not custody.fits(wanted(required=False)), "one that has another's key needs care"
    with pytest.raises(KeyOriginMismatch):
        custody.choose(wanted(required=False))


async def test_an_environment_key_is_read_anew_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    custody = keeper(database)
    for text in ("one", "two"):
        monkeypatch.setenv("MINE_API_KEY", text)
        assert await used(custody) == text
    [entry] = custody.choose(wanted())
    monkeypatch.delenv("MINE_API_KEY")
    with pytest.raises(KeyNotFound, match="not set any more"):
        await custody.open(entry, wanted(), None)
    with pytest.raises(KeyNotFound, match="no API key"):
        custody.choose(wanted())


async def test_keys_of_one_store_take_turns_while_one_rests(database: Database) -> None:
    custody = keeper(database, "memory")
    for name in "abc":
        await custody.changes.store(Slot("mine", name), Secret(f"key {name}"), (HERE,), None)
    assert [each.slot.key_id for each in custody.choose(wanted())] == ["a", "b", "c"]
    first, second, third = custody.choose(wanted())
    custody.rest(first, 60_000)
    assert [each.slot.key_id for each in custody.choose(wanted())] == ["b", "c", "a"]
    custody.rest(second, 30_000)
    assert [each.slot.key_id for each in custody.choose(wanted())] == ["c", "b", "a"]
    custody.rest(third, 10_000_000_000)
    assert [each.slot.key_id for each in custody.choose(wanted())] == ["b", "a", "c"]
    assert custody._resting[third] - custody._resting[first] <= 3600, "an hour at most"
    for each in (first, second, third):
        custody.rest(each, 0)
    assert [each.slot.key_id for each in custody.choose(wanted())] == ["a", "b", "c"]


# --- where it may go -----------------------------------------------------------------------------


async def test_a_key_goes_to_the_address_that_it_was_entered_for_and_nowhere_else(
    database: Database,
) -> None:
    notices: list[SecurityNotice] = []
    await in_a_vault(database)
    custody = await again(database, notices)
    assert await used(custody) == "the-key-itself"
    with pytest.raises(KeyOriginMismatch, match="no request was sent") as refused:
        custody.choose(wanted(THERE), "e2")
    assert HERE in refused.value.hint
    assert [(each.kind, each.origin) for each in notices] == [("origin_mismatch", THERE)]
    assert not custody.fits(wanted(THERE))
    assert await used(custody) == "the-key-itself", "back again it works"
    await custody.changes.store(SLOT, Secret("entered again"), (THERE,), None)
    assert await used(custody, THERE) == "entered again"
    [newest, *_] = [
        each.event
        for each in await custody.oversight.audit.events(before=None, limit=100, provider="mine")
        if each.event.event == "refuse"
    ]
    assert (newest.origin, newest.result, newest.execution_id) == (
        THERE, "key_origin_mismatch", "e2",
    )  # fmt: skip


async def test_origins_that_were_widened_in_the_list_are_not_those_that_count(
    database: Database,
) -> None:
    await in_a_vault(database)
    by_hand(database, "UPDATE keys SET origins = ?", f'["{HERE}","{THERE}"]')
    notices: list[SecurityNotice] = []
    custody = await again(database, notices)
    [entry] = custody.choose(wanted(THERE))
    with pytest.raises(KeyOriginMismatch):
        await custody.open(entry, wanted(THERE), "e1")
    assert [each.kind for each in notices] == ["origin_mismatch"]
    assert await used(custody) == "the-key-itself"


async def test_origins_that_were_widened_in_the_vault_make_the_key_unusable(
    database: Database,
) -> None:
    await in_a_vault(database)
    for table in ("keys", "secrets"):
        by_hand(database, f"UPDATE {table} SET origins = ?", f'["{HERE}","{THERE}"]')  # noqa: S608 - its own words
    custody = await again(database)
    for origin in (HERE, THERE):
        with pytest.raises(KeyStoreCorrupt, match="not used"):
            await used(custody, origin)


async def test_a_row_that_speaks_for_the_environment_does_not_send_its_key_elsewhere(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_a_vault(database)
    monkeypatch.setenv("MINE_API_KEY", "of the environment")
    by_hand(database, "UPDATE keys SET store = 'environment', origins = ?", f'["{THERE}"]')
    custody = keeper(database)
    with pytest.raises(KeyOriginMismatch):
        custody.choose(wanted(THERE))
    assert await used(custody) == "of the environment"
    [entry] = custody.choose(wanted())
    with pytest.raises(KeyOriginMismatch):
        await custody.open(entry, wanted(THERE), None)


async def test_a_key_that_goes_somewhere_new_is_told_and_so_is_a_burst(database: Database) -> None:
    notices: list[SecurityNotice] = []
    custody = keeper(database, "memory", notices=notices)
    entry = await custody.changes.store(SLOT, Secret("a key"), (HERE, THERE), None)
    custody.oversight.used(entry, HERE, "e1", "ok")
    assert notices == []
    custody.oversight.used(entry, THERE, "e2", "ok")
    assert [(each.kind, each.origin) for each in notices] == [("new_origin", THERE)]
    for _ in range(BURST_FLOOR):
        custody.oversight.used(entry, HERE, None, "ok")
    assert [each.kind for each in notices] == ["new_origin", "burst"]


async def test_what_was_usual_in_earlier_runs_is_known_again(database: Database) -> None:
    first = await in_a_vault(database)
    first.oversight.used(first.choose(wanted())[0], HERE, "e1", "ok")
    await first.oversight.audit.flush()
    for recalls, told in ((False, []), (True, ["new_origin"])):
        notices: list[SecurityNotice] = []
        later = await again(database, notices)
        if recalls:
            await later.oversight.recall()
        entry = await later.changes.store(SLOT, Secret("for-another-host"), (THERE,), "memory")
        later.oversight.used(entry, THERE, "e2", "ok")
        assert [each.kind for each in notices] == told
