"""AIManager: for each request the provider, its model and its defaults; then the provider's run.

    request → row (catalogue, config.toml, RPC) → target (address, key, model, deadlines) → run

Where limits, retries, cache and fallbacks come, they come here, around the run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any

import msgspec

from sidecar.engine import on_this_machine, unheeded
from sidecar.engine.directory import Directory, Row
from sidecar.engine.on_this_machine import LocalProvider
from sidecar.engine.remote import Remote
from sidecar.errors import InvalidParams
from sidecar.keys.custody import Custody
from sidecar.providers.sink import Sink
from sidecar.values import AIRequest

Run = Callable[[Sink], Awaitable[None]]
"""Answers one request into a sink."""


class AIManager:
    """The one interface in front of all providers."""

    def __init__(
        self,
        directory: Directory,
        custody: Custody,
        on_this_machine: dict[str, LocalProvider],
        remote: Remote,
    ) -> None:
        self.directory = directory
        self.remote = remote
        self._custody = custody
        self._local = on_this_machine

    def prepare(
        self, provider: str | None, request: AIRequest, execution_id: str | None = None
    ) -> tuple[Row, str, Run]:
        """Resolve everything that can be wrong before a provider is asked.

        Returns the row, the model and the run. Raises `ProviderNotFound`, `KeyNotFound`,
        `KeyOriginMismatch`, `ConfigError` or `InvalidParams`.
        """
        row, model = self.resolve(provider, request)
        request = _with_defaults(request, row)
        local = self.local(row)
        if local is not None:
            return row, model, _local_run(local, request, model, row)
        return row, model, self._remote_run(request, model, row, execution_id)

    def resolve(self, provider: str | None, request: AIRequest) -> tuple[Row, str]:
        """Return the row and the model that a request is for. Raises as `prepare` does."""
        check_extra(request.extra, "messages", "model", "stream")
        active = self.directory.active
        row = self.directory.row(provider or active.provider)
        chosen = active.model if row.vendor.name == active.provider else None
        # Who names no provider means the active one, and its model with it.
        usual = (row.model, chosen) if provider else (chosen, row.model)
        model = request.model or usual[0] or usual[1]
        local = self.local(row)
        if local is not None:
            model = model or local.default_model()
        if model is None:
            raise InvalidParams(
                f"No model is named, and {row.vendor.display_name} has no default one.",
                path="$.request.model",
                hint="Name a model (list_models lists them), or set one by configure_provider.",
            )
        return row, model

    def local(self, row: Row) -> LocalProvider | None:
        """What answers on this machine by itself; None where a server does."""
        return self._local.get(row.vendor.format)

    def available(self, row: Row, running: Collection[str]) -> bool:
        """True where nothing is missing that can be known without asking the provider."""
        local = self.local(row)
        if local is not None:
            return local.available()
        there = not row.vendor.runs_here or row.vendor.name in running
        return there and row.has_address and self._custody.fits(row.wanted())

    def _remote_run(
        self, request: AIRequest, model: str, row: Row, execution_id: str | None
    ) -> Run:
        target = self.remote.target(row, model, request.timeouts)
        self.remote.check_key(row, execution_id)  # else the stream would have to tell

        async def run(sink: Sink) -> None:
            unheeded.tell(request, row.vendor, sink.facts)
            await self.remote.with_keys(row, sink, self.remote.chat(request, target, sink))

        return run


def check_extra(extra: dict[str, Any] | None, *names: str, path: str = "$.request") -> None:
    """Refuse in `extra` what has a parameter of its own. Raises `InvalidParams`."""
    for name in names:
        if name in (extra or {}):
            message = f"`extra` cannot set `{name}`."
            other = ", or the method that streams" if name == "stream" else ""
            hint = f"Use `{f'{path}.{name}'.removeprefix('$.')}`{other}."
            raise InvalidParams(message, path=f"{path}.extra.{name}", hint=hint)


def _local_run(local: LocalProvider, request: AIRequest, model: str, row: Row) -> Run:
    deadlines = row.deadlines(request.timeouts)

    async def run(sink: Sink) -> None:
        unheeded.tell(request, row.vendor, sink.facts)
        await on_this_machine.stream(
            local, request, model, sink, vendor=row.vendor, deadlines=deadlines
        )

    return run


def _with_defaults(request: AIRequest, row: Row) -> AIRequest:
    changes = {
        name: getattr(row, name)
        for name in ("max_tokens", "temperature")
        if getattr(request, name) is None and getattr(row, name) is not None
    }
    return msgspec.structs.replace(request, **changes) if changes else request
