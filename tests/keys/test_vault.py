"""The vault: what it keeps, who opens it, and for how long it is open."""

from __future__ import annotations

import base64
import json
import tracemalloc
import unicodedata

import msgspec
import pytest

from sidecar.errors import (
    AIError,
    ComponentMissing,
    InvalidParams,
    KeyStoreCorrupt,
    KeyStoreLocked,
    StorageError,
)
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.keys.wrapping import Header
from sidecar.records.database import Database
from tests.keys.vaults import (
    HERE,
    OTHER,
    PASSWORD,
    READY,
    THERE,
    a_vault,
    by_hand,
    file_of,
    kept_and_told_to_have_failed,
    key,
    opened,
    slots,
)

SLOT = Slot("openai", "default")


def test_there_is_none_before_it_is_made(database: Database) -> None:
    vault = a_vault(database)
    assert vault.state(READY).state == "missing"
    assert vault.header() is None
    with pytest.raises(ComponentMissing, match="no vault"):
        vault.unlock(PASSWORD)
    with pytest.raises(ComponentMissing, match="no vault") as refused:
        vault.write(SLOT, key())
    assert "create_vault" in refused.value.hint
    assert not database.exists(), "looking makes nothing"
    assert vault.read(SLOT) is None


def test_what_is_kept_is_read_again_by_whoever_has_the_password(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    assert vault.state(READY).state == "ready"
    kept = key('ünd "quoted" \\ 鍵', HERE, THERE)
    vault.write(SLOT, kept)
    assert vault.read(SLOT) == kept

    other = a_vault(database)
    assert other.state(READY).state == "locked"
    with pytest.raises(KeyStoreLocked, match="locked"):
        other.read(SLOT)
    other.unlock(PASSWORD)
    assert other.read(SLOT) == kept
    other.write(SLOT, key("another"))
    assert vault.read(SLOT) == key("another")
    other.delete(SLOT)
    assert vault.read(SLOT) is None


def test_there_is_one_at_most(database: Database) -> None:
    a_vault(database).create(PASSWORD)
    opened(database).write(SLOT, key())
    with pytest.raises(InvalidParams, match="already"):
        a_vault(database).create(OTHER)
    assert opened(database).read(SLOT) == key()


def test_the_slower_of_two_that_make_one_at_once_is_told_and_loses_nothing(
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slower = a_vault(database)
    a_vault(database).create(PASSWORD)
    opened(database).write(SLOT, key())
    monkeypatch.setattr(slower, "_row", lambda: None)  # past the look whether there is one
    with pytest.raises(StorageError):
        slower.create(OTHER)
    assert opened(database).read(SLOT) == key()


def test_a_wrong_password_opens_nothing_and_the_right_one_still_does(database: Database) -> None:
    a_vault(database).create(PASSWORD)
    vault = a_vault(database)
    for wrong in ("", "wrong", PASSWORD.reveal() + " ", PASSWORD.reveal().upper()):
        with pytest.raises(KeyStoreLocked, match="wrong"):
            vault.unlock(Secret(wrong))
        assert vault.state(READY).state == "locked"
        with pytest.raises(KeyStoreLocked):
            vault.write(SLOT, key())
    with pytest.raises(InvalidParams, match="password"):
        vault.unlock(None)
    vault.unlock(PASSWORD)
    assert vault.state(READY).state == "ready"


def test_a_wrong_password_does_not_close_an_open_one(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    with pytest.raises(KeyStoreLocked):
        vault.unlock(OTHER)
    assert vault.state(READY).state == "ready"


@pytest.mark.parametrize("typed", ["Grüße, Café Å", "ﬁne Ⅳ ①", "한국어 암호문"])
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_however_its_letters_are_composed(
    database: Database, typed: str, form: str
) -> None:
    a_vault(database).create(Secret(typed))
    again = unicodedata.normalize(form, typed)  # type: ignore[arg-type] # one of the four
    assert opened(database, Secret(again)).state(READY).state == "ready"


def test_locked_it_reads_and_writes_nothing_but_deletes(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    vault.write(SLOT, key())
    vault.lock()
    assert vault.state(READY).state == "locked"
    with pytest.raises(KeyStoreLocked, match="locked"):
        vault.write(SLOT, key())
    with pytest.raises(KeyStoreLocked, match="locked") as refused:
        vault.read(SLOT)
    assert "unlock_vault" in refused.value.hint
    vault.delete(SLOT)
    assert vault.read(SLOT) is None


# --- what lies in the file -----------------------------------------------------------------------


def test_every_write_has_a_nonce_of_its_own(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    seen = set()
    for slot in slots(8):
        for _ in range(4):
            vault.write(slot, key())
            [row] = by_hand(
                database, "SELECT nonce, ciphertext FROM secrets WHERE key_id = ?", slot.key_id
            )
            seen.add(row)
    assert len({nonce for nonce, _ in seen}) == len({text for _, text in seen}) == 32
    assert {len(nonce) for nonce, _ in seen} == {12}


def test_neither_key_nor_password_is_in_the_file(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    hidden = [f"a-key-of-mine-{number}-zq" for number in range(8)]
    for slot, text in zip(slots(8), hidden, strict=True):
        vault.write(slot, key(text))
    vault.change_password(PASSWORD, OTHER)
    vault.delete(slots(8)[0])
    data = file_of(database).read_bytes()
    for text in (*hidden, PASSWORD.reveal(), OTHER.reveal()):
        raw = text.encode()
        for form in (raw, raw[4:-4], base64.b64encode(raw)[:-4], raw.hex().encode()):
            assert form not in data
    assert {each.name for each in file_of(database).parent.iterdir()} == {"sidecar.db"}


def test_what_was_deleted_or_replaced_is_not_in_the_file_any_more(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    vault.write(SLOT, key())
    [(old,)] = by_hand(database, "SELECT ciphertext FROM secrets WHERE provider = ?", SLOT.provider)
    [(wrapped,)] = by_hand(database, "SELECT wrapped FROM vault")
    assert old in file_of(database).read_bytes()
    vault.write(SLOT, key("another"))
    vault.change_password(PASSWORD, OTHER)
    assert old not in file_of(database).read_bytes()
    assert wrapped not in file_of(database).read_bytes()


def test_the_password_costs_what_it_should(database: Database) -> None:
    a_vault(database, cost=2**17).create(PASSWORD)
    header = a_vault(database).header()
    assert header is not None
    assert header.scrypt is not None
    assert 128 * header.scrypt.n * header.scrypt.r == 128 * 1024 * 1024  # bytes: OWASP's first
    assert len(base64.b64decode(header.scrypt.salt)) == 16


# --- another password ----------------------------------------------------------------------------


def test_another_password_opens_all_keys_and_the_old_one_none(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    vault.write(SLOT, key())
    vault.change_password(PASSWORD, OTHER)
    assert opened(database, OTHER).read(SLOT) == key()
    with pytest.raises(KeyStoreLocked, match="wrong"):
        opened(database, PASSWORD)
    assert vault.read(SLOT) == key()


def test_nobody_changes_the_password_without_the_present_one(database: Database) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    with pytest.raises(KeyStoreLocked, match="wrong"):
        vault.change_password(OTHER, OTHER)
    with pytest.raises(InvalidParams):
        vault.change_password(None, OTHER)
    opened(database, PASSWORD)


def test_a_password_that_another_process_has_changed_meanwhile_stays_what_that_one_set(
    database: Database,
) -> None:
    a_vault(database).create(PASSWORD)
    vault = a_vault(database)
    _, nonce, wrapped = vault._require()
    a_vault(database).change_password(PASSWORD, OTHER)
    with pytest.raises(KeyStoreLocked):
        vault._replace(wrapped, bytes(32), Secret("a third password"))
    assert nonce != vault._require()[1]
    opened(database, OTHER)


def test_a_cheaper_derivation_is_made_dearer_at_the_next_unlock(database: Database) -> None:
    a_vault(database, cost=2**4).create(PASSWORD)
    opened(database).write(SLOT, key())
    dearer = a_vault(database, cost=2**6)
    dearer.unlock(PASSWORD)
    header = dearer.header()
    assert header is not None
    assert header.scrypt is not None
    assert header.scrypt.n == 2**6
    assert opened(database).read(SLOT) == key()
    after = a_vault(database).header()
    assert after is not None
    assert after.scrypt == header.scrypt, "the cheaper one must not come back"


def test_an_upgrade_that_cannot_be_written_keeps_nobody_from_his_keys(database: Database) -> None:
    a_vault(database, cost=2**4).create(PASSWORD)
    opened(database).write(SLOT, key())
    by_hand(
        database,
        "CREATE TRIGGER no BEFORE UPDATE ON vault BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    dearer = a_vault(database, cost=2**6)
    dearer.unlock(PASSWORD)
    assert dearer.read(SLOT) == key()


def test_its_header_says_how_it_is_protected_and_nothing_more(database: Database) -> None:
    a_vault(database).create(PASSWORD)
    [(header,)] = by_hand(database, "SELECT header FROM vault")
    found = msgspec.json.decode(header)
    assert set(found) == {"protection", "scrypt", "entry", "version"}
    assert msgspec.convert(found, Header).protection == "password"


def test_a_change_that_is_kept_though_it_is_told_to_have_failed_opens_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    vault.write(SLOT, key())
    monkeypatch.setattr(vault, "_changing", kept_and_told_to_have_failed(vault))
    with pytest.raises(StorageError):
        vault.change_password(PASSWORD, OTHER)
    assert opened(database, OTHER).read(SLOT) == key()


@pytest.mark.parametrize("change", ["n", "r", "p", "salt", "protection"])
def test_how_its_key_is_wrapped_is_part_of_what_is_protected(
    database: Database, change: str
) -> None:
    a_vault(database).create(PASSWORD)
    [(text,)] = by_hand(database, "SELECT header FROM vault")
    header = json.loads(text)
    if change == "protection":
        header |= {"protection": "keyring", "scrypt": None, "entry": "x"}
    else:
        other = {"n": 2, "r": 4, "p": 2, "salt": base64.b64encode(bytes(16)).decode()}
        header["scrypt"] |= {change: other[change]}
    by_hand(database, "UPDATE vault SET header = ?", json.dumps(header))
    with pytest.raises(AIError):
        opened(database)
    by_hand(database, "UPDATE vault SET header = ?", f"{text} ")
    opened(database)  # it is what it says that counts, and not how it is written


@pytest.mark.parametrize("parameters", [{"n": 2**30}, {"r": 2**20}, {"p": 2**24}])
def test_a_header_that_asks_for_all_memory_gets_none(
    database: Database, parameters: dict[str, int]
) -> None:
    a_vault(database).create(PASSWORD)
    [(text,)] = by_hand(database, "SELECT header FROM vault")
    header = json.loads(text)
    header["scrypt"] |= parameters
    by_hand(database, "UPDATE vault SET header = ?", json.dumps(header))
    tracemalloc.start()
    try:
        with pytest.raises(KeyStoreCorrupt):
            opened(database)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_too_little_memory_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object, **__: object) -> None:
        raise MemoryError

    a_vault(database).create(PASSWORD)
    monkeypatch.setattr("cryptography.hazmat.primitives.kdf.scrypt.Scrypt.derive", none_left)
    with pytest.raises(ComponentMissing, match="not enough memory"):
        opened(database)
