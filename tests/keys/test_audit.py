"""Events are written off everybody's way, sealed when they can be, and what fails is told."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from sidecar.errors import KeyStoreCorrupt, StorageError
from sidecar.keys.chain import Chain
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.chains import KEY, SLOT, KeptSeals, NoSeals, after, an_audit, written_anew
from tests.keys.vaults import by_hand, file_of

pytestmark = pytest.mark.anyio


async def test_what_is_recorded_is_read_newest_first(database: Database) -> None:
    audit = an_audit(database, NoSeals())
    audit.record("store", "ok", SLOT, store="vault", origin="https://a.example:443")
    audit.record("use", "timeout", SLOT, origin="https://a.example:443", execution_id="e1")
    audit.record("lock_vault", store="vault")
    found = await audit.events(before=None, limit=10, provider=None)
    assert [(each.seq, each.event.event, each.event.result) for each in found] == [
        (3, "lock_vault", "ok"), (2, "use", "timeout"), (1, "store", "ok"),
    ]  # fmt: skip
    assert (found[1].event.execution_id, found[1].event.key_id) == ("e1", "default")
    assert found[1].event.at <= found[0].event.at
    assert [each.seq for each in await audit.events(before=3, limit=1, provider="openai")] == [2]


async def test_it_writes_by_itself(database: Database) -> None:
    audit = an_audit(database, KeptSeals())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        audit.record("use", slot=SLOT)
        with anyio.fail_after(10):
            while not Chain(database).read(None, 1, None):
                await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def test_no_secret_gets_into_an_event_and_no_word_can_hide_one(database: Database) -> None:
    secret = Secret("a-canary-of-the-audit")
    word = Secret("target")  # somebody enters the name of a provider as a key
    audit = an_audit(database, NoSeals())
    for name in (f"e-{secret.reveal()}", "sk-conversation-17-is-no-key"):
        audit.record("use", "ok", Slot(word.reveal(), "default"), execution_id=name)
    await audit.flush()
    assert secret.reveal().encode() not in file_of(database).read_bytes()
    found = await audit.events(before=None, limit=10, provider=word.reveal())
    assert [each.event.execution_id for each in found] == [
        "sk-conversation-17-is-no-key", "e-[redacted]",
    ]  # fmt: skip


# --- the seal ------------------------------------------------------------------------------------


async def test_events_are_sealed_and_the_seal_is_kept(database: Database) -> None:
    seals = KeptSeals()
    audit = await after(an_audit(database, seals), "ok", "ok")
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 2, 2)
    assert seals.kept is not None
    assert (seals.kept.seq, seals.kept.key) == (2, KEY)
    again = await an_audit(database, seals).verify()
    assert (again.valid, again.sealed) == (True, 2)


async def test_events_from_before_the_store_was_opened_are_sealed_afterwards(
    database: Database,
) -> None:
    seals = KeptSeals(locked=True)
    audit = await after(an_audit(database, seals), "ok", "ok", "ok")
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 3, 0)
    seals.locked = False
    audit.store_opened()
    await after(audit, "ok")
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 4, 4)


async def test_an_event_that_is_written_while_the_seal_is_found_is_sealed(
    database: Database,
) -> None:
    audit = an_audit(database, KeptSeals())
    audit.record("use", slot=SLOT)
    await audit.flush()
    for _ in range(20):
        audit._sealer.checkpoint = None
        audit._sealer.look_for_seal = True
        audit.record("use", slot=SLOT)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(audit._seal)
            tasks.start_soon(audit.flush)
        verdict = await audit.verify()
        assert (verdict.valid, verdict.sealed) == (True, verdict.events)


async def test_a_store_that_is_locked_before_its_seal_was_taken_into_use_is_no_failure(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    seals = KeptSeals(Checkpoint(KEY))
    audit = an_audit(database, seals, told)
    reading = seals.read

    async def read_and_locked(*, search: bool) -> Checkpoint | None:
        found = await reading(search=search)
        seals.locked = True
        return found

    with monkeypatch.context() as patch:
        patch.setattr(seals, "read", read_and_locked)
        await after(audit, "ok")
    assert told == []
    seals.locked = False
    audit.store_opened()
    await after(audit, "ok")
    verdict = await audit.verify()
    assert (verdict.valid, verdict.sealed, told) == (True, 2, [])


async def test_where_there_is_no_key_store_the_chain_is_kept_all_the_same(
    database: Database,
) -> None:
    told: list[str] = []
    audit = await after(an_audit(database, NoSeals(), told), "ok", "ok")
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events, verdict.sealed, told) == (True, 2, 0, [])


async def test_the_seal_is_not_written_for_every_event_but_at_the_end(database: Database) -> None:
    seals = KeptSeals()
    audit = await after(an_audit(database, seals), "ok")
    writes = seals.writes
    for _ in range(20):
        await after(audit, "ok")
    assert seals.writes == writes
    await audit.flush(closing=True)
    assert seals.kept is not None
    assert seals.kept.seq == 21


async def test_a_store_that_is_asked_and_does_not_answer_keeps_no_event_from_being_written(
    database: Database,
) -> None:
    asked = anyio.Event()

    class Hanging(KeptSeals):
        async def read(self, *, search: bool) -> None:
            del search
            asked.set()
            await anyio.sleep_forever()

    audit = an_audit(database, Hanging())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(audit.run)
        audit.record("use", slot=SLOT)
        await asked.wait()
        audit.record("use", "timeout", SLOT)
        with anyio.fail_after(10):
            while len(Chain(database).read(None, 10, None)) < 2:
                await anyio.lowlevel.checkpoint()
        audit.record("use", "network", SLOT)
        with anyio.move_on_after(0.1):
            await audit.flush(closing=True)
        tasks.cancel_scope.cancel()
    assert [each.event.result for each in Chain(database).read(None, 10, None)] == [
        "network", "timeout", "ok",
    ]  # fmt: skip


async def test_no_key_store_is_asked_before_one_was_used(database: Database) -> None:
    seals = KeptSeals()
    audit = an_audit(database, seals)
    audit._sealer.look_for_seal = False  # as at a start
    await after(audit, "ok", "ok")
    assert seals.kept is None
    assert (await audit.verify()).sealed == 0
    assert seals.kept is None, "nor is a seal made by looking for it"
    audit.store_opened()
    await after(audit, "ok")
    assert seals.kept is not None
    assert (await audit.verify()).sealed == 3


# --- what was changed from outside ---------------------------------------------------------------


@pytest.mark.parametrize("change", ["DELETE FROM audit WHERE seq > 2", "DELETE FROM audit", "anew"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_damage_is_told_at_the_next_event_and_stays_to_be_seen(
    database: Database, change: str, *, restarted: bool
) -> None:
    seals = KeptSeals()
    told: list[str] = []
    audit = await after(an_audit(database, seals, told), *["ok"] * 5)
    await audit.flush(closing=True)
    if change == "anew":
        written_anew(database)
    else:
        by_hand(database, change)
    if restarted:
        audit = an_audit(database, seals, told)
    await after(audit, *["ok"] * 9)
    assert told
    for seen in (audit, an_audit(database, seals)):
        assert not (await seen.verify()).valid
    await audit.flush(closing=True)
    assert not (await an_audit(database, seals).verify()).valid


async def test_two_sidecars_on_one_home_write_one_chain(database: Database) -> None:
    seals = KeptSeals()
    told: list[str] = []
    both = [an_audit(database, seals, told) for _ in range(2)]
    for _ in range(5):
        async with anyio.create_task_group() as tasks:
            for audit in both:
                tasks.start_soon(after, audit, "ok", "timeout")
    for audit in (*both, an_audit(database, seals)):
        await audit.flush(closing=True)
        verdict = await audit.verify()
        assert (verdict.valid, verdict.events, verdict.sealed) == (True, 20, 20)
    assert told == []


# --- what fails ----------------------------------------------------------------------------------


async def test_what_cannot_be_written_is_told_and_what_comes_later_is_written(
    database: Database,
) -> None:
    told: list[str] = []
    audit = await after(an_audit(database, KeptSeals(), told), "ok")
    by_hand(
        database,
        "CREATE TRIGGER no BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    await after(audit, "timeout")
    assert "disk full" in told[0]
    by_hand(database, "DROP TRIGGER no")
    await after(audit, "network")
    found = await audit.events(before=None, limit=10, provider=None)
    assert [each.event.result for each in found] == ["network", "ok"]
    assert (await audit.verify()).valid


async def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    told: list[str] = []
    audit = an_audit(Database(tmp_path / "file" / "home"), KeptSeals(), told)
    await after(audit, "ok")
    assert "can't be used" in told[0]


async def test_a_flood_is_told_and_takes_no_memory(database: Database) -> None:
    told: list[str] = []
    audit = an_audit(database, NoSeals(), told)
    for _ in range(10_500):
        audit.record("use", slot=SLOT)
    assert len(audit._waiting) == 10_000
    assert len(told) == 500
    await audit.flush()
    assert (await audit.events(before=None, limit=1, provider=None))[0].seq == 10_000


async def test_a_failing_read_is_the_askers(database: Database) -> None:
    audit = await after(an_audit(database, NoSeals()), "ok")
    file_of(database).write_bytes(b"x" * 4096)
    with pytest.raises(StorageError):
        await audit.verify()
    with pytest.raises(StorageError):
        await audit.events(before=None, limit=1, provider=None)


async def test_a_seal_that_was_changed_is_told_and_events_are_written_all_the_same(
    database: Database,
) -> None:
    class Changed(KeptSeals):
        async def read(self, *, search: bool) -> None:
            del search
            message = "The audit's seal in the key store can't be read."
            raise KeyStoreCorrupt(message)

    told: list[str] = []
    audit = await after(an_audit(database, Changed(), told), "ok", "ok")
    assert told == ["The audit's seal in the key store can't be read."]
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events, verdict.sealed) == (False, 2, 0)
    assert verdict.problem == told[0]


async def test_a_bug_of_ours_ends_no_sidecar(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(KeptSeals):
        async def read(self, *, search: bool) -> None:
            del search
            message = "a bug"
            raise RuntimeError(message)

    told: list[str] = []
    audit = await after(an_audit(database, Broken(), told), "ok", "ok")
    assert told
    assert "a bug" in caplog.text
    assert len(await audit.events(before=None, limit=10, provider=None)) == 2


async def test_a_seal_that_somebody_has_taken_away_is_told_and_none_is_made_in_its_place(
    database: Database,
) -> None:
    seals = KeptSeals()
    audit = await after(await after(an_audit(database, seals), "ok", "ok"), "ok")
    await audit.flush(closing=True)
    seals.kept = None
    told: list[str] = []
    later = await after(an_audit(database, seals, told), "ok")
    assert told == ["The audit's seal is gone from the key stores."]
    verdict = await later.verify()
    assert (verdict.valid, verdict.problem) == (False, told[0])
    assert seals.kept is None
    assert (await later.begin_anew()).valid
    assert (await an_audit(database, seals).verify()).sealed == 5
