"""The sidecar itself: hello, ping, goodbye, and the contract."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from sidecar import PROTOCOL_VERSION, __version__
from sidecar.handlers.models import NoParams
from sidecar.keys.store import StoreState
from sidecar.providers.vendor import ClientApp
from sidecar.rpc.methods import Call
from sidecar.values import Said, Value

if TYPE_CHECKING:
    from sidecar.app import App


class ClientInfo(Value, frozen=True):
    """Who is calling. `url`: the app's own page on the web."""

    name: Annotated[str, Meta(max_length=200)]
    version: Annotated[str, Meta(max_length=200)] | None = None
    url: Annotated[str, Meta(max_length=200, pattern=r"^https://[!-~]+$(?!\n)")] | None = None


class InitializeParams(Value, frozen=True):
    """`process_id`: the sidecar ends when this process does, besides ending with its stdin."""

    client: ClientInfo | None = None
    process_id: Annotated[int, Meta(ge=1)] | None = None


class ServerInfo(Said, frozen=True):
    """Who is answering."""

    name: str
    version: str


class KeyStoreState(Said, frozen=True):
    """Where keys are looked for, in that order, as far as it is known without asking.

    `unknown`: whether there is an OS keyring, and whether it is open, `list_api_keys` tells.
    """

    stores: list[StoreState]


class Paths(Said, frozen=True):
    """The files a user may want to find."""

    home: str
    config: str


class InitializeResult(Said, frozen=True):
    """`protocol_version` is MAJOR.MINOR; a client refuses another major.

    `problems` are for people: settings that could not be used, and what was used instead.
    """

    server: ServerInfo
    protocol_version: str
    capabilities: list[str]
    key_store: KeyStoreState
    paths: Paths
    problems: list[str]


class Empty(Said, frozen=True):
    """Nothing to say."""


async def initialize(app: App, params: InitializeParams, call: Call) -> InitializeResult:
    """Say hello. Optional: requests work without it."""
    del call
    if params.client is not None:
        app.manager.remote.app = ClientApp(params.client.name, params.client.url)
    if params.process_id is not None:
        app.watch_parent(params.process_id)
    home = app.settings.home
    return InitializeResult(
        server=ServerInfo(name="ai-sidecar", version=__version__),
        protocol_version=PROTOCOL_VERSION,
        capabilities=sorted(app.methods),
        key_store=KeyStoreState(stores=await app.custody.stores.known()),
        paths=Paths(home=str(home), config=str(home / "config.toml")),
        problems=app.problems,
    )


def ping(app: App, params: NoParams, call: Call) -> Empty:
    """Answer."""
    del app, params, call
    return Empty()


def shutdown(app: App, params: NoParams, call: Call) -> Empty:
    """End every execution, answer, and exit with status 0."""
    del params
    call.afterwards(app.stop)
    return Empty()


def discover(app: App, params: NoParams, call: Call) -> dict[str, Any]:
    """Return this contract as an OpenRPC document."""
    del app, params, call
    return _document()


@functools.cache
def _document() -> dict[str, Any]:
    from sidecar import contract  # noqa: PLC0415 - the table names this very function
    from sidecar.rpc import openrpc  # noqa: PLC0415 - seldom needed

    return openrpc.document(contract.METHODS, contract.NOTIFICATIONS)
