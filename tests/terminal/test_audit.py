"""`ai-sidecar audit`: what happened to keys, and the one way to begin their record anew."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.terminal.conftest import Open, Run

PASSWORD = "a long password"  # noqa: S105 - of vaults that end with their test
KEY = "a-key-that-nobody-may-see-1"


@pytest.fixture
def database(run: Run, tmp_path: Path) -> Path:
    """A home with a vault, a key in it, and a sealed record of both."""
    asked = [
        ("create_vault", {"password": PASSWORD}),
        ("set_api_key", {"provider": "groq", "api_key": KEY, "store": "vault"}),
    ]
    lines = [
        json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for number, (method, params) in enumerate(asked)
    ]
    assert run("--drain", given="\n".join(lines)).returncode == 0
    return tmp_path / "home" / "sidecar.db"


def by_hand(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)


def typed(terminal: Open, password: str, *arguments: str) -> tuple[str, int]:
    """Run it where the master password can be typed; return what was shown, and the status."""
    opened = terminal("audit", *arguments)
    opened.until("without it): ")
    opened.type(f"{password}\r")
    status = opened.end()
    return opened.shown, status


def test_it_shows_what_happened_and_no_key(run: Run, database: Path) -> None:
    assert database.exists()
    done = run("audit")
    assert done.returncode == 0, done.stdout
    first, second, verdict = done.stdout.splitlines()
    assert first.endswith("create_vault  ok  vault")
    assert second.endswith("store  ok  groq/default  vault  https://api.groq.com:443")
    assert verdict == "The record is whole: 2 events, looked at without its seal."
    assert KEY not in done.stdout + done.stderr
    assert run("audit", "--last", "1").stdout.splitlines()[0] == second


def test_a_home_without_keys_has_an_empty_record(run: Run) -> None:
    assert run("audit").stdout == "The record is whole: 0 events, looked at without its seal.\n"


def test_with_its_seal_a_change_is_seen_and_a_person_may_begin_anew(
    run: Run, database: Path, terminal: Open
) -> None:
    shown, status = typed(terminal, PASSWORD)
    assert status == 0
    assert "unlock_vault  ok" in shown
    assert "sealed up to 3." in shown
    assert PASSWORD not in shown
    by_hand(database, "DELETE FROM audit WHERE seq = 3")
    shown, status = typed(terminal, PASSWORD)
    assert status == 1
    assert "Events were " in shown
    assert "--begin-anew" in shown
    assert run("audit", "--begin-anew").returncode == 1, "not without the seal"
    shown, status = typed(terminal, PASSWORD, "--begin-anew")
    assert status == 0
    assert "The record is whole: " in shown
    shown, status = typed(terminal, PASSWORD)
    assert (status, "begin_anew" in shown) == (0, True)


@pytest.mark.usefixtures("database")
def test_a_wrong_password_is_told(terminal: Open) -> None:
    shown, status = typed(terminal, "wrong password")
    assert "The master password is wrong." in shown
    assert "unlock_vault  key_store_locked" in shown, "and what can be seen without it is shown"
    assert status == 0


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("keys", "status"), [("\x04", 0), ("\x03", 130)])
def test_who_leaves_the_prompt_is_let_go(terminal: Open, keys: str, status: int) -> None:
    opened = terminal("audit")
    opened.until("without it): ")
    opened.type(keys)
    assert opened.end() == status
    assert "Traceback" not in opened.shown


@pytest.mark.parametrize("last", ["0", "-1", "many"])
def test_a_number_that_is_none_is_refused(run: Run, last: str) -> None:
    assert run("audit", "--last", last).returncode == 2


def test_a_file_that_is_no_database_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sidecar.db").write_bytes(b"x" * 5000)
    done = run("audit")
    assert done.returncode == 1
    assert "can't be used" in done.stdout
    assert "→" in done.stdout
    assert "Traceback" not in done.stderr
