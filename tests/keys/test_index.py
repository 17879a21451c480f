"""Which keys there are: a list in sidecar.db that has no key in it."""

from __future__ import annotations

import pytest

from sidecar.errors import StorageError
from sidecar.keys.index import Entry, Index
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.vaults import HERE, THERE, by_hand, file_of

ENTRY = Entry(Slot("openai", "default"), "vault", (HERE, THERE), "0123456789abcdef", 5)


def test_what_was_entered_is_read_at_the_next_start(database: Database) -> None:
    index = Index(database)
    other = Entry(Slot("openai", "second"), "keyring", (), "f", 6)
    index.put(ENTRY)
    index.put(other)
    assert Index(database).read() == ({ENTRY.slot: ENTRY, other.slot: other}, [])
    index.drop(other)
    moved = Entry(ENTRY.slot, "keyring", (HERE,), "g", 7)
    index.put(moved)
    assert Index(database).read() == ({ENTRY.slot: moved}, [])


def test_reading_makes_no_file(database: Database) -> None:
    assert Index(database).read() == ({}, [])
    assert not database.exists()


def test_a_key_that_another_sidecar_has_moved_is_not_dropped(database: Database) -> None:
    index = Index(database)
    index.put(ENTRY)
    moved = Entry(ENTRY.slot, "keyring", (HERE,), "g", 7)
    Index(database).put(moved)
    index.drop(ENTRY)
    assert Index(database).read() == ({ENTRY.slot: moved}, [])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("store", "environment"),
        ("store", "memory"),
        ("store", "elsewhere"),
        ("store", b"\xff"),
        ("origins", "all"),
        ("origins", '["a",5]'),
        ("origins", b"\xff\xfe"),
        ("fingerprint", b"\xff"),
        ("created_at", "yesterday"),
        ("created_at", b"5"),
        ("provider", b"\xff"),
        ("key_id", b"\xff"),
    ],
)
def test_a_row_that_nobody_here_has_written_is_told_and_the_others_are_read(
    database: Database, column: str, value: object
) -> None:
    index = Index(database)
    other = Entry(Slot("groq", "default"), "keyring", (), "f", 6)
    index.put(ENTRY)
    index.put(other)
    by_hand(database, f"UPDATE keys SET {column} = ? WHERE provider = 'openai'", value)  # noqa: S608 - its own words
    entries, problems = Index(database).read()
    assert entries == {other.slot: other}
    assert len(problems) == 1
    assert "Enter the key again" in problems[0]


def test_a_file_that_is_no_database_is_told(database: Database) -> None:
    Index(database).put(ENTRY)
    file_of(database).write_bytes(b"x" * 5000)
    with pytest.raises(StorageError):
        Index(database).read()


# --- fingerprints --------------------------------------------------------------------------------


def test_a_fingerprint_tells_keys_apart_and_nothing_of_them(database: Database) -> None:
    index = Index(database)
    one = index.fingerprint(Secret("a key of mine"))
    assert one == Index(database).fingerprint(Secret("a key of mine")), "the same after a restart"
    assert one != index.fingerprint(Secret("a key of minf"))
    assert len(one) == 16
    assert int(one, 16) >= 0


def test_another_home_has_other_fingerprints_and_another_name_in_the_keyring(
    database: Database,
) -> None:
    other = Index(Database(file_of(database).parent.parent / "other"))
    here = Index(database)
    assert here.fingerprint(Secret("a key")) != other.fingerprint(Secret("a key"))
    assert here.home_id() != other.home_id()
    assert here.home_id() == Index(database).home_id()


def test_two_that_start_at_once_are_one_home(database: Database) -> None:
    database.setdefault("x", b"1")
    both = Index(database), Index(database)
    assert len({each.home_id() for each in both}) == 1
    assert len({each.fingerprint(Secret("a key")) for each in both}) == 1


def test_an_identity_that_cannot_be_read_is_told_and_made_anew_once(database: Database) -> None:
    index = Index(database)
    index.put(ENTRY)
    before = index.home_id()
    by_hand(database, "UPDATE settings SET value = 'x' WHERE name = 'key_identity'")
    _, problems = Index(database).read()
    assert len(problems) == 1
    assert "Enter them again" in problems[0]
    made = Index(database).home_id()
    assert made != before
    assert Index(database).home_id() == made
    assert Index(database).read() == ({ENTRY.slot: ENTRY}, [])


def test_a_text_has_the_fingerprint_of_the_key_that_it_is(database: Database) -> None:
    index = Index(database)
    assert index.fingerprint_of("a key") == index.fingerprint(Secret("a key"))
    assert index.fingerprint_of("a key ") != index.fingerprint_of("a key")
    assert index.fingerprint_of("\ud800") == index.fingerprint_of("?"), "whatever JSON can say"
