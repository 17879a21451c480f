"""Custodies for tests: in memory alone, or in a home of their own."""

from __future__ import annotations

import os
from contextlib import closing

from sidecar.keys.custody import Custody
from sidecar.keys.index import Index
from sidecar.keys.keyring_store import SERVICE
from sidecar.keys.memory import MemoryStore
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoreName
from sidecar.keys.stores import Stores
from sidecar.keys.wanted import Wanted
from sidecar.keys.watch import SecurityNotice
from sidecar.records.database import Database
from tests.keys.vaults import CHEAP, HERE, PASSWORD, by_hand

SLOT = Slot("mine", "default")
_ALL: tuple[StoreName, ...] = ("keyring", "vault", "environment")


def custody(
    database: Database,
    *order: StoreName,
    notices: list[SecurityNotice] | None = None,
    lock_after_s: float = 0,
) -> Custody:
    """Make one; without an order its keys are in memory and in the environment."""
    index = Index(database)
    stores = Stores(database, index, order or ("memory", "environment"))
    told = notices if notices is not None else []
    found = Custody(database, stores, index, told.append, lock_after_s)
    found.holdings.load()
    return found


def wanted(origin: str | None = HERE, *, required: bool = True) -> Wanted:
    """What a request to the provider `mine` needs a key for."""
    return Wanted(
        provider="mine",
        display_name="Mine",
        origin=origin,
        variables=("MINE_API_KEY",),
        environment_origins=frozenset({HERE}),
        required=required,
    )


def keeper(
    database: Database,
    *order: StoreName,
    notices: list[SecurityNotice] | None = None,
    lock_after_s: float = 0,
) -> Custody:
    """Make one with all key stores, whose vault costs little."""
    found = custody(database, *(order or _ALL), notices=notices, lock_after_s=lock_after_s)
    found.stores.vault._wrapping.scrypt_n = CHEAP
    return found


async def used(keeper: Custody, origin: str = HERE) -> str:
    """Return the key that a request gets first."""
    entry = keeper.choose(wanted(origin), "e1")[0]
    return (await keeper.open(entry, wanted(origin), "e1")).reveal()


async def in_a_vault(database: Database, text: str = "the-key-itself") -> Custody:
    """Make one with a key in its vault."""
    found = keeper(database)
    await found.vault.create(PASSWORD)
    await found.changes.store(SLOT, Secret(text), (HERE,), "vault")
    return found


async def again(database: Database, notices: list[SecurityNotice] | None = None) -> Custody:
    """The same home after a restart, or in a second sidecar."""
    found = keeper(database, notices=notices)
    await found.vault.unlock(PASSWORD)
    return found


def copies(keeper: Custody, database: Database) -> dict[str, list[str]]:
    """Where copies of people's keys lie, by their stores; in the keyring those of this home."""
    rows = by_hand(database, "SELECT provider, key_id FROM secrets WHERE provider NOT LIKE '$%'")
    memory = keeper.stores._all["memory"]
    assert isinstance(memory, MemoryStore)
    found = {
        "vault": [f"{provider}/{key_id}" for provider, key_id in rows],
        "memory": ["/".join(slot) for slot in memory._kept],
        "keyring": _in_the_keyring(keeper),
    }
    return {store: names for store, names in found.items() if names}


def _in_the_keyring(keeper: Custody) -> list[str]:
    if "DBUS_SESSION_BUS_ADDRESS" not in os.environ:
        return []
    import secretstorage  # noqa: PLC0415 - Linux alone has it

    with closing(secretstorage.dbus_init()) as connection:
        items = secretstorage.Collection(connection).search_items({"service": SERVICE})
        names = [item.get_attributes()["username"] for item in items]
    home = f"{keeper.stores._keyring._home_id()}/"
    own = [name.removeprefix(home) for name in names if name.startswith(home)]
    return [name for name in own if not name.startswith("$")]
