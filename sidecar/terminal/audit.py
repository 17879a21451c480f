"""`ai-sidecar audit`: what has happened to the keys of this home, and whether the record is whole.

It is also the only way to begin the record anew, for who has put back an older sidecar.db himself.
Over RPC there is none: a window that was taken over could put its traces out of question.
"""

from __future__ import annotations

import getpass
import sys
import time
from functools import partial

import anyio

from sidecar import logs
from sidecar.errors import AIError
from sidecar.keys.chain import Chain
from sidecar.keys.door import VaultDoor
from sidecar.keys.events import NumberedEvent, Verdict
from sidecar.keys.hardening import forbid_core_dumps
from sidecar.keys.holdings import Holdings
from sidecar.keys.index import Index
from sidecar.keys.oversight import Oversight
from sidecar.keys.seals import StoredSeals
from sidecar.keys.secret import Secret, Unlisted
from sidecar.keys.stores import Stores
from sidecar.keys.vault import Vault
from sidecar.keys.watch import SecurityNotice
from sidecar.records.database import Database
from sidecar.settings import Settings
from sidecar.terminal.screen import GREEN, RED, Screen, styled
from sidecar.terminal.visible import visible


def run(settings: Settings, *, most: int, begin_anew: bool) -> int:
    """Show the newest events and the verdict; return 0 where the record is whole, 1 otherwise."""
    logs.configure()
    forbid_core_dumps()
    screen = Screen()
    database = Database(settings.home)
    stores = Stores(database, Index(database), settings.config.key_store.order)
    try:
        password = _password(stores.vault) if "vault" in stores.order else None
        look = partial(_look, screen, stores, database, password, most, begin_anew=begin_anew)
        return anyio.run(look)
    except AIError as error:
        _tell(screen, error)
        return 1
    except KeyboardInterrupt:
        return 130


async def _look(  # noqa: PLR0913 - what it looks at, and how
    screen: Screen,
    stores: Stores,
    database: Database,
    password: Secret | None,
    most: int,
    *,
    begin_anew: bool,
) -> int:
    def tell(notice: SecurityNotice) -> None:
        screen.line(styled(visible(notice.message), RED, sys.stdout))

    oversight = Oversight(Chain(database), StoredSeals(stores, database), tell)
    if password is not None:
        door = VaultDoor(stores, Holdings(Index(database), stores.order), oversight)
        try:
            await door.unlock(password)
        except AIError as error:
            _tell(screen, error)
    audit = oversight.audit
    for each in reversed(await audit.events(before=None, limit=most, provider=None)):
        screen.line(_line(each))
    verdict = await (audit.begin_anew() if begin_anew else audit.verify())
    await audit.flush(closing=True)
    _show(screen, verdict)
    return 0 if verdict.valid else 1


def _password(vault: Vault) -> Secret | None:
    """The seal may be in there. Who does not type the password sees what can be seen without."""
    header = vault.header()
    if header is None or header.protection != "password" or not sys.stdin.isatty():
        return None
    try:
        typed = getpass.getpass("The vault's master password (Enter: without it): ")
    except EOFError:
        return None
    return Unlisted(typed) if typed else None


def _line(numbered: NumberedEvent) -> str:
    event = numbered.event
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.at / 1000))
    key = f"{event.provider}/{event.key_id}" if event.provider else ""
    words = (event.event, event.result, key, event.store, event.origin, event.execution_id)
    return visible(f"{numbered.seq:6} {when}  " + "  ".join(word for word in words if word))


def _show(screen: Screen, verdict: Verdict) -> None:
    count = f"{verdict.events} event{'' if verdict.events == 1 else 's'}"
    if verdict.valid:
        seal = f"sealed up to {verdict.sealed}" if verdict.sealed else "looked at without its seal"
        screen.line(styled(f"The record is whole: {count}, {seal}.", GREEN, sys.stdout))
        return
    where = f" At {verdict.seq}:" if verdict.seq is not None else ""
    text = f"The record is not what was written.{where} {verdict.problem}"
    screen.line(styled(text, RED, sys.stdout))
    screen.line(
        "→ Somebody has changed sidecar.db, or taken the seal away. If it was you, by putting back "
        "a backup, close the app and begin anew: ai-sidecar audit --begin-anew"
    )


def _tell(screen: Screen, error: AIError) -> None:
    screen.line(styled(visible(error.message), RED, sys.stdout))
    screen.line(f"→ {visible(error.hint)}")
