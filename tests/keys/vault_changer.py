"""Changes a vault for as long as it lives: `python -m tests.keys.vault_changer HOME PASSWORDS…`.

It says each thing that it is about to do, and is killed by its test at any moment.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from sidecar.keys.secret import Secret
from sidecar.records.database import Database
from tests.keys.vaults import a_vault, key, slots


def main() -> None:
    """Take turns with the passwords, and write all keys in between."""
    home, *passwords = sys.argv[1:]
    vault = a_vault(Database(Path(home)))
    turns = itertools.cycle(Secret(each) for each in passwords)
    present = next(turns)
    vault.unlock(present)
    for number, new in enumerate(turns):
        print("password", flush=True)  # noqa: T201 - said to the test
        vault.change_password(present, new)
        present = new
        for slot in slots(4):
            print("key", flush=True)  # noqa: T201 - said to the test
            vault.write(slot, key(f"{slot.key_id} {number}"))


if __name__ == "__main__":
    main()
