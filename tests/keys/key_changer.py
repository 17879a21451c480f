"""Sets one key for as long as it lives: `python -m tests.keys.key_changer HOME NUMBER`.

It says each key that it is about to set, from NUMBER on, and is killed by its test at any moment.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import anyio

from sidecar.keys.secret import Secret
from sidecar.records.database import Database
from tests.keys.keepers import SLOT, again
from tests.keys.vaults import HERE


async def main() -> None:
    """Set it, again and again."""
    home, number = sys.argv[1:]
    custody = await again(Database(Path(home)))
    for each in itertools.count(int(number)):
        print(each, flush=True)  # noqa: T201 - said to the test
        await custody.changes.store(SLOT, Secret(f"key {each}"), (HERE,), "vault")


if __name__ == "__main__":
    anyio.run(main)
