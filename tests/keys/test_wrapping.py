"""How a vault's own key is wrapped: what a password costs, and what its header can do."""

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
    KeyStoreCorrupt,
)
from sidecar.keys.secret import Secret
from sidecar.keys.wrapping import Header
from sidecar.records.database import Database
from tests.keys.vaults import (
    PASSWORD,
    READY,
    SLOT,
    a_vault,
    by_hand,
    key,
    opened,
)


def test_the_password_costs_what_it_should(database: Database) -> None:
    a_vault(database, cost=2**17).create(PASSWORD)
    header = a_vault(database).header()
    assert header is not None
    assert header.scrypt is not None
    assert 128 * header.scrypt.n * header.scrypt.r == 128 * 1024 * 1024  # bytes: OWASP's first
    assert len(base64.b64decode(header.scrypt.salt)) == 16


@pytest.mark.parametrize("typed", ["Grüße, Café Å", "ﬁne Ⅳ ①", "한국어 암호문"])
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_a_password_is_the_same_however_its_letters_are_composed(
    database: Database, typed: str, form: str
) -> None:
    a_vault(database).create(Secret(typed))
    again = unicodedata.normalize(form, typed)  # type: ignore[arg-type] # one of the four
    assert opened(database, Secret(again)).state(READY).state == "ready"


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
