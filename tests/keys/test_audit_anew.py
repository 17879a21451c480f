"""A record that does not fit its seal stays so until a person says otherwise."""

from __future__ import annotations

import pytest

from sidecar.errors import KeyStoreLocked
from sidecar.records.database import Database
from tests.keys.chains import KeptSeals, NoSeals, after, an_audit
from tests.keys.vaults import by_hand, file_of

pytestmark = pytest.mark.anyio


async def a_restored_backup(database: Database, seals: KeptSeals) -> None:
    """Put back a file that is whole in itself, and older than what was vouched for."""
    audit = await after(an_audit(database, seals), *["ok"] * 3)
    await audit.flush(closing=True)
    backup = file_of(database).read_bytes()
    await after(audit, *["ok"] * 3)
    await audit.flush(closing=True)
    file_of(database).write_bytes(backup)


async def test_who_has_put_back_a_backup_may_begin_anew(database: Database) -> None:
    seals = KeptSeals()
    await a_restored_backup(database, seals)
    audit = an_audit(database, seals)
    assert not (await audit.verify()).valid
    verdict = await audit.begin_anew()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 4, 4)
    [newest, *older] = await audit.events(before=None, limit=10, provider=None)
    assert newest.event.event == "begin_anew"
    assert len(older) == 3, "what was whole stays"
    again = await after(an_audit(database, seals), "ok")
    assert (await again.verify()).valid
    by_hand(database, "DELETE FROM audit WHERE seq = 4")
    assert not (await an_audit(database, seals).verify()).valid, "and it is watched again"


async def test_what_is_broken_in_itself_stays_in_the_file_behind_which_it_begins_anew(
    database: Database,
) -> None:
    seals = KeptSeals()
    audit = await after(an_audit(database, seals), *["ok"] * 5)
    by_hand(database, "DELETE FROM audit WHERE seq = 2")
    assert not (await audit.verify()).valid
    verdict = await audit.begin_anew()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 1, 5)
    assert by_hand(database, "SELECT count(*) FROM audit_before") == [(4,)]
    assert (await an_audit(database, seals).verify()).valid


async def test_without_its_seal_it_does_not_begin_anew(database: Database) -> None:
    seals = KeptSeals()
    await a_restored_backup(database, seals)
    seals.locked = True
    with pytest.raises(KeyStoreLocked):
        await an_audit(database, seals).begin_anew()
    seals.locked = False
    assert not (await an_audit(database, seals).verify()).valid


async def test_where_there_was_never_a_key_store_it_begins_anew_without(database: Database) -> None:
    audit = await after(an_audit(database, NoSeals()), "ok", "ok")
    by_hand(database, "UPDATE audit SET event = '{}' WHERE seq = 1")
    assert not (await audit.verify()).valid
    assert (await audit.begin_anew()).valid


@pytest.mark.parametrize("place", [2**62, 2**62 - 1, 2**63 - 1, -5])
async def test_a_place_that_nobody_here_has_given_is_no_reason_not_to(
    database: Database, place: int
) -> None:
    seals = KeptSeals()
    await after(an_audit(database, seals), *["ok"] * 3)
    by_hand(database, "INSERT INTO audit VALUES (?, '{}', x'00', NULL)", place)
    audit = an_audit(database, seals)
    assert not (await audit.verify()).valid
    verdict = await audit.begin_anew()
    assert (verdict.valid, verdict.events) == (True, 4)
    assert (await (await after(an_audit(database, seals), "ok")).verify()).valid


async def test_a_seal_that_is_lost_is_replaced_and_what_is_whole_stays(database: Database) -> None:
    seals = KeptSeals()
    await (await after(await after(an_audit(database, seals), "ok"), "ok")).flush(closing=True)
    seals.kept = None
    audit = an_audit(database, seals)
    assert not (await audit.verify()).valid
    verdict = await audit.begin_anew()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 3, 3)
    assert (await an_audit(database, seals).verify()).valid


async def test_a_sidecar_in_doubt_does_not_write_over_what_somebody_else_has_begun(
    database: Database,
) -> None:
    seals = KeptSeals()
    running = await after(an_audit(database, seals), *["ok"] * 3)
    backup = file_of(database).read_bytes()
    await after(running, *["ok"] * 3)
    file_of(database).write_bytes(backup)
    await after(running, "ok")
    assert (await an_audit(database, seals).begin_anew()).valid
    await running.flush(closing=True)
    assert (await an_audit(database, seals).verify()).valid


async def test_an_idle_sidecar_does_not_put_an_older_seal_back(database: Database) -> None:
    seals = KeptSeals()
    idle = await after(an_audit(database, seals), "ok")
    busy = await after(an_audit(database, seals), *["ok"] * 8)
    await busy.flush(closing=True)
    by_hand(database, "DELETE FROM audit WHERE seq > 3")
    await idle.flush(closing=True)
    verdict = await an_audit(database, seals).verify()
    assert (verdict.valid, verdict.problem) == (False, "Events were cut off the end.")


async def test_an_idle_sidecar_goes_on_from_what_another_has_cut_and_begun_anew(
    database: Database,
) -> None:
    seals = KeptSeals()
    told: list[str] = []
    idle = await after(an_audit(database, seals, told), "ok")
    busy = an_audit(database, seals, most=20)
    for _ in range(10):
        await after(busy, *["ok"] * 5)
    await busy.flush(closing=True)
    await after(idle, "ok")
    assert (await idle.verify()).valid
    seals.kept = None
    assert (await an_audit(database, seals).begin_anew()).valid
    await after(idle, "ok")
    await idle.flush(closing=True)
    assert (await an_audit(database, seals).verify()).valid
    assert told == []
