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

from sidecar.errors import AIError
from sidecar.keys.audit import Audit
from sidecar.keys.chain import Chain
from sidecar.keys.events import NumberedEvent, Verdict
from sidecar.keys.index import Index
from sidecar.keys.seals import StoredSeals
from sidecar.keys.secret import Unlisted
from sidecar.keys.stores import Stores
from sidecar.records.database import Database
from sidecar.settings import Settings
from sidecar.terminal.screen import GREEN, RED, Screen, styled
from sidecar.terminal.visible import visible


def run(settings: Settings, *, most: int, begin_anew: bool) -> int:
    """Show the newest events and the verdict; return 0 where the record is whole, 1 otherwise."""
    screen = Screen()
    database = Database(settings.home)
    stores = Stores(database, Index(database), settings.config.key_store.order)
    try:
        look = partial(_look, screen, stores, database, most, begin_anew=begin_anew)
        return anyio.run(look)
    except AIError as error:
        screen.line(styled(visible(error.message), RED, sys.stdout))
        screen.line(f"→ {visible(error.hint)}")
        return 1


async def _look(
    screen: Screen, stores: Stores, database: Database, most: int, *, begin_anew: bool
) -> int:
    def failed(why: str) -> None:
        screen.line(styled(visible(why), RED, sys.stdout))

    audit = Audit(Chain(database), StoredSeals(stores), failed)
    await _open_vault(stores)
    for each in reversed(await audit.events(before=None, limit=most, provider=None)):
        screen.line(_line(each))
    verdict = await (audit.begin_anew() if begin_anew else audit.verify())
    _show(screen, verdict)
    return 0 if verdict.valid else 1


async def _open_vault(stores: Stores) -> None:
    """The seal may be in there. Who does not type the password sees what can be seen without."""
    if "vault" not in stores.order or not sys.stdin.isatty():
        return
    if (await stores.state("vault")).state == "locked":
        password = getpass.getpass("The vault's master password (Enter: without it): ")
        if password:
            await stores.in_vault(lambda vault: vault.unlock(Unlisted(password)))


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
    text = f"The record is not what was written. At {verdict.seq}: {verdict.problem}"
    screen.line(styled(text, RED, sys.stdout))
    screen.line(
        "→ Somebody has changed sidecar.db. If it was you, by putting back a backup, begin anew: "
        "ai-sidecar audit --begin-anew"
    )
