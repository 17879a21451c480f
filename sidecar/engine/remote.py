"""Providers that have an address: how each is spoken to, over which client, and with which key."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, TypeVar

import anyio.to_thread

from sidecar.engine.attempts import Send, outcome, with_keys
from sidecar.engine.directory import Row
from sidecar.engine.network import Network
from sidecar.errors import ConfigError, InvalidParams
from sidecar.keys.custody import Custody
from sidecar.keys.secret import Secret
from sidecar.providers.format import Format, HttpRequest
from sidecar.providers.formats import load
from sidecar.providers.sink import Facts, Sink
from sidecar.providers.vendor import ClientApp, Target
from sidecar.values import AIRequest, ModelInfo, Timeouts

if TYPE_CHECKING:
    from sidecar.providers.client import Client

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Remote:
    """Sends requests to them."""

    def __init__(self, custody: Custody, network: Network) -> None:
        self.app: ClientApp | None = None
        """Whom the sidecar serves, once it has said so."""
        self._custody = custody
        self._network = network
        self._client: Client | None = None
        self._formats: dict[str, Format] = {}

    def target(self, row: Row, model: str = "", timeouts: Timeouts | None = None) -> Target:
        """Where a request goes, but for its key. Raises `InvalidParams` without an address."""
        if row.base_url is None:
            message = f"{row.vendor.display_name} has no address yet."
            place = f"providers.{row.vendor.name}"
            hint = f"Set base_url by configure_provider, or in config.toml under {place}."
            raise InvalidParams(message, path="$.provider", hint=hint)
        return Target(
            vendor=row.vendor,
            base_url=row.base_url,
            model=model,
            deadlines=row.deadlines(timeouts),
            organization=row.organization,
            proxy=self._network.proxy_of(row.vendor.name),
            api_version=row.api_version,
            app=self.app,
        )

    def format(self, name: str) -> Format:
        """Return a wire format."""
        if name not in self._formats:
            self._formats[name] = load(name)
        return self._formats[name]

    # --- with which key ---

    def check_key(self, row: Row, execution_id: str | None) -> None:
        """Raise at once what would be told of a missing key, or of one for another address."""
        self._custody.choose(row.wanted(), execution_id)

    async def with_keys(self, row: Row, sink: Sink, send: Send[T]) -> T:
        """Send with the provider's keys, in turn. Raises what `send` does, and about keys."""
        return await with_keys(self._custody, row.wanted(), sink, send)

    async def once(self, row: Row, send: Send[T], key: Secret) -> T:
        """Send with a key that is not kept, where the provider is now."""
        told, origin = self._custody.oversight.used_once, row.wanted().origin
        with outcome(lambda result: told(row.vendor.name, origin, result)):
            return await send(key)

    # --- what is sent ---

    def chat(self, request: AIRequest, target: Target, sink: Sink) -> Send[None]:
        """Have a request answered into a sink, by the format that its model is spoken to in."""

        async def send(key: Secret | None) -> None:
            wire = self.format(target.vendor.format_of(target.model))
            await self._http().run(wire, request, _keyed(target, key), sink)

        return send

    def models(self, target: Target) -> Send[list[ModelInfo]]:
        """Ask for the list of models."""

        async def send(key: Secret | None) -> list[ModelInfo]:
            wire = self.format(target.vendor.format)
            return await self._http().models(wire, _keyed(target, key))

        return send

    async def ask(self, request: HttpRequest, target: Target, facts: Facts) -> bytes:
        """Send what has one answer and no stream; `target` has the key."""
        return await self._http().ask(self.format(target.vendor.format), request, target, facts)

    # --- life ---

    async def warm(self) -> None:
        """Import and build what the first request would otherwise wait for."""
        try:
            await anyio.to_thread.run_sync(_import_client)
            await self._http().warm()
        except ConfigError as error:
            logger.warning("%s %s", error.message, error.hint)
        except ImportError:
            # The request that needs it will say so; those that don't are served.
            logger.exception("The HTTP client can't be loaded.")

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()

    def _http(self) -> Client:
        if self._client is None:
            self._client = _import_client()(self._network.proxy, self._network.ca_file)
        return self._client


def _keyed(target: Target, key: Secret | None) -> Target:
    return dataclasses.replace(target, key=key)


def _import_client() -> type[Client]:
    # httpx takes 60 ms to import; the first answer (a ping, a list) must not wait for it.
    from sidecar.providers.client import Client  # noqa: PLC0415

    return Client
