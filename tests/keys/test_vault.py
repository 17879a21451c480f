"""The vault: what it keeps, who opens it, and for how long it is open."""

from __future__ import annotations

import base64

import pytest

from sidecar.errors import (
    ComponentMissing,
    InvalidParams,
    KeyStoreLocked,
    StorageError,
)
from sidecar.keys.secret import Secret
from sidecar.keys.vault import Vault
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
    kept_and_told_to_have_failed,
    key,
    opened,
    slots,
)


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


def test_what_is_kept_is_read_again_by_whoever_has_the_password(
    vault: Vault, database: Database
) -> None:
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


def test_a_wrong_password_does_not_close_an_open_one(vault: Vault) -> None:
    with pytest.raises(KeyStoreLocked):
        vault.unlock(OTHER)
    assert vault.state(READY).state == "ready"


def test_locked_it_reads_and_writes_nothing_but_deletes(vault: Vault) -> None:
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


def test_every_write_has_a_nonce_of_its_own(vault: Vault, database: Database) -> None:
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


def test_neither_key_nor_password_is_in_the_file(vault: Vault, database: Database) -> None:
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


def test_what_was_deleted_or_replaced_is_not_in_the_file_any_more(
    vault: Vault, database: Database
) -> None:
    vault.write(SLOT, key())
    [(old,)] = by_hand(database, "SELECT ciphertext FROM secrets WHERE provider = ?", SLOT.provider)
    [(wrapped,)] = by_hand(database, "SELECT wrapped FROM vault")
    assert old in file_of(database).read_bytes()
    vault.write(SLOT, key("another"))
    vault.change_password(PASSWORD, OTHER)
    assert old not in file_of(database).read_bytes()
    assert wrapped not in file_of(database).read_bytes()


# --- another password ----------------------------------------------------------------------------


def test_another_password_opens_all_keys_and_the_old_one_none(
    vault: Vault, database: Database
) -> None:
    vault.write(SLOT, key())
    vault.change_password(PASSWORD, OTHER)
    assert opened(database, OTHER).read(SLOT) == key()
    with pytest.raises(KeyStoreLocked, match="wrong"):
        opened(database, PASSWORD)
    assert vault.read(SLOT) == key()


def test_nobody_changes_the_password_without_the_present_one(
    vault: Vault, database: Database
) -> None:
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


def test_a_change_that_is_kept_though_it_is_told_to_have_failed_opens_all_the_same(
    vault: Vault, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write(SLOT, key())
    monkeypatch.setattr(vault, "_changing", kept_and_told_to_have_failed(vault))
    with pytest.raises(StorageError):
        vault.change_password(PASSWORD, OTHER)
    assert opened(database, OTHER).read(SLOT) == key()
