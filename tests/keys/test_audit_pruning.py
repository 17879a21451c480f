"""A chain of events that grows too long loses its beginning, and nobody cries wolf."""

from __future__ import annotations

import pytest

from sidecar.keys.chain import Chain
from sidecar.keys.events import AuditEvent
from sidecar.records.database import Database
from tests.keys.chains import KeptSeals, NoSeals, after, an_audit
from tests.keys.vaults import by_hand

TOO_MUCH = "so much happened within a week that the oldest events are cut off."
pytestmark = pytest.mark.anyio


async def test_a_chain_that_is_too_long_loses_its_beginning_and_stays_whole(
    database: Database,
) -> None:
    seals = KeptSeals()
    audit = an_audit(database, seals, most=20)
    for _ in range(7):
        await after(audit, *["ok"] * 5)
    verdict = await audit.verify()
    assert verdict.valid, verdict
    assert verdict.events <= 20 + 5
    found = await audit.events(before=None, limit=100, provider=None)
    assert found[0].seq == 35
    assert found[-1].seq > 5
    again = an_audit(database, seals, most=20)
    assert (await again.verify()).valid, "after a restart, too"
    by_hand(database, "DELETE FROM audit WHERE seq = (SELECT MIN(seq) FROM audit)")
    assert not (await again.verify()).valid


async def test_it_is_not_cut_where_the_seal_would_deny_it(database: Database) -> None:
    seals = KeptSeals()
    audit = await after(an_audit(database, seals, most=20), "ok")
    await audit.flush(closing=True)
    seals.locked = True
    for running in (audit, an_audit(database, seals, most=20)):
        await after(running, *["ok"] * 30)
    seals.locked = False
    again = an_audit(database, seals, most=20)
    assert (await again.verify()).valid
    await after(again, "ok")
    verdict = await again.verify()
    assert (verdict.valid, verdict.events) == (True, 19)


async def test_that_events_of_this_week_are_cut_is_told_and_of_older_ones_not(
    database: Database,
) -> None:
    told: list[str] = []
    await after(an_audit(database, NoSeals(), told, most=20), *["ok"] * 30)
    assert told == [TOO_MUCH]
    old = AuditEvent(at=1, event="use", result="ok")
    Chain(database).append([old] * 30, None)
    await after(an_audit(database, NoSeals(), told, most=20), "ok")
    assert told == [TOO_MUCH]


async def test_without_a_key_store_it_is_cut_all_the_same(database: Database) -> None:
    audit = an_audit(database, NoSeals(), most=20)
    await after(audit, *["ok"] * 30)
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events) == (True, 18)


async def test_what_another_sidecar_has_cut_is_no_theft(database: Database) -> None:
    seals = KeptSeals()
    told: list[str] = []
    idle = await after(an_audit(database, seals, told, most=20), "ok")
    busy = an_audit(database, seals, told, most=20)
    await after(busy, *["ok"] * 15)
    await after(idle, "ok")
    await after(busy, *["ok"] * 15)
    for audit in (idle, busy, an_audit(database, seals, told, most=20)):
        await after(audit, "ok")
        verdict = await audit.verify()
        assert verdict.valid, verdict
    assert set(told) == {TOO_MUCH}
    by_hand(database, "DELETE FROM audit WHERE seq = (SELECT MIN(seq) FROM audit)")
    assert not (await idle.verify()).valid


async def test_before_it_is_cut_its_seal_is_looked_for(database: Database) -> None:
    seals = KeptSeals()
    await (await after(an_audit(database, seals, most=20), "ok")).flush(closing=True)
    later = an_audit(database, seals, most=20)
    later._sealer.look_for_seal = False  # no key store was used in this run
    await after(later, *["ok"] * 30)
    verdict = await later.verify()
    assert (verdict.valid, verdict.events, verdict.sealed) == (True, 18, 31)
