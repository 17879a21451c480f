"""Custodies for tests: in memory alone, or in a home of their own."""

from __future__ import annotations

from sidecar.keys.custody import Custody
from sidecar.keys.index import Index
from sidecar.keys.secret import Secret
from sidecar.keys.store import Slot, StoreName
from sidecar.keys.stores import Stores
from sidecar.keys.wanted import Wanted
from sidecar.keys.watch import SecurityNotice
from sidecar.records.database import Database
from tests.keys.vaults import CHEAP, HERE, PASSWORD

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
