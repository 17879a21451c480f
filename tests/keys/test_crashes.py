"""A process that is killed in the middle of a change leaves every key readable."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.errors import KeyStoreLocked
from sidecar.keys import leftovers
from sidecar.keys.vault import Vault
from sidecar.records.database import Database
from tests.conftest import ROOT
from tests.keys.keepers import again, copies, in_a_vault, used
from tests.keys.vaults import OTHER, PASSWORD, a_vault, key, slots
from tests.secret_service import SecretService


def opened_by_one_of_both(database: Database) -> Vault:
    vault = a_vault(database)
    for password in (PASSWORD, OTHER):
        try:
            vault.unlock(password)
        except KeyStoreLocked:
            continue
        return vault
    pytest.fail("neither the old nor the new password opens it")


def killed(home: Path, changer: str, given: list[str], words: int, wait_ms: float) -> None:
    """Start a changer; kill it after so many words of its, at any moment of what it is doing."""
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.keys.{changer}", str(home), *given],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        for _ in range(words):
            assert process.stdout.readline()
        time.sleep(wait_ms / 1000)
        process.kill()


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_the_old_or_the_new_password_opens_all_keys(
    database: Database, tmp_path: Path, seed: int
) -> None:
    vault = a_vault(database)
    vault.create(PASSWORD)
    for slot in slots(4):
        vault.write(slot, key(f"{slot.key_id} at first"))
    dice = random.Random(seed)  # noqa: S311 - moments, no secrets
    for _ in range(5):
        try:
            a_vault(database).unlock(PASSWORD)
            order = [PASSWORD.reveal(), OTHER.reveal()]
        except KeyStoreLocked:
            order = [OTHER.reveal(), PASSWORD.reveal()]
        killed(tmp_path / "home", "vault_changer", order, dice.randrange(1, 30), dice.uniform(0, 5))
        vault = opened_by_one_of_both(database)
        for slot in slots(4):
            kept = vault.read(slot)
            assert kept is not None
            assert kept.api_key.reveal().startswith(slot.key_id)
            vault.write(slot, kept)


@pytest.mark.anyio
async def test_killed_at_any_moment_the_old_or_the_new_key_serves_and_no_other_is_left(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_a_vault(database, "key 0")
    monkeypatch.setattr(leftovers, "_COMING_S", 0.0)  # as some minutes later
    dice = random.Random(7)  # noqa: S311 - moments, no secrets
    present = 0
    for _ in range(6):
        words = dice.randrange(1, 6)
        killed(tmp_path / "home", "key_changer", [str(present + 1)], words, dice.uniform(0, 5))
        custody = await again(database)
        found = int((await used(custody)).removeprefix("key "))
        assert present + words - 1 <= found <= present + words + 20, "none that was set is lost"
        await custody.changes.sweep("vault")
        assert len(copies(custody, database)["vault"]) == 1
        assert await used(await again(database)) == f"key {found}"
        present = found


def test_killed_while_it_goes_to_the_keyring_and_back_it_still_opens(
    database: Database, keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    del keyring_here
    vault = a_vault(database)
    vault.create(None)
    vault.write(slots(1)[0], key())

    # The moment between the keyring and the file: what was written into the keyring stays there.
    def kill_here(self: Vault) -> None:
        del self
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Vault, "_changing", kill_here)  # a kill at this very place
        with pytest.raises(KeyboardInterrupt):
            a_vault(database).change_password(None, None)
        with pytest.raises(KeyboardInterrupt):
            a_vault(database).change_password(None, PASSWORD)
    assert a_vault(database).read(slots(1)[0]) == key()
