"""A chain of events that grows too long loses its beginning, and nobody cries wolf."""

from __future__ import annotations

import pytest

from sidecar.records.database import Database
from tests.keys.chains import KeptSeals, NoSeals, after, an_audit
from tests.keys.vaults import by_hand

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


async def test_without_a_key_store_it_is_cut_all_the_same(database: Database) -> None:
    audit = an_audit(database, NoSeals(), most=20)
    await after(audit, *["ok"] * 30)
    verdict = await audit.verify()
    assert (verdict.valid, verdict.events) == (True, 18)
