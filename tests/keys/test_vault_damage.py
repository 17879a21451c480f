"""A vault whose file was changed from outside, or is damaged: told, never decrypted wrongly."""

from __future__ import annotations

import random
import sqlite3
import tracemalloc
from contextlib import suppress

import msgspec
import pytest

from sidecar.errors import (
    AIError,
    ComponentMissing,
    KeyStoreCorrupt,
    KeyStoreLocked,
    StorageError,
)
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.vaults import (
    HERE,
    OTHER,
    PASSWORD,
    READY,
    SLOT,
    THERE,
    a_vault,
    by_hand,
    file_of,
    key,
    opened,
)

SECOND = Slot("openai", "second")
GROQ = Slot("groq", "default")


@pytest.fixture
def full(database: Database) -> Database:
    vault = a_vault(database)
    vault.create(PASSWORD)
    vault.write(SLOT, key("the first"))
    vault.write(SECOND, key("the second"))
    vault.write(GROQ, key("the third", THERE))
    return database


def flipped(data: bytes, place: int) -> bytes:
    return bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])


@pytest.mark.parametrize("column", ["nonce", "ciphertext"])
def test_no_bit_of_an_entry_can_be_changed(full: Database, column: str) -> None:
    where = "WHERE provider = 'openai' AND key_id = 'default'"
    [(before,)] = by_hand(full, f"SELECT {column} FROM secrets {where}")  # noqa: S608 - its own words
    vault = opened(full)
    changed = [flipped(before, place) for place in range(len(before))]
    changed += [before[:-1], before + b"\0", b"", b"\0" * len(before)]
    for value in changed:
        by_hand(full, f"UPDATE secrets SET {column} = ? {where}", value)  # noqa: S608 - its own words
        with pytest.raises(KeyStoreCorrupt, match="openai/default"):
            vault.read(SLOT)
    assert vault.read(SECOND) == key("the second"), "the others are not touched"
    by_hand(full, f"UPDATE secrets SET {column} = ? {where}", before)  # noqa: S608 - its own words
    assert vault.read(SLOT) == key("the first")


@pytest.mark.parametrize(
    "value", [None, "text", 5, 1.5, '["https://there.example:443"]', "[]", b"\xff\xfe", "{", '"a"']
)
@pytest.mark.parametrize("column", ["origins", "nonce", "ciphertext"])
def test_whatever_stands_in_an_entry_it_is_told(full: Database, column: str, value: object) -> None:
    by_hand(full, "PRAGMA ignore_check_constraints = ON")
    try:
        by_hand(full, f"UPDATE secrets SET {column} = ? WHERE key_id = 'default'", value)  # noqa: S608 - its own words
    except sqlite3.IntegrityError:
        assert value is None
        return
    with pytest.raises(AIError) as refused:
        opened(full).read(SLOT)
    assert refused.value.kind in {"key_store_corrupt", "storage"}
    assert opened(full).read(SECOND) == key("the second")


def test_the_origins_of_an_entry_cannot_be_widened(full: Database) -> None:
    for origins in (f'["{HERE}","{THERE}"]', f'["{THERE}"]', f'[ "{HERE}" ]'):
        by_hand(full, "UPDATE secrets SET origins = ? WHERE provider = 'openai'", origins)
        if origins == f'[ "{HERE}" ]':
            assert opened(full).read(SLOT) == key("the first"), "white space is no other origin"
            continue
        with pytest.raises(KeyStoreCorrupt, match="not used"):
            opened(full).read(SLOT)


def test_entries_cannot_be_swapped_between_providers_or_key_ids(full: Database) -> None:
    for one, other in ((SLOT, SECOND), (SLOT, GROQ)):
        query = "SELECT origins, nonce, ciphertext FROM secrets WHERE provider = ? AND key_id = ?"
        change = (
            "UPDATE secrets SET origins = ?, nonce = ?, ciphertext = ?"
            " WHERE provider = ? AND key_id = ?"
        )
        [first], [second] = by_hand(full, query, *one), by_hand(full, query, *other)
        by_hand(full, change, *second, *one)
        by_hand(full, change, *first, *other)
        for slot in (one, other):
            with pytest.raises(KeyStoreCorrupt):
                opened(full).read(slot)
        by_hand(full, change, *first, *one)
        by_hand(full, change, *second, *other)


def test_an_entry_copied_to_another_provider_is_refused(full: Database) -> None:
    by_hand(
        full,
        "INSERT INTO secrets SELECT 'evil', key_id, origins, nonce, ciphertext FROM secrets"
        " WHERE provider = 'openai'",
    )
    for key_id in ("default", "second"):
        with pytest.raises(KeyStoreCorrupt):
            opened(full).read(Slot("evil", key_id))


def test_an_entry_of_another_vault_is_refused(full: Database, tmp_path: object) -> None:
    del tmp_path
    other = Database(file_of(full).parent.parent / "other")
    vault = a_vault(other)
    vault.create(PASSWORD)
    vault.write(SLOT, key("of another home"))
    [row] = by_hand(other, "SELECT * FROM secrets WHERE provider = ?", SLOT.provider)
    by_hand(full, "INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?, ?)", *row)
    with pytest.raises(KeyStoreCorrupt):
        opened(full).read(SLOT)


# --- how its key is wrapped ----------------------------------------------------------------------


