"""The vault's door: what is forgotten when it is locked, and when it locks by itself."""

from __future__ import annotations

import threading

import anyio
import pytest

from sidecar.errors import AIError, KeyStoreLocked
from sidecar.keys.secret import Secret
from sidecar.keys.vault import Rewrapped
from sidecar.keys.watch import SecurityNotice
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, in_a_vault, keeper, used
from tests.keys.vaults import HERE, OTHER, PASSWORD, file_of
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio


async def test_locking_forgets_what_was_read(database: Database) -> None:
    custody = await in_a_vault(database)
    assert await used(custody) == "the-key-itself"
    await custody.vault.lock()
    assert custody.holdings.opened(SLOT) is None
    with pytest.raises(KeyStoreLocked):
        await used(custody)


@pytest.mark.parametrize("opening", ["create", "unlock", "change"])
async def test_it_locks_by_itself_however_it_was_opened(database: Database, opening: str) -> None:
    if opening != "create":
        await keeper(database).vault.create(PASSWORD)
    custody = keeper(database, lock_after_s=0.05)
    if opening == "create":
        await custody.vault.create(PASSWORD)
    elif opening == "unlock":
        await custody.vault.unlock(PASSWORD)
    else:
        await custody.vault.change_password(PASSWORD, OTHER)
    assert (await custody.stores.state("vault")).state == "ready"
    with anyio.fail_after(10):
        while (await custody.stores.state("vault")).state != "locked":
            await anyio.lowlevel.checkpoint()
    events = await custody.oversight.audit.events(before=None, limit=1, provider=None)
    assert [each.event.event for each in events] == ["lock_vault"]


@pytest.mark.parametrize("by", ["a use", "a new key"])
async def test_the_time_begins_anew_with_each_use_and_ends_with_the_lock(
    database: Database, by: str
) -> None:
    custody = keeper(database, lock_after_s=3600)
    await custody.vault.create(PASSWORD)
    await custody.changes.store(SLOT, Secret("the-key-itself"), (HERE,), "vault")
    first = custody.vault._locking
    assert first is not None
    if by == "a use":
        await used(custody)
    else:
        await custody.changes.store(SLOT, Secret("another-key"), (HERE,), "vault")
    second = custody.vault._locking
    assert second is not None
    assert first.cancelled()
    assert second.when() >= first.when()
    await custody.vault.lock()
    assert second.cancelled()
    assert custody.vault._locking is None


async def test_what_was_asked_before_a_lock_does_not_open_it_again(database: Database) -> None:
    await in_a_vault(database)
    custody = keeper(database)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(custody.vault.unlock, PASSWORD)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(custody.vault.lock)
    assert (await custody.stores.state("vault")).state == "locked"


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


async def test_locking_what_is_locked_is_no_event(database: Database) -> None:
    custody = await in_a_vault(database)
    for _ in range(100):
        await custody.vault.lock()
    for _ in range(100):
        with pytest.raises(AIError):
            await keeper(Database(file_of(database).parent / "none")).vault.unlock(PASSWORD)
    events = await custody.oversight.audit.events(before=None, limit=100, provider=None)
    assert [each.event.event for each in events].count("lock_vault") == 1


@pytest.mark.parametrize("locked_meanwhile", [False, True])
async def test_what_is_done_too_late_is_as_if_it_had_not_been(
    database: Database, monkeypatch: pytest.MonkeyPatch, *, locked_meanwhile: bool
) -> None:
    custody = await in_a_vault(database)
    thread = custody.stores._threads["vault"]
    monkeypatch.setattr(thread, "_patience_s", 0.05)
    gate = threading.Event()
    vault = custody.stores.vault
    really = vault.change_password

    def slowly(password: Secret | None, new: Secret | None) -> Rewrapped:
        gate.wait(10)
        return really(password, new)

    monkeypatch.setattr(vault, "change_password", slowly)
    with pytest.raises(KeyStoreLocked, match="does not answer"):
        await custody.vault.change_password(PASSWORD, OTHER)
    if locked_meanwhile:
        await custody.vault.lock()
    gate.set()
    with anyio.fail_after(10):
        while thread.stuck:
            await anyio.lowlevel.checkpoint()
    monkeypatch.undo()
    custody.holdings.forget(SLOT)
    if locked_meanwhile:
        with pytest.raises(KeyStoreLocked, match="locked"):
            await used(custody)
    else:
        assert await used(custody) == "the-key-itself", "it was open, and is"
    with pytest.raises(KeyStoreLocked, match="wrong"):
        await custody.vault.unlock(OTHER)
    await custody.vault.unlock(PASSWORD)
    assert await used(custody) == "the-key-itself"


async def test_a_keyring_that_hangs_does_not_keep_a_vault_from_opening(
    database: Database, keyring_here: SecretService
) -> None:
    custody = await in_a_vault(database)
    with keyring_here.frozen():
        with pytest.raises(KeyStoreLocked, match="keyring does not answer"):
            await custody.vault.change_password(PASSWORD, None)
        with anyio.fail_after(5):
            await custody.vault.lock()
            await custody.vault.unlock(PASSWORD)
            assert await used(custody) == "the-key-itself"
