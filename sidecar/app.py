"""The composition root: builds every part once, serves until it is told to stop, and ends clean.

How it ends: stdin's end, EPIPE on stdout, `shutdown`, SIGTERM, or the death of `process_id`. Each
of them ends every execution, lets what was asked be answered, flushes, and returns; a hard exit
armed beside it makes sure that two seconds later nothing is left running. With `drain`, the end
of stdin waits first until everything that runs has come to its own end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

import anyio
import anyio.to_thread
import msgspec
from anyio.abc import TaskGroup

from sidecar import contract, unpacked
from sidecar.engine.directory import Directory
from sidecar.engine.executions import Executions
from sidecar.engine.manager import AIManager
from sidecar.engine.network import Network
from sidecar.engine.on_this_machine import LocalProvider
from sidecar.engine.preferences import Preferences
from sidecar.engine.questions import Questions
from sidecar.engine.remote import Remote
from sidecar.errors import ComponentMissing, InvalidParams
from sidecar.keys.custody import Custody
from sidecar.keys.hardening import forbid_core_dumps, tighten
from sidecar.keys.index import Index
from sidecar.keys.redaction import scrub
from sidecar.keys.stores import Stores
from sidecar.local import place
from sidecar.local.models import LocalModel, bundled
from sidecar.local.supervisor import Supervisor
from sidecar.providers.local import LocalProvider as LocalModels
from sidecar.records.database import Database
from sidecar.rpc import stdio
from sidecar.rpc.descriptors import allow_many, claim
from sidecar.rpc.inbox import Inbox
from sidecar.rpc.lines import LineDecoder, Overlong
from sidecar.rpc.server import Server
from sidecar.settings import KeyStoreSettings, Settings

logger = logging.getLogger(__name__)

_WARM_AFTER_S = 0.1
_ENDING_S = 1.0
_PARENT_LOOK_S = 1.0


class App:
    """Every part, and what handlers may ask of the whole."""

    def __init__(self, settings: Settings, tasks: TaskGroup, descriptors: tuple[int, int]) -> None:
        self.settings = settings
        self.methods = contract.METHODS
        self._tasks = tasks
        self._parent: int | None = None
        self._stopping = anyio.Event()
        self._warming: asyncio.TimerHandle | None = None
        self._writer = stdio.Writer(descriptors[1], broken=self.stop)
        self._reader = stdio.Reader(
            descriptors[0],
            decoder=LineDecoder(settings.config.protocol.max_line_bytes),
            deliver=self._deliver,
            ended=self._input_ended,
            at_end=self._arm_at_end,
            reads_to_the_end=settings.drain,
        )
        self.executions = Executions(tasks, self)
        here = place.of_the_worker(settings.worker)
        missing, models = _local_models(here)
        directory = Directory(settings.config, scripted=settings.scripted is not None)
        self._supervisor = Supervisor(
            tasks, environment=_without(directory.key_variables), command=here.command
        )
        self._models = LocalModels(self._supervisor, models, here)
        database = Database(settings.home)
        self.custody = self._custody(database, settings.config.key_store)
        self.custody.learn(directory.key_variables)
        on_this_machine = self._on_this_machine()
        network = Network.of(settings)
        remote = Remote(self.custody, network)
        self.manager = AIManager(directory, self.custody, on_this_machine, remote)
        self.questions = Questions(self.manager)
        self.preferences = Preferences(directory, database)
        self._server = Server(
            self.methods, self, self._writer, tasks, look_at=self.custody.guard.refuse_keys
        )
        self._inbox = Inbox(self._server.receive, self._writer, tasks)
        found = [
            *settings.problems,
            *tighten(settings.home),
            *_missing_scripts(settings),
            *missing,
            *self.preferences.load(),
            *self.custody.holdings.load(),
            *(f"{settings.home / 'config.toml'}: {each}" for each in directory.problems),
            *network.problems(),
            *directory.environment_problems,
            *_missing_model(settings, directory, on_this_machine),
        ]
        self.problems = list(dict.fromkeys(map(scrub, found)))

    # --- the audience of executions ---

    @property
    def crowded(self) -> bool:
        """True where the other side reads more slowly than is written."""
        return self._writer.crowded

    async def room(self) -> None:
        """Wait until the other side has read."""
        await self._writer.room()

    def notify(self, method: str, params: msgspec.Struct) -> None:
        """Send a notification."""
        self._server.notify(method, params)

    # --- life ---

    def stop(self) -> None:
        """Begin to end."""
        self._stopping.set()

    def watch_parent(self, process_id: int) -> None:
        """End when that process does. Looked at once a second.

        Raises `InvalidParams` for another one than the first: of all that share the sidecar, who
        comes later must not end it for the others.
        """
        if self._parent not in (None, process_id):
            message = "The sidecar ends with another process, which was named first."
            raise InvalidParams(message, path="$.process_id", hint="Leave it out.")
        if self._parent is None:
            self._parent = process_id
            self._tasks.start_soon(self._watch, process_id)

    async def serve(self) -> None:
        """Serve until told to stop."""
        for problem in self.problems:
            logger.warning("%s", problem)
        self._tasks.start_soon(self.custody.oversight.audit.run)
        with self._signals():
            self._reader.start()
            await self._stopping.wait()
            stdio.arm_hard_exit()
            await self._end()

    async def _end(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
        with anyio.move_on_after(_ENDING_S):
            self.executions.cancel_all()
            await self._inbox.empty()
            await self.executions.idle()
            self._server.cancel_all()
            await self._server.idle()
        await self._writer.close()
        with anyio.move_on_after(_ENDING_S / 2):
            async with anyio.create_task_group() as closing:
                for close in (
                    self._supervisor.close,
                    self.manager.remote.close,
                    partial(self.custody.oversight.audit.flush, closing=True),
                ):
                    closing.start_soon(close)

    def _custody(self, database: Database, settings: KeyStoreSettings) -> Custody:
        index = Index(database)
        stores = Stores(database, index, settings.order)
        tell = partial(self.notify, "security_notice")
        return Custody(database, stores, index, tell, settings.lock_after_seconds)

    def _on_this_machine(self) -> dict[str, LocalProvider]:
        """The providers on this machine, by their format."""
        here: dict[str, LocalProvider] = {"local": self._models}
        if self.settings.scripted is not None:
            from sidecar.providers.scripted import ScriptedProvider  # noqa: PLC0415 - on demand

            here["scripted"] = ScriptedProvider(self.settings.scripted)
        return here

    def _deliver(self, lines: list[bytes | Overlong]) -> None:
        if self._warming is None:
            # What the first request to a provider needs, loaded a moment after the first answer.
            self._warming = asyncio.get_running_loop().call_later(
                _WARM_AFTER_S, self._tasks.start_soon, self._warm
            )
        self._inbox.deliver(lines, self._reader)

    async def _warm(self) -> None:
        await self.manager.remote.warm()
        await self.custody.oversight.recall()
        await anyio.to_thread.run_sync(unpacked.sweep, abandon_on_cancel=True)

    def _arm_at_end(self) -> None:
        if not self.settings.drain:
            stdio.arm_hard_exit()

    def _input_ended(self) -> None:
        if self.settings.drain:
            self._tasks.start_soon(self._drain)
        else:
            self.stop()

    async def _drain(self) -> None:
        await self._inbox.empty()
        await self._server.idle()
        await self.executions.idle()
        self.stop()

    async def _watch(self, process_id: int) -> None:
        import psutil  # noqa: PLC0415 - only for clients that ask for it

        try:
            parent = psutil.Process(process_id)
            # The system tells no event of another process's end.
            while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110
                await anyio.sleep(_PARENT_LOOK_S)
        except psutil.NoSuchProcess:
            pass
        except psutil.Error as error:
            logger.warning("The process %d can't be watched: %s", process_id, error)
            return
        logger.warning("The process %d has ended; so does the sidecar.", process_id)
        self.stop()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()

        def stop(_signal: int, _frame: object) -> None:
            stdio.arm_hard_exit()  # here and now: the event loop may be busy, or stuck
            loop.call_soon_threadsafe(self.stop)

        kinds = [signal.SIGTERM, signal.SIGINT]
        before = {kind: signal.signal(kind, stop) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


def _without(variables: Collection[str]) -> dict[str, str]:
    """The environment but for these, whatever their names are."""
    return {name: value for name, value in os.environ.items() if name not in variables}


def _local_models(where: place.Place) -> tuple[list[str], list[LocalModel]]:
    """The models of this machine; a part that was left out must not keep the rest from running."""
    try:
        where.check()
        return [], [bundled(where.models)]
    except ComponentMissing as error:
        return [f"{error.message} {error.hint}"], []


def _missing_scripts(settings: Settings) -> list[str]:
    if settings.scripted is None or settings.scripted.is_dir():
        return []
    return [f"--scripted: there is no folder {settings.scripted}; it has no scripts to play."]


def _missing_model(
    settings: Settings, directory: Directory, here: dict[str, LocalProvider]
) -> list[str]:
    """An active model of this machine that is not here. What others have, only asking tells."""
    active = settings.config.active
    if active is None or active.model is None or active.provider not in directory.names():
        return []
    local = here.get(directory.row(active.provider).vendor.format)
    known = [model.id for model in local.models()] if local is not None else []
    if not known or active.model in known:
        return []
    place = f"{settings.home / 'config.toml'}: active.model"
    return [f"{place}: {active.provider} has no model {active.model!r}, but: {', '.join(known)}."]


async def serve(settings: Settings) -> None:
    """Serve on this process's stdin and stdout until told to stop."""
    allow_many()
    forbid_core_dumps()
    descriptors = claim()
    async with anyio.create_task_group() as tasks:
        await App(settings, tasks, descriptors).serve()
        tasks.cancel_scope.cancel()
