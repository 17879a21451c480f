"""What the tests of keys share: homes, and a keyring where one is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keyring.core
import pytest

from sidecar.keys import keyring_store
from sidecar.keys.vault import Vault
from sidecar.records.database import Database
from tests.keys.vaults import PASSWORD, a_vault
from tests.secret_service import SecretService


@pytest.fixture(autouse=True)
def _nobodys_own_keyring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test in this process must not find the keyring of whoever runs it."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    found_anew()
    yield
    found_anew()


@pytest.fixture
def keyring_here(
    secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SecretService]:
    """Let this very process use the tests' Secret Service."""
    for name, value in secret_service.environment.items():
        monkeypatch.setenv(name, value)
    found_anew()
    yield secret_service
    found_anew()


def found_anew() -> None:
    """Have the keyring looked for again, as at a start."""
    keyring_store._found.cache_clear()
    keyring.core._keyring_backend = None


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database in a home of its own."""
    return Database(tmp_path / "home")


@pytest.fixture
def vault(database: Database) -> Vault:
    """The vault of that home, just made under the password, and open."""
    found = a_vault(database)
    found.create(PASSWORD)
    return found
