"""Two sidecars of one home, and the one seal of its audit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from sidecar.errors import KeyStoreLocked
from sidecar.keys.checkpoint import Checkpoint
from sidecar.keys.claim import Claim
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot
from sidecar.records.database import Database
from tests.keys.keepers import keeper
from tests.keys.vaults import HERE
from tests.secret_service import SecretService

HOLDER = """
import sys
from pathlib import Path
from sidecar.keys.claim import Claim

with Claim(Path(sys.argv[1])).tried() as held:
    print(held, flush=True)
    sys.stdin.read()
"""


def test_one_has_it_at_a_time_and_nobody_waits(tmp_path: Path) -> None:
    ours, theirs = Claim(tmp_path), Claim(tmp_path)
    with ours.tried() as held, theirs.tried() as also:
        assert (held, also) == (True, False)
    with theirs.tried() as held, ours.tried() as also:
        assert (held, also) == (True, False)


def test_a_holder_that_is_killed_does_not_keep_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        with Claim(tmp_path).tried() as held:
            assert not held
        holder.kill()
    with Claim(tmp_path).tried() as held:
        assert held


@pytest.mark.parametrize("name", ["none", "file/home", "x" * 300])
def test_a_home_that_cannot_be_written_has_none_to_wait_for(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with Claim(tmp_path / name).tried() as held:
        assert held
    assert not (tmp_path / "none").exists()


@pytest.mark.anyio
async def test_two_that_look_for_the_seal_at_once_make_one(
    database: Database, keyring_here: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    del keyring_here
    one, two = keeper(database, "keyring"), keeper(database, "keyring")
    for number, each in enumerate((one, two)):
        await each.changes.store(Slot("mine", f"key{number}"), Secret(f"{number}"), (HERE,), None)
        await each.oversight.audit.flush()
    making, go_on = anyio.Event(), anyio.Event()
    make = one.oversight.audit._sealer._seals.make

    async def late() -> Checkpoint | None:
        making.set()
        await go_on.wait()
        return await make()

    monkeypatch.setattr(one.oversight.audit._sealer._seals, "make", late)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.oversight.audit._seal)
        await making.wait()
        await two.oversight.audit._seal()
        two.oversight.vault_locked()
        await two.oversight.audit.flush()
        go_on.set()
    await two.oversight.audit._seal()
    for each in (one, two, keeper(database, "keyring")):
        verdict = await each.oversight.audit.verify()
        assert verdict.valid, verdict
        assert verdict.sealed == 3


@pytest.mark.anyio
async def test_it_is_not_begun_anew_while_another_sidecar_writes_the_seal(
    database: Database, keyring_here: SecretService
) -> None:
    del keyring_here
    custody = keeper(database, "keyring")
    await custody.changes.store(Slot("mine", "key"), Secret("a key"), (HERE,), None)
    await custody.oversight.audit.verify()
    with Claim(database.home).tried():
        assert (await custody.oversight.audit.verify()).valid, "what is only read waits for nobody"
        with pytest.raises(KeyStoreLocked, match="just writing"):
            await custody.oversight.audit.begin_anew()
    assert (await custody.oversight.audit.begin_anew()).valid