@pytest.mark.parametrize("column", ["nonce", "wrapped"])
def test_no_bit_of_the_wrapped_key_can_be_changed(full: Database, column: str) -> None:
    [(before,)] = by_hand(full, f"SELECT {column} FROM vault")  # noqa: S608 - its own words
    for value in (*(flipped(before, place) for place in range(len(before))), b"", b"x"):
        by_hand(full, f"UPDATE vault SET {column} = ?", value)  # noqa: S608 - its own words
        with pytest.raises((KeyStoreLocked, KeyStoreCorrupt)):
            opened(full)
    by_hand(full, f"UPDATE vault SET {column} = ?", before)  # noqa: S608 - its own words
    assert opened(full).read(SLOT) == key("the first")


HEADERS = [
    {"scrypt": {"n": 2**5, "r": 8, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": 0, "r": 8, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": 1, "r": 8, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": 17, "r": 8, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": -16, "r": 8, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": -16, "r": -8, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": 16, "r": 0, "p": 1, "salt": "AAAA"}},
    {"scrypt": {"n": 16, "r": 8, "p": 0, "salt": "AAAA"}},
    {"scrypt": {"n": 16, "r": 8, "p": 1, "salt": "no base64!"}},
    {"scrypt": {"n": 16, "r": 8, "p": 1, "salt": "é"}},
    {"scrypt": {"n": 16, "r": 8, "p": 1}},
    {"scrypt": {"n": "16", "r": 8, "p": 1, "salt": "AAAA"}},
    {"scrypt": None},
    {"protection": "keyring"},
    {"protection": "none"},
    {"version": 2},
]


@pytest.mark.parametrize("change", HEADERS, ids=str)
def test_a_changed_header_opens_nothing(full: Database, change: dict[str, object]) -> None:
    [(header,)] = by_hand(full, "SELECT header FROM vault")
    by_hand(
        full,
        "UPDATE vault SET header = ?",
        msgspec.json.encode(msgspec.json.decode(header) | change),
    )
    with pytest.raises((KeyStoreLocked, KeyStoreCorrupt)) as refused:
        opened(full)
    assert refused.value.hint
    by_hand(full, "UPDATE vault SET header = ?", header)
    assert opened(full).read(SLOT) == key("the first")


@pytest.mark.parametrize("header", ["", "{", "[]", "5", b"\xff\xfe", '{"protection":"password"}'])
def test_a_header_that_cannot_be_read_is_told(full: Database, header: object) -> None:
    by_hand(full, "UPDATE vault SET header = ?", header)
    with pytest.raises(KeyStoreCorrupt, match="changed from outside"):
        opened(full)
    with pytest.raises(KeyStoreCorrupt, match="changed from outside"):
        a_vault(full).create(PASSWORD)
    with pytest.raises(KeyStoreCorrupt, match="changed from outside"):
        a_vault(full).state(READY)


@pytest.mark.parametrize(
    "dear",
    [
        {"n": 2**40}, {"n": 2**62}, {"r": 2**30}, {"p": 2**30}, {"n": 2**100},
        {"n": 2**40, "r": -8, "p": -1}, {"n": -(2**40), "r": -8}, {"n": 2**23, "r": 8, "p": 4},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_cannot_make_it_take_all_memory(full: Database, dear: dict[str, int]) -> None:
    [(header,)] = by_hand(full, "SELECT header FROM vault")
    found = msgspec.json.decode(header)
    found["scrypt"] |= dear
    by_hand(full, "UPDATE vault SET header = ?", str(found).replace("'", '"'))
    tracemalloc.start()
    try:
        with pytest.raises(KeyStoreCorrupt):
            opened(full)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


# --- the whole file ------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [2, 15, 100, 511, 512, 1000, 4096, 5000, 8192, -4097, -4096])
def test_a_truncated_file_is_told(full: Database, part: int) -> None:
    data = file_of(full).read_bytes()
    file_of(full).write_bytes(data[:part])
    with pytest.raises(KeyStoreCorrupt, match=r"sidecar\.db can't be used"):
        opened(full).read(SLOT)
    with pytest.raises(KeyStoreCorrupt, match=r"sidecar\.db can't be used") as refused:
        a_vault(full).create(OTHER)
    assert "Restore" in refused.value.hint
    assert len(file_of(full).read_bytes()) == len(data[:part]), "nothing was written over it"
    file_of(full).write_bytes(data)
    assert opened(full).read(SLOT) == key("the first")


def test_garbage_in_the_file_is_told_and_never_another_key(full: Database) -> None:
    data = file_of(full).read_bytes()
    dice = random.Random(5)  # noqa: S311 - the same garbage each time
    for _ in range(200):
        place = dice.randrange(100, len(data) - 64)
        garbage = dice.randbytes(64)
        file_of(full).write_bytes(data[:place] + garbage + data[place + 64 :])
        with suppress(KeyStoreCorrupt, KeyStoreLocked, StorageError, ComponentMissing):
            assert opened(full).read(SLOT) in (key("the first"), None)


def test_a_file_that_is_no_database_is_told(full: Database) -> None:
    file_of(full).write_bytes(b"x" * 10_000)
    with pytest.raises(KeyStoreCorrupt, match="can't be used"):
        opened(full, Secret("whatever it is"))


def test_origins_that_are_no_text_are_told(full: Database) -> None:
    where = "WHERE provider = 'openai' AND key_id = 'default'"
    by_hand(full, f"UPDATE secrets SET origins = x'fffe' {where}")  # noqa: S608 - its own words
    with pytest.raises(KeyStoreCorrupt, match="openai/default"):
        opened(full).read(SLOT)
