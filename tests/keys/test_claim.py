"""Two sidecars of one home, which change its keys at the very same moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from sidecar.errors import KeyStoreLocked
from sidecar.keys import claim
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.claim import Claim
from sidecar.keys.custody import Custody
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again, in_a_vault, keeper, used
from tests.keys.vaults import HERE, PASSWORD
from tests.secret_service import SecretService

pytestmark = pytest.mark.anyio

_HOLDER = """
import sys, anyio
from pathlib import Path
from sidecar.keys.claim import Claim

async def hold():
    async with Claim(Path(sys.argv[1])).held():
        print("held", flush=True)
        sys.stdin.read()

anyio.run(hold)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which something was kept already."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def on_refusal(custody: Custody, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Do this when another one has the claim."""
    lock = custody.stores.claim._lock

    def told() -> bool:
        taken = lock()
        if not taken:
            act()
        return taken

    monkeypatch.setattr(custody.stores.claim, "_lock", told)


# --- the claim -----------------------------------------------------------------------------------


async def test_one_has_it_at_a_time(home: Path) -> None:
    ours, theirs = Claim(home), Claim(home)
    async with ours.held():
        with theirs.tried() as held:
            assert not held
    with theirs.tried() as held:
        assert held
        with ours.tried() as also:
            assert not also
    assert (home / "keys.lock").stat().st_mode & 0o777 == 0o600


async def test_several_changes_of_one_process_have_it_together(home: Path) -> None:
    ours, theirs = Claim(home), Claim(home)
    async with ours.held():
        async with ours.held():
            pass
        with theirs.tried() as held:
            assert not held
    with theirs.tried() as held:
        assert held


async def test_who_waits_has_it_when_it_is_given_back(home: Path) -> None:
    ours, theirs = Claim(home), Claim(home)
    order: list[str] = []

    async def wait() -> None:
        async with theirs.held():
            order.append("theirs")

    async with anyio.create_task_group() as tasks, ours.held():
        tasks.start_soon(wait)
        await anyio.lowlevel.checkpoint()
        order.append("ours")
    assert order == ["ours", "theirs"]


async def test_who_waits_too_long_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "_PATIENCE_S", 0.0)
    async with Claim(home).held():
        with pytest.raises(KeyStoreLocked, match="Another process"):
            async with Claim(home).held():
                raise AssertionError


def test_a_holder_that_is_killed_does_not_keep_it(home: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with Claim(home).tried() as held:
            assert not held
        holder.kill()
    with Claim(home).tried() as held:
        assert held


async def test_it_makes_no_home_for_a_key_that_ends_with_the_run(tmp_path: Path) -> None:
    async with Claim(tmp_path / "none").held():
        pass
    assert not (tmp_path / "none").exists()


async def test_a_home_that_cannot_be_written_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with Claim(tmp_path / "file").held(), Claim(tmp_path / "file").held():
        pass


# --- what it is for ------------------------------------------------------------------------------


async def test_an_old_copy_that_is_swept_is_not_the_key_that_is_just_being_set(
    database: Database, keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await in_a_vault(database)
    await one.changes.store(SLOT, Secret("the old one"), (HERE,), "keyring")
    with keyring_here.locked():
        await one.changes.store(SLOT, Secret("the new one"), (HERE,), "vault")
    two = await again(database)
    sweeping, go_on = anyio.Event(), anyio.Event()
    delete = one.stores.delete

    async def late(*place: object) -> None:
        sweeping.set()
        await go_on.wait()
        await delete(*place)  # type: ignore[arg-type] # as it was called

    async def set_anew() -> None:
        await two.changes.store(SLOT, Secret("the newest"), (HERE,), "keyring")
        go_on.set()

    monkeypatch.setattr(one.stores, "delete", late)
    on_refusal(two, monkeypatch, go_on.set)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.changes.sweep, "keyring")
        await sweeping.wait()
        tasks.start_soon(set_anew)
    assert await used(await again(database)) == "the newest"
    await two.changes.delete(SLOT)


async def test_a_sweep_does_not_wait_for_another_sidecar_and_is_done_later(
    database: Database, keyring_here: SecretService
) -> None:
    one = await in_a_vault(database)
    await one.changes.store(SLOT, Secret("the old one"), (HERE,), "keyring")
    with keyring_here.locked():
        await one.changes.store(SLOT, Secret("the new one"), (HERE,), "vault")
    async with Claim(database.home).held():
        await one.changes.sweep("keyring")
    assert await one.stores.read("keyring", SLOT) is not None
    await one.changes.sweep("keyring")
    assert await one.stores.read("keyring", SLOT) is None


async def test_a_key_that_another_sidecar_has_moved_is_set_in_its_place(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    one = keeper(database)
    await one.vault.create(PASSWORD)
    await one.changes.store(SLOT, Secret("first"), (HERE,), "keyring")
    two = await again(database)
    await two.changes.store(SLOT, Secret("moved"), (HERE,), "vault")
    await one.changes.store(SLOT, Secret("set anew"), (HERE,), "keyring")
    assert await one.stores.read("vault", SLOT) is None
    assert await used(await again(database)) == "set anew"
    await one.changes.delete(SLOT)


async def test_two_that_look_for_the_seal_of_the_audit_at_once_make_one(
    database: Database, keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    del keyring_here
    one, two = keeper(database, "keyring"), keeper(database, "keyring")
    for number, each in enumerate((one, two)):
        await each.changes.store(Slot("mine", f"key{number}"), Secret(f"{number}"), (HERE,), None)
        await each.oversight.audit.flush()
    making, go_on = anyio.Event(), anyio.Event()
    make = one.oversight.audit._seals.make

    async def late() -> Checkpoint | None:
        making.set()
        await go_on.wait()
        return await make()

    async def seal() -> None:
        await two.oversight.audit._seal()
        two.oversight.vault_locked()
        await two.oversight.audit.flush()
        go_on.set()

    monkeypatch.setattr(one.oversight.audit._seals, "make", late)
    on_refusal(two, monkeypatch, go_on.set)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.oversight.audit._seal)
        await making.wait()
        tasks.start_soon(seal)
    for each in (one, two, keeper(database, "keyring")):
        verdict = await each.oversight.audit.verify()
        assert verdict.valid, verdict
        assert verdict.sealed == 3
