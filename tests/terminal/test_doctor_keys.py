"""`ai-sidecar doctor` on where keys are kept: one line for each situation, with what to do."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sidecar.keys.store import StoreState
from sidecar.terminal.doctor import key_stores
from sidecar.terminal.peer import Json
from tests.secret_service import SecretService
from tests.terminal.conftest import Run

PASSWORD = "a long password"  # noqa: S105 - of vaults that end with their test


def shown(run: Run, **environment: str) -> str:
    """What it shows, each remedy on the line of what it is for."""
    done = run("doctor", **environment)
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout.replace("\n" + " " * 27, "")


def made(run: Run, password: str | None, **environment: str) -> None:
    """Make a vault."""
    params = {"password": password} if password else {}
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "create_vault", "params": params})
    assert '"ready"' in run("--drain", given=line, **environment).stdout


def test_with_no_store_at_all_it_says_how_to_get_one(run: Run) -> None:
    found = shown(run)
    assert (
        "warning  keys               keyring: There is no OS keyring here. → Let the app" in found
    )
    assert "warning  keys               vault: There is none. → The app can make one" in found
    assert "ok       keys               environment: ready" in found


def test_an_open_keyring_is_in_order_and_needs_no_vault(
    run: Run, secret_service: SecretService
) -> None:
    found = shown(run, **secret_service.environment)
    assert "ok       keys               keyring: SecretService" in found
    assert "ok       keys               vault: There is none.\n" in found


def test_a_locked_keyring_is_told_with_what_unlocks_it(
    run: Run, secret_service: SecretService
) -> None:
    with secret_service.locked():
        found = shown(run, **secret_service.environment)
    assert "warning  keys               keyring: SecretService is locked. → Unlock it" in found


def test_a_keyring_that_hangs_is_told_and_holds_nothing_up(
    run: Run, secret_service: SecretService
) -> None:
    made(run, None, **secret_service.environment)
    with secret_service.frozen():
        found = shown(run, **secret_service.environment)
    assert "warning  keys               keyring: The keyring does not answer" in found
    assert "→ Look for its dialogue" in found
    assert "vault: Its own key is in the OS keyring. The keyring does not answer" in found
    assert "ok       sidecar" in found


def test_a_vault_is_locked_until_the_app_opens_it(run: Run) -> None:
    made(run, PASSWORD)
    found = shown(run)
    assert "vault: It is locked by its master password. → The app opens it" in found
    assert "ok       keys               keyring: There is no OS keyring here.\n" in found


def test_a_vault_whose_keyring_is_gone_is_told(run: Run, secret_service: SecretService) -> None:
    made(run, None, **secret_service.environment)
    assert "ok       keys               vault: Protected by keyring." in shown(
        run, **secret_service.environment
    )
    found = shown(run)
    assert (
        "warning  keys               vault: Its own key is in the OS keyring. There is no" in found
    )


def test_a_damaged_vault_is_told_with_what_brings_it_back(run: Run, tmp_path: Path) -> None:
    made(run, PASSWORD)
    with closing(sqlite3.connect(tmp_path / "home" / "sidecar.db")) as connection, connection:
        connection.execute("UPDATE vault SET header = 'x'")
    found = shown(run)
    assert "warning  keys               vault: The vault was changed from outside" in found
    assert "→ Restore sidecar.db from a backup" in found


def test_a_file_that_is_no_database_is_told_and_ends_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "sidecar.db").write_bytes(b"x" * 5000)
    found = shown(run)
    assert "warning  keys               vault: " in found
    assert "warning  audit              " in found
    assert "ok       worker" in found or "worker" in found


def test_an_audit_that_was_changed_is_told_with_what_to_do(run: Run, tmp_path: Path) -> None:
    made(run, PASSWORD)
    with closing(sqlite3.connect(tmp_path / "home" / "sidecar.db")) as connection, connection:
        connection.execute("UPDATE audit SET event = '{}'")
    found = shown(run)
    assert "warning  audit              the record of key events is not what was written" in found
    assert "--begin-anew" in found


@pytest.mark.parametrize("state", ["ready", "locked", "missing", "busy", "damaged"])
@pytest.mark.parametrize("name", ["keyring", "vault"])
def test_every_state_of_a_store_has_a_line_and_all_but_the_good_ones_a_remedy(
    name: str, state: str
) -> None:
    told: Json = {"name": name, "state": state, "detail": "It is so.", "hint": "Do this."}
    other: Json = {"name": "environment", "state": "ready"}
    finding, environment = key_stores([told, other])
    assert finding.text == f"{name}: It is so."
    assert (finding.level, finding.remedy) == (
        ("ok", None) if state == "ready" else ("warning", "Do this.")
    )
    assert environment.level == "ok"
    assert state in str(StoreState.__annotations__["state"])
