"""The chain of events: whatever is done to it, by whom it is noticed."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec
import pytest

from sidecar.errors import StorageError
from sidecar.keys.chain import Chain
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.events import AuditEvent
from sidecar.records.database import Database
from tests.keys.chains import KEY, event, events, sealed_chain, written_anew
from tests.keys.vaults import by_hand

Change = Callable[[Database], object]


@pytest.fixture
def chain(database: Database) -> Chain:
    return Chain(database)


def test_a_chain_that_nobody_touched_is_whole(database: Database, chain: Chain) -> None:
    assert chain.verify(None).valid
    assert not database.exists()
    checkpoint = sealed_chain(database)
    found = chain.verify(checkpoint)
    assert (found.valid, found.events, found.sealed, found.problem) == (True, 10, 10, None)
    without = chain.verify(None)
    assert (without.valid, without.events, without.sealed) == (True, 10, 0)


def test_events_that_came_after_the_seal_was_kept_are_no_damage(
    database: Database, chain: Chain
) -> None:
    checkpoint = sealed_chain(database)
    assert chain.append(events(11, 15), checkpoint)[1] is None
    assert chain.append(events(15, 17), None)[1] is None
    found = chain.verify(checkpoint)
    assert (found.valid, found.events, found.sealed) == (True, 16, 14)


def test_what_was_written_before_there_was_a_seal_is_sealed_by_what_comes_after(
    chain: Chain,
) -> None:
    chain.append(events(1, 6), None)
    assert chain.verify(Checkpoint(KEY)).sealed == 0
    tip, problem = chain.append(events(6, 7), Checkpoint(KEY))
    assert problem is None
    found = chain.verify(Checkpoint(KEY, tip.seq, tip.digest))
    assert (found.valid, found.sealed) == (True, 6)


def changed(column: str, value: object, seq: int = 4) -> Change:
    statement = f"UPDATE audit SET {column} = ? WHERE seq = ?"  # noqa: S608 - its own words
    return lambda database: by_hand(database, statement, value, seq)


def statement(text: str) -> Change:
    return lambda database: by_hand(database, text)


def reordered(database: Database) -> None:
    for one, other in ((4, 1000), (5, 4), (1000, 5)):
        by_hand(database, "UPDATE audit SET seq = ? WHERE seq = ?", other, one)


SEEN_BY_ANYBODY: dict[str, Change] = {
    "an event is changed": changed("event", '{"at":4,"event":"use","result":"ok"}'),
    "an event is no event": changed("event", b"\xff\xfe"),
    "an event is empty": changed("event", ""),
    "an event is given a space": statement("UPDATE audit SET event = event || ' ' WHERE seq = 4"),
    "a digest is changed": changed("digest", bytes(32)),
    "a digest is empty": changed("digest", b""),
    "an event is missing": statement("DELETE FROM audit WHERE seq = 4"),
    "the first is missing": statement("DELETE FROM audit WHERE seq = 1"),
    "many are missing": statement("DELETE FROM audit WHERE seq BETWEEN 2 AND 9"),
    "two are swapped": reordered,
    "one is inserted": statement(
        "INSERT INTO audit SELECT 11, event, digest, mac FROM audit WHERE seq = 4"
    ),
    "one is inserted before all": statement(
        "INSERT INTO audit SELECT 0, event, digest, mac FROM audit WHERE seq = 1"
    ),
    "one is inserted far below": statement(
        "INSERT INTO audit SELECT -5, event, digest, mac FROM audit WHERE seq = 1"
    ),
    "one is inserted far above": statement(
        "INSERT INTO audit SELECT 9223372036854775807, event, digest, mac FROM audit WHERE seq = 1"
    ),
    "the beginning is said to be later": statement(
        "INSERT INTO settings VALUES ('audit_base', '[4, \"AAAA\"]')"
    ),
}
SEEN_WITH_THE_SEAL: dict[str, Change] = {
    "the last is cut off": statement("DELETE FROM audit WHERE seq = 10"),
    "the end is cut off": statement("DELETE FROM audit WHERE seq > 5"),
    "all are gone": statement("DELETE FROM audit"),
    "all are written anew": written_anew,
    "the last is written anew": lambda database: (
        by_hand(database, "DELETE FROM audit WHERE seq = 10"),
        Chain(database).append([event(99)], None),
    ),
    "the beginning is cut off by the rules": lambda database: Chain(database).cut(5),
    "a seal is another": changed("mac", bytes(32)),
    "a seal is empty": changed("mac", b""),
}


@pytest.mark.parametrize("what", SEEN_BY_ANYBODY)
def test_this_is_seen_without_the_seal(database: Database, chain: Chain, what: str) -> None:
    checkpoint = sealed_chain(database)
    SEEN_BY_ANYBODY[what](database)
    for seal in (None, checkpoint):
        found = chain.verify(seal)
        assert not found.valid
        assert found.problem
        assert found.seq is not None


@pytest.mark.parametrize("what", SEEN_WITH_THE_SEAL)
def test_this_is_seen_with_the_seal_alone(database: Database, chain: Chain, what: str) -> None:
    checkpoint = sealed_chain(database)
    SEEN_WITH_THE_SEAL[what](database)
    assert chain.verify(None).valid
    found = chain.verify(checkpoint)
    assert not found.valid
    assert found.problem
    assert found.seq is not None


def test_it_says_what_is_wrong_and_where(database: Database, chain: Chain) -> None:
    checkpoint = sealed_chain(database)
    changed("event", "{}")(database)
    found = chain.verify(checkpoint)
    assert (found.seq, found.problem) == (4, "An event was changed.")
    assert found.sealed == 3
    by_hand(database, "DELETE FROM audit WHERE seq > 3")
    found = chain.verify(checkpoint)
    assert (found.seq, found.problem) == (4, "Events were cut off the end.")


def test_a_seal_that_was_taken_away_vouches_no_more_and_is_no_damage(
    database: Database, chain: Chain
) -> None:
    checkpoint = sealed_chain(database)
    by_hand(database, "UPDATE audit SET mac = NULL WHERE seq > 5")
    assert chain.verify(Checkpoint(KEY)).sealed == 5
    assert chain.verify(checkpoint).sealed == 10, "what the key store vouches for, it vouches for"


def test_with_another_seal_key_nothing_is_vouched_for(database: Database, chain: Chain) -> None:
    checkpoint = sealed_chain(database)
    other = Checkpoint(bytes(32), checkpoint.seq, checkpoint.digest)
    assert chain.verify(other).problem == "A seal is not the one that was set."


@pytest.mark.parametrize("what", ["the end is cut off", "all are gone", "all are written anew"])
def test_what_is_written_after_the_damage_does_not_hide_it(
    database: Database, chain: Chain, what: str
) -> None:
    checkpoint = sealed_chain(database)
    SEEN_WITH_THE_SEAL[what](database)
    _, problem = chain.append(events(11, 40), checkpoint)
    assert problem is not None
    assert not chain.verify(checkpoint).valid


def test_no_change_at_random_goes_unseen(database: Database, chain: Chain) -> None:
    dice = random.Random(3)  # noqa: S311 - the same changes each time
    checkpoint = sealed_chain(database)
    rows = by_hand(database, "SELECT seq, event, digest, mac FROM audit")
    for _ in range(60):
        seq, text, digest, mac = dice.choice(rows)
        column, value = dice.choice([("event", text.encode()), ("digest", digest), ("mac", mac)])
        place = dice.randrange(len(value))
        other = bytes([*value[:place], value[place] ^ 1 << dice.randrange(8), *value[place + 1 :]])
        by_hand(database, f"UPDATE audit SET {column} = ? WHERE seq = ?", other, seq)  # noqa: S608 - its own words
        assert not chain.verify(checkpoint).valid
        before = value.decode() if column == "event" else value
        by_hand(database, f"UPDATE audit SET {column} = ? WHERE seq = ?", before, seq)  # noqa: S608 - its own words
    assert chain.verify(checkpoint).valid


# --- where it begins -----------------------------------------------------------------------------


def test_a_chain_that_was_cut_by_its_rules_is_whole(database: Database, chain: Chain) -> None:
    checkpoint = sealed_chain(database)
    chain.cut(4)
    later = Checkpoint(KEY, checkpoint.seq, checkpoint.digest, base=4)
    found = chain.verify(later)
    assert (found.valid, found.events, found.sealed) == (True, 6, 10)
    assert chain.append(events(11, 12), later)[1] is None
    assert chain.verify(later).valid
    chain.cut(11)
    assert (
        chain.append(events(12, 13), Checkpoint(KEY, 11, base_digest(database), base=11))[1] is None
    )
    chain.cut(99)
    assert chain.verify(None).events == 1, "a place that is not there cuts nothing"


def base_digest(database: Database) -> bytes:
    [(value,)] = by_hand(database, "SELECT value FROM settings WHERE name = 'audit_base'")
    return msgspec.json.decode(value, type=tuple[int, bytes])[1]


def test_it_is_cut_only_when_it_is_too_long_and_then_by_a_tenth(database: Database) -> None:
    chain = Chain(database, max_events=20)
    assert chain.new_base() is None
    chain.append(events(1, 21), None)
    assert chain.new_base() is None
    chain.append(events(21, 22), None)
    assert chain.new_base() == 3
    chain.cut(3)
    assert chain.new_base() is None
    assert [each.seq for each in chain.read(None, 100, None)] == list(range(21, 3, -1))


@pytest.mark.parametrize(
    "base", ["", "x", "[]", '["a","b"]', '[-7,"AAAA"]', '[9223372036854775807,"AAAA"]', b"\xff"]
)
def test_a_beginning_that_is_nonsense_breaks_the_chain_and_nothing_else(
    database: Database, chain: Chain, base: object
) -> None:
    checkpoint = sealed_chain(database)
    by_hand(database, "INSERT INTO settings VALUES ('audit_base', ?)", base)
    by_hand(database, "DELETE FROM audit WHERE seq < 4")
    assert not chain.verify(checkpoint).valid
    assert not chain.verify(None).valid
    chain.append(events(11, 12), checkpoint)


def test_a_last_event_beyond_all_places_is_told(database: Database, chain: Chain) -> None:
    checkpoint = sealed_chain(database)
    SEEN_BY_ANYBODY["one is inserted far above"](database)
    with pytest.raises(StorageError, match="place"):
        chain.append(events(11, 12), checkpoint)


# --- reading -------------------------------------------------------------------------------------


def test_it_is_read_from_the_newest_on_page_by_page(database: Database, chain: Chain) -> None:
    assert chain.read(None, 10, None) == []
    assert not database.exists()
    chain.append(events(1, 26), None)
    found = []
    before = None
    while page := chain.read(before, 10, None):
        assert len(page) <= 10
        found += page
        before = page[-1].seq
    assert [each.seq for each in found] == list(range(25, 0, -1))
    assert [each.event.key_id for each in found[:2]] == ["k25", "k24"]


def test_one_providers_events_are_found_among_many(chain: Chain) -> None:
    for number in range(1, 61):
        chain.append([event(number, "groq" if number % 20 == 0 else "openai")], None)
    assert [each.seq for each in chain.read(None, 2, "groq")] == [60, 40]
    assert [each.seq for each in chain.read(40, 2, "groq")] == [20]
    assert chain.read(None, 2, "mistral") == []


def test_an_event_that_was_changed_into_none_is_left_out(database: Database, chain: Chain) -> None:
    chain.append(events(1, 4), None)
    changed("event", b"\xff", seq=2)(database)
    assert [each.seq for each in chain.read(None, 10, None)] == [3, 1]


def test_an_event_is_kept_as_it_was(chain: Chain) -> None:
    told = AuditEvent(
        at=5,
        event="refuse",
        result="key_origin_mismatch",
        provider="openai",
        key_id="default",
        store="vault",
        origin="https://evil.example:443",
        execution_id="e1",
    )
    chain.append([told], None)
    assert chain.read(None, 1, None)[0].event == told
