"""AIManager: for each request the provider, its key and its defaults; then the provider's run.

    request → row (catalogue, config.toml, RPC) → target (address, key, model, deadlines) → run

Where limits, retries, cache and fallbacks come, they come here, around `_run`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import anyio
import anyio.to_thread
import msgspec

from sidecar.engine.directory import Active, Directory, Overrides, Row
from sidecar.errors import AIError, InvalidParams, StorageError
from sidecar.providers.base import Format, Secret, Sink, Target
from sidecar.records.database import Database
from sidecar.values import AIRequest, ModelInfo

if TYPE_CHECKING:
    from sidecar.providers.client import Client

logger = logging.getLogger(__name__)

Run = Callable[[Sink], Awaitable[None]]
"""Answers one request into a sink."""


class LocalProvider(Protocol):
    """A provider on this machine: no address, no key."""

    async def stream(self, request: AIRequest, model: str, sink: Sink) -> None:
        """Answer `request` with `model`."""

    def models(self) -> list[ModelInfo]:
        """The models there are."""

    def default_model(self) -> str | None:
        """The model for requests that name none."""


class AIManager:
    """The one interface in front of all providers."""

    def __init__(
        self,
        directory: Directory,
        database: Database,
        on_this_machine: dict[str, LocalProvider],
    ) -> None:
        self.directory = directory
        self._database = database
        self._local = on_this_machine
        self._client: Client | None = None
        self._formats: dict[str, Format] = {}

    # --- requests ---

    def prepare(self, provider: str | None, request: AIRequest) -> tuple[Row, str, Run]:
        """Resolve everything that can be wrong before a provider is asked.

        Returns the row, the model and the run. Raises `ProviderNotFound`, `KeyNotFound`,
        `KeyOriginMismatch`, `ConfigError` or `InvalidParams`.
        """
        active = self.directory.active
        row = self.directory.row(provider or active.provider)
        model = request.model or row.model
        if model is None and row.vendor.name == active.provider:
            model = active.model
        local = self._local.get(row.vendor.format)
        if local is not None:
            model = model or local.default_model()
        if model is None:
            raise InvalidParams(
                f"No model is named, and {row.vendor.display_name} has no default one.",
                path="$.request.model",
                hint="Name a model (list_models lists them), or set one by configure_provider.",
            )
        request = _with_defaults(request, row)
        if local is not None:
            return row, model, _local_run(local, request, model)
        target = self._target(row, model, request)
        return row, model, self._remote_run(request, target)

    async def models(self, provider: str | None) -> list[ModelInfo]:
        """Ask a provider for its models."""
        row = self.directory.row(provider or self.directory.active.provider)
        return await self._models(row, row.key)

    async def test(self, provider: str, key: Secret | None) -> list[ModelInfo]:
        """Ask a provider for its models, with a key that is used this once, if one is given."""
        row = self.directory.row(provider)
        return await self._models(row, (lambda: key) if key is not None else row.key)

    # --- settings ---

    def load(self) -> list[str]:
        """Read what was set over RPC; return what of it was not usable."""
        try:
            stored = self._database.read_settings()
        except StorageError as error:
            return [f"{error.message} {error.hint}"]
        problems = []
        for name, value in stored.items():
            try:
                self._take(name, value)
            except msgspec.DecodeError as error:
                problems.append(f"The stored setting {name} can't be read and is ignored: {error}.")
        return problems

    async def configure(self, provider: str, overrides: Overrides) -> Row:
        """Set what RPC sets for a provider, and keep it."""
        value = None if overrides == Overrides() else msgspec.json.encode(overrides)
        before = dict(self.directory.overrides)
        if value is None:
            self.directory.overrides.pop(provider, None)
        else:
            self.directory.overrides[provider] = overrides
        try:
            row = self.directory.row(provider)
            await self._store(f"provider:{provider}", value)
        except AIError:
            self.directory.overrides = before
            raise
        return row

    async def activate(self, active: Active) -> None:
        """Set the provider that requests without one go to, and keep it."""
        self.directory.row(active.provider)
        await self._store("active", msgspec.json.encode(active))
        self.directory.active = active

    # --- life ---

    async def warm(self) -> None:
        """Import and build what the first request would otherwise wait for."""
        await anyio.to_thread.run_sync(_import_client)

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.close()

    def _take(self, name: str, value: bytes) -> None:
        kind, _, provider = name.partition(":")
        if kind == "provider":
            self.directory.overrides[provider] = msgspec.json.decode(value, type=Overrides)
        elif kind == "active":
            self.directory.active = msgspec.json.decode(value, type=Active)

    async def _store(self, name: str, value: bytes | None) -> None:
        await anyio.to_thread.run_sync(self._database.write_setting, name, value)

    async def _models(self, row: Row, key: Callable[[], Secret | None]) -> list[ModelInfo]:
        local = self._local.get(row.vendor.format)
        if local is not None:
            return local.models()
        target = self._target(row, "", None, key)
        if row.vendor.models:
            return [ModelInfo(id=model, provider=row.vendor.name) for model in row.vendor.models]
        return await self._http().models(self._format(row.vendor.format), target)

    def _target(
        self,
        row: Row,
        model: str,
        request: AIRequest | None,
        key: Callable[[], Secret | None] | None = None,
    ) -> Target:
        if row.base_url is None:
            message = f"{row.vendor.display_name} has no address yet."
            place = f"providers.{row.vendor.name}"
            hint = f"Set base_url by configure_provider, or in config.toml under {place}."
            raise InvalidParams(message, path="$.provider", hint=hint)
        return Target(
            vendor=row.vendor,
            base_url=row.base_url,
            model=model,
            deadlines=row.deadlines(request.timeouts if request else None),
            key=(key or row.key)(),
            organization=row.organization,
        )

    def _remote_run(self, request: AIRequest, target: Target) -> Run:
        async def run(sink: Sink) -> None:
            await self._http().run(self._format(target.vendor.format), request, target, sink)

        return run

    def _http(self) -> Client:
        if self._client is None:
            self._client = _import_client()()
        return self._client

    def _format(self, name: str) -> Format:
        if name not in self._formats:
            self._formats[name] = _import_format(name)
        return self._formats[name]


def _local_run(local: LocalProvider, request: AIRequest, model: str) -> Run:
    async def run(sink: Sink) -> None:
        await local.stream(request, model, sink)

    return run


def _with_defaults(request: AIRequest, row: Row) -> AIRequest:
    changes = {
        name: getattr(row, name)
        for name in ("max_tokens", "temperature")
        if getattr(request, name) is None and getattr(row, name) is not None
    }
    return msgspec.structs.replace(request, **changes) if changes else request


def _import_client() -> type[Client]:
    # httpx takes 60 ms to import; the first answer (a ping, a list) must not wait for it.
    from sidecar.providers.client import Client  # noqa: PLC0415

    return Client


def _import_format(name: str) -> Format:
    from sidecar.providers.formats.openai_chat import OpenAIChat  # noqa: PLC0415

    return {"openai_chat": OpenAIChat}[name]()
